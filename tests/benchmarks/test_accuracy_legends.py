import numpy as np
import pytest
from accuracy_legends import COLOURS, USUAL, WORDS, LegendTally, legends, named_classes

from vb_perception.camera import CameraIntrinsics
from vb_perception.predictions import SegmentMap
from vb_perception.scenes.classes import CLASS_IDS, CLASS_NAMES, CLASSES
from vb_perception.scenes.sample import Sample

SIDE = 100


def three_classes() -> Sample:
    """Floor below, a table in the middle, one pixel of cup; the right edge is unlabelled."""
    ids = np.zeros((SIDE, SIDE), np.int16)
    ids[60:] = CLASS_IDS["floor"]
    ids[40:60] = CLASS_IDS["table"]
    ids[0, 0] = CLASS_IDS["cup"]
    ids[:, 90:] = -1
    nothing = np.full((SIDE, SIDE), np.nan, np.float32)
    rgb = np.zeros((SIDE, SIDE, 3), np.uint8)
    camera = CameraIntrinsics.from_fov(SIDE, SIDE, 60)
    return Sample("s", rgb, camera, nothing, np.repeat(nothing[..., None], 3, -1), ids, ids, CLASS_NAMES)


def test_what_a_person_would_notice_is_named_largest_first() -> None:
    assert named_classes(three_classes()) == ["floor", "table"]


def test_every_colour_is_handed_on_the_backgrounds_too() -> None:
    named = ["floor", "table", "cup"]
    for seed in range(20):
        asked = legends(named, np.random.default_rng(seed))
        usual, other = asked[USUAL], asked[COLOURS]
        assert [name for name, _ in other.legend] == named
        assert set(usual.colours) == set(other.colours)
        assert all(before != after for before, after in zip(usual.colours, other.colours, strict=True))


def test_other_words_are_synonyms_in_the_usual_colours_each_once() -> None:
    named = [c.name for c in CLASSES[1:15]]
    asked = legends(named, np.random.default_rng(0))
    synonyms = {c.name: c.synonyms for c in CLASSES}
    words = [word for word, _ in asked[WORDS].legend]
    assert asked[WORDS].colours == asked[USUAL].colours
    assert len(set(words)) == len(words)
    for name, word in zip(named, words, strict=True):
        assert word in synonyms[name] or (word == name and not synonyms[name])


def answer(ids: np.ndarray) -> SegmentMap:
    return SegmentMap(ids.astype(np.uint16), ("background", "floor", "table"), np.ones(ids.shape, np.float32))


def test_iou_of_frames_and_of_words() -> None:
    sample, named = three_classes(), ["floor", "table"]
    perfect = np.select([sample.class_ids == CLASS_IDS["floor"], sample.class_ids == CLASS_IDS["table"]], [1, 2], 0)
    perfect[:, 90:] = 2  # unlabelled: whatever is painted there counts for nothing
    tally = LegendTally()
    assert tally.add(answer(perfect), named, sample) == 1
    halved = np.where(np.indices(perfect.shape)[1] < 45, perfect, 0)
    assert tally.add(answer(halved), named, sample) == pytest.approx(0.5)
    assert tally.by_word() == {"floor": pytest.approx(0.75), "table": pytest.approx(0.75)}
    assert tally.mean() == pytest.approx(0.75)
