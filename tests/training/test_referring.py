import numpy as np
import pytest

from vb_perception.camera import CameraIntrinsics
from vb_perception.instructions.phrases import COLOUR_WORDS, RELATIONS, SUPERLATIVES, unknown_words
from vb_perception.scenes.sample import Sample
from vb_perception.training import referring
from vb_perception.training.referring import Thing, colour_name, refer, things

NOUNS = {"cup": "cup", "box": "box"}
SCENE = [
    Thing(1, "cup", "red", 0.2, 1.0, 900),
    Thing(2, "cup", "blue", 0.5, 1.4, 500),
    Thing(3, "box", "brown", 0.4, 1.2, 2000),
]
TRUTH = {
    "leftmost cup": 1,
    "rightmost cup": 2,
    "nearest cup": 1,
    "farthest cup": 2,
    "largest cup": 1,
    "smallest cup": 2,
    "the box": 3,
    "red cup": 1,
    "blue cup": 2,
    "brown box": 3,
    "cup left of the box": 1,
    "cup right of the box": 2,
    "cup in front of the box": 1,
    "cup behind the box": 2,
}


def test_phrases_mean_what_they_say() -> None:
    rng = np.random.default_rng(0)
    said = dict(filter(None, (refer(SCENE, NOUNS, rng) for _ in range(400))))
    assert TRUTH.items() <= said.items()
    assert said == {**TRUTH, "biggest cup": 1, "closest cup": 1}


def test_what_is_in_doubt_is_not_said() -> None:
    alike = [Thing(1, "cup", "", 0.50, 1.00, 500), Thing(2, "cup", "", 0.52, 1.01, 510)]
    assert refer(alike, NOUNS, np.random.default_rng(0)) is None
    assert refer([], NOUNS, np.random.default_rng(0)) is None


def test_a_colour_that_a_second_thing_may_have_is_not_said() -> None:
    doubtful = [SCENE[0], Thing(4, "cup", "", 0.9, 2.0, 300)]
    rng = np.random.default_rng(0)
    assert "red cup" not in {refer(doubtful, NOUNS, rng)[0] for _ in range(200)}  # type: ignore[index]


def test_what_is_small_is_not_meant_but_counts() -> None:
    rng = np.random.default_rng(0)
    small = [*SCENE, Thing(4, "box", "green", 0.9, 0.7, 20), Thing(5, "cup", "red", 0.8, 1.9, 30)]
    said = dict(filter(None, (refer(small, NOUNS, rng, 100) for _ in range(400))))
    assert said == {
        "leftmost cup": 1,
        "nearest cup": 1,
        "closest cup": 1,
        "largest cup": 1,
        "biggest cup": 1,
        "blue cup": 2,
        "leftmost box": 3,
        "farthest box": 3,
        "largest box": 3,
        "biggest box": 3,
        "brown box": 3,
    }


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((200, 20, 20), "red"),
        ((20, 40, 200), "blue"),
        ((110, 70, 30), "brown"),
        ((250, 250, 250), "white"),
        ((120, 121, 122), "gray"),
        ((10, 10, 12), "black"),
        ((30, 160, 50), "green"),
        ((160, 120, 120), ""),
    ],
)
def test_colours_have_everyday_names(rgb: tuple[int, int, int], name: str) -> None:
    assert colour_name(np.full((9, 3), rgb, np.uint8)) == name


RED, CRIMSON, GREEN, BLUE = (200, 40, 20), (200, 20, 40), (30, 160, 50), (20, 40, 200)


@pytest.mark.parametrize(
    ("pixels", "name"),
    [
        ([RED] * 6 + [CRIMSON] * 6, "red"),  # on both sides of where the hue begins
        ([RED] * 3 + [BLUE] * 4 + [GREEN] * 4, ""),  # no colour has half
        ([RED] * 2 + [GREEN] * 6 + [BLUE] * 3, "green"),
        ([(160, 120, 120)] * 6 + [RED] * 5, ""),
        ([(10, 10, 12)] * 4 + [(110, 70, 30)] * 5, "brown"),
    ],
)
def test_a_colour_is_what_half_of_a_thing_has(pixels: list[tuple[int, int, int]], name: str) -> None:
    assert colour_name(np.array(pixels, np.uint8)) == name


def test_every_word_is_one_that_the_node_takes_for_known() -> None:
    assert set(referring.SUPERLATIVES) == set(SUPERLATIVES)
    assert set(referring.RELATIONS) == set(RELATIONS)
    assert {name for name, _ in referring.HUES} <= set(COLOUR_WORDS)
    for phrase in TRUTH:
        assert unknown_words(phrase, set(NOUNS)) == ()


def test_things_of_a_sample() -> None:
    classes, instances = np.zeros((20, 30), np.int16), np.zeros((20, 30), np.int16)
    classes[5:15, 3:9], instances[5:15, 3:9] = 1, 4
    classes[0, 0], instances[0, 0] = 1, 5  # too small to be spoken of
    classes[5:15, 20:26], instances[5:15, 20:26] = 2, 6  # of a class that is not asked for
    rgb = np.zeros((20, 30, 3), np.uint8)
    rgb[instances == 4] = (220, 30, 30)
    depth = np.full((20, 30), 1.5, np.float32)
    normals = np.full((20, 30, 3), np.nan, np.float32)
    camera = CameraIntrinsics(30, 20, 30.0, 30.0, 15.0, 10.0)
    sample = Sample("s", rgb, camera, depth, normals, classes, instances, ("background", "cup", "sofa"))
    (thing,) = things(sample, ("cup",), 10)
    assert (thing.instance, thing.class_name, thing.colour, thing.pixels) == (4, "cup", "red", 60)
    assert thing.u == pytest.approx(5.5 / 30)
    assert thing.depth_m == pytest.approx(1.5)
