import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vb_perception.codecs.palette import COLOUR_NAMES, Colour, distinct_colours, nearest_colour
from vb_perception.errors import ConfigError, FrameError

COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


@settings(deadline=None)
@given(palette=st.lists(COLOURS, min_size=2, max_size=16, unique=True), seed=st.integers(0, 2**32 - 1))
def test_nearest_colour_is_the_least_euclidean_distance_and_confidence_its_margin(
    palette: list[Colour], seed: int
) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    rgb[0, 0] = palette[-1]
    ids, confidence = nearest_colour(rgb, palette)
    squared = np.square(rgb[:, :, None].astype(int) - np.array(palette)).sum(axis=3)
    assert ids.dtype == np.uint16
    np.testing.assert_array_equal(ids, squared.argmin(axis=2))
    first, second = np.moveaxis(np.sqrt(np.sort(squared, axis=2)[..., :2]), 2, 0)
    np.testing.assert_allclose(confidence, (second - first) / (second + first), atol=1e-5)
    assert confidence[0, 0] == 1


def test_palettes_that_cannot_be_read_are_refused() -> None:
    rgb = np.zeros((2, 2, 3), np.uint8)
    for palette in ([(0, 0, 0)], [(0, 0, 0), (9, 9, 9), (0, 0, 0)]):
        with pytest.raises(ConfigError, match="at least two colours, all different"):
            nearest_colour(rgb, palette)
    with pytest.raises(FrameError, match="expected uint8"):
        nearest_colour(rgb[..., 0], [(0, 0, 0), (9, 9, 9)])


def distance(a: Colour, b: Colour) -> float:
    return float(np.linalg.norm(np.subtract(a, b)))


@pytest.mark.parametrize("avoid", [(), ((0, 0, 0),), ((90, 100, 110), (255, 255, 255))])
def test_distinct_colours_are_far_apart_and_always_the_same(avoid: tuple[Colour, ...]) -> None:
    colours = distinct_colours(14, avoid)
    assert colours == distinct_colours(14, avoid)
    assert colours[:5] == distinct_colours(5, avoid)
    others = [*colours, *avoid]
    assert min(distance(a, b) for i, a in enumerate(colours) for b in others[i + 1 :]) >= 100


def test_no_more_distinct_colours_than_there_are() -> None:
    assert distinct_colours(0) == ()
    assert len(set(distinct_colours(125))) == 125
    for n in (126, -1):
        with pytest.raises(ConfigError, match="expected 0 to 125"):
            distinct_colours(n)


def test_named_colours_hold_every_name_that_the_papers_prompts_use() -> None:
    names = ["red", "pink", "light purple", "yellow", "white", "green", "cyan", "black", "violet", "magenta", "blue"]
    assert set(names) <= set(COLOUR_NAMES)
    assert len({COLOUR_NAMES[name] for name in names}) == len(names)
    assert all(name == name.lower().strip() for name in COLOUR_NAMES)
    assert all(0 <= level <= 255 for colour in COLOUR_NAMES.values() for level in colour)
