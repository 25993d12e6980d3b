"""Predictions check their arrays once, at the door."""

import numpy as np
import pytest

from vb_perception.errors import FrameError
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap, where_seen

ONES = np.ones((2, 3), np.float32)


def test_good_arrays_are_kept_as_they_are() -> None:
    depth_m = np.array([[1, np.nan, np.inf], [2, 3, 4]], np.float32)
    assert DepthMap(depth_m, ONES).depth_m is depth_m
    normals = np.zeros((2, 3, 3), np.float32)
    assert NormalMap(normals, ONES).normals is normals
    ids = np.array([[0, 1, 1], [0, 0, 1]], np.uint16)
    assert SegmentMap(ids, ("background", "mug"), ONES).ids is ids


@pytest.mark.parametrize(
    "depth_m",
    [
        np.ones((2, 3)),  # float64
        np.ones((2, 3), ">f4"),  # big-endian
        np.ones(6, np.float32),
        np.ones((2, 3, 1), np.float32),
        np.float32(1),
    ],
)
def test_depth_of_another_kind_is_refused(depth_m: np.ndarray) -> None:
    with pytest.raises(FrameError, match=r"depth_m: got .*expected float32 \(height, width\)"):
        DepthMap(depth_m, ONES)


@pytest.mark.parametrize("shape", [(2, 3), (3, 2, 3), (2, 3, 4), (1, 2, 3, 3)])
def test_normals_of_another_kind_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(FrameError, match=r"(normals|confidence): got .*expected float32 \((height|3, 2\))"):
        NormalMap(np.zeros(shape, np.float32), ONES)


@pytest.mark.parametrize("confidence", [np.ones((3, 2), np.float32), np.ones((2, 3)), np.ones((2, 3, 1), np.float32)])
def test_confidence_must_fit_the_prediction(confidence: np.ndarray) -> None:
    with pytest.raises(FrameError, match=r"confidence: got .*expected float32 \(2, 3\)"):
        DepthMap(ONES, confidence)
    with pytest.raises(FrameError, match=r"confidence: got .*expected float32 \(2, 3\)"):
        NormalMap(np.zeros((2, 3, 3), np.float32), confidence)
    with pytest.raises(FrameError, match=r"confidence: got .*expected float32 \(2, 3\)"):
        SegmentMap(np.zeros((2, 3), np.uint16), ("background",), confidence)


def test_nothing_is_said_where_nothing_was_seen() -> None:
    unseen = np.array([[True, False, False], [False, False, True]])
    hidden = np.where(unseen, np.float32(0), ONES)
    depth = DepthMap(np.full((2, 3), np.inf, np.float32), ONES)
    normals = NormalMap(np.full((2, 3, 3), 0.5, np.float32), ONES)
    segments = SegmentMap(np.ones((2, 3), np.uint16), ("background", "mug"), ONES)
    for whole in (depth, normals, segments):
        assert where_seen(whole, None) is whole
        np.testing.assert_array_equal(where_seen(whole, unseen).confidence, hidden)
    found = [where_seen(whole, unseen) for whole in (depth, normals, segments)]
    assert isinstance(found[0], DepthMap)
    np.testing.assert_array_equal(np.isnan(found[0].depth_m), unseen)
    assert isinstance(found[1], NormalMap)
    np.testing.assert_array_equal(np.isnan(found[1].normals), np.repeat(unseen[..., None], 3, axis=2))
    assert isinstance(found[2], SegmentMap)
    np.testing.assert_array_equal(found[2].ids, ~unseen)
    assert np.isinf(depth.depth_m).all(), "what was given stays as it was"


def test_every_segment_id_needs_a_name() -> None:
    ids = np.full((2, 3), 2, np.uint16)
    SegmentMap(ids, ("background", "mug", "plate"), ONES)
    with pytest.raises(FrameError, match="segment id 2 has no name: expected ids below 2"):
        SegmentMap(ids, ("background", "mug"), ONES)
    with pytest.raises(FrameError, match=r"ids: got int32"):
        SegmentMap(ids.astype(np.int32), ("background", "mug", "plate"), ONES)
