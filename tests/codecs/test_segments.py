import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vb_perception.codecs.palette import distinct_colours, nearest_colour
from vb_perception.codecs.segments import decode_mask, encode_segments
from vb_perception.errors import ConfigError, FrameError


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), sigma=st.sampled_from([0, 8]))
def test_painted_segments_are_read_back_under_noise(seed: int, sigma: int) -> None:
    rng = np.random.default_rng(seed)
    colours = distinct_colours(9)
    ids = rng.integers(0, 9, (12, 10)).astype(np.uint16)
    rgb = np.clip(encode_segments(ids, colours) + rng.normal(0, sigma, (12, 10, 3)), 0, 255).astype(np.uint8)
    decoded, _ = nearest_colour(rgb, colours)
    np.testing.assert_array_equal(decoded, ids)


def test_an_id_without_a_colour_is_refused() -> None:
    with pytest.raises(FrameError, match="ids 0 to 2 for 2 colours"):
        encode_segments(np.array([[0, 2]], np.uint16), [(0, 0, 0), (1, 1, 1)])
    with pytest.raises(FrameError, match="ids -1 to 0"):
        encode_segments(np.array([[0, -1]], np.int16), [(0, 0, 0), (1, 1, 1)])


def test_mask_is_what_lies_nearer_to_the_colour_and_half_way_is_background_without_confidence() -> None:
    rgb = np.array([[[255, 255, 0], [200, 190, 10], [0, 0, 0], [60, 60, 60], [127, 128, 0]]], np.uint8)
    mask, confidence = decode_mask(rgb, (255, 255, 0), (0, 0, 0))
    assert mask[0].tolist() == [True, True, False, False, False]
    assert confidence[0, 0] == confidence[0, 2] == 1
    assert confidence[0, 4] < 0.01
    assert 0.01 < confidence[0, 3] < confidence[0, 1] < 1


def test_a_mask_in_the_colour_of_its_background_is_refused() -> None:
    with pytest.raises(ConfigError, match="all different"):
        decode_mask(np.zeros((2, 2, 3), np.uint8), (3, 3, 3), (3, 3, 3))
