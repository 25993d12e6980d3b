from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.resample import resize_confidence, resize_depth, resize_normals, resize_prediction

Float = NDArray[np.float32]

UNTIMED = settings(deadline=None, max_examples=60)  # a busy machine is no failure
SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))
TARGETS = st.tuples(st.integers(1, 40), st.integers(1, 40))
DEPTHS = SIZES.flatmap(
    lambda size: npst.arrays(
        np.float32, size, elements=st.sampled_from([0.0, 0.5, 2.0, 2.02, 2.05, 2.12, 2.5, 70.0, np.nan, np.inf])
    )
)
DIRECTIONS = np.array([[0, 0, -1], [0.1, 0, -0.995], [0, 0.6, -0.8], [1, 0, 0], [np.nan] * 3], np.float32)
NORMALS = SIZES.flatmap(lambda size: npst.arrays(np.intp, size, elements=st.integers(0, 4))).map(
    lambda i: DIRECTIONS[i]
)


def surroundings(values: Float, row: int, column: int, target: tuple[int, int]) -> Float:
    """The source pixels nearest to a target pixel: every one less than 1 away, in each direction."""
    height, width = values.shape[:2]
    y, x = (row + 0.5) * height / target[0] - 0.5, (column + 0.5) * width / target[1] - 0.5
    rows = [i for i in range(height) if abs(i - min(max(y, 0), height - 1)) < 1]
    columns = [i for i in range(width) if abs(i - min(max(x, 0), width - 1)) < 1]
    return values[np.ix_(rows, columns)].reshape(-1, *values.shape[2:])


def nearest(values: NDArray[Any], target: tuple[int, int]) -> NDArray[Any]:
    rows = [int(Fraction(2 * i + 1, 2 * target[0]) * values.shape[0]) for i in range(target[0])]
    columns = [int(Fraction(2 * i + 1, 2 * target[1]) * values.shape[1]) for i in range(target[1])]
    return values[np.ix_(rows, columns)]


@UNTIMED
@given(DEPTHS, TARGETS)
def test_depth_is_invented_nowhere(depth_m: Float, target: tuple[int, int]) -> None:
    height, width = target
    resized = resize_depth(depth_m, width, height)
    assert resized.dtype == np.float32
    assert resized.shape == target
    at_nearest = nearest(depth_m, target)
    assert np.array_equal(np.isnan(resized), np.isnan(at_nearest))
    assert np.array_equal(np.isinf(resized), np.isinf(at_nearest))
    for row, column in np.ndindex(target):
        value, near = resized[row, column], surroundings(depth_m, row, column, target)
        if not np.isfinite(value):
            continue
        known = near[np.isfinite(near)]
        assert known.min() * (1 - 1e-6) <= value <= known.max() * (1 + 1e-6)
        if len(known) < len(near) or near.max() >= 1.05 * near.min():  # an edge: no mean of two surfaces
            assert value in near


def test_depth_of_a_slope_is_linear_and_not_stepped() -> None:
    columns = np.arange(32, dtype=np.float32)
    depth_m = np.repeat((2 + 0.02 * columns)[None], 24, axis=0)
    resized = resize_depth(depth_m, 80, 60)
    centres = np.clip((np.arange(80) + 0.5) * 0.4 - 0.5, 0, 31)
    assert np.allclose(resized, 2 + 0.02 * centres, atol=1e-5)


def test_depth_of_a_step_stays_a_step() -> None:
    depth_m = np.full((24, 32), 1, np.float32)
    depth_m[:, 16:] = 3
    resized = resize_depth(depth_m, 80, 60)
    assert set(np.unique(resized)) == {1, 3}
    assert (resized[:, :40] == 1).all()
    assert (resized[:, 40:] == 3).all()


@UNTIMED
@given(NORMALS, TARGETS)
def test_normals_are_unit_or_unknown(normals: Float, target: tuple[int, int]) -> None:
    height, width = target
    resized = resize_normals(normals, width, height)
    assert resized.dtype == np.float32
    assert resized.shape == (*target, 3)
    assert np.array_equal(np.isnan(resized), np.isnan(nearest(normals, target)))
    length = np.linalg.norm(resized, axis=2)
    assert np.allclose(length[~np.isnan(length)], 1, atol=1e-3)


def test_normals_turn_smoothly_on_a_curve_and_not_at_all_across_an_edge() -> None:
    angle = np.radians(np.arange(40, dtype=np.float32) * 2)
    curve = np.stack([np.sin(angle), np.zeros_like(angle), -np.cos(angle)], axis=1)
    resized = resize_normals(np.repeat(curve[None].astype(np.float32), 30, axis=0), 100, 75)
    turned = np.degrees(np.arctan2(resized[..., 0], -resized[..., 2]))
    assert np.allclose(turned, np.clip((np.arange(100) + 0.5) * 0.4 - 0.5, 0, 39) * 2, atol=0.01)
    corner = np.zeros((30, 40, 3), np.float32)
    corner[:, :20, 2], corner[:, 20:, 0] = -1, 1
    resized = resize_normals(corner, 100, 75)
    assert (resized[:, :50] == (0, 0, -1)).all()
    assert (resized[:, 50:] == (1, 0, 0)).all()


@UNTIMED
@given(npst.arrays(np.float32, SIZES, elements=st.floats(0, 1, width=32)), TARGETS)
def test_confidence_keeps_its_range(confidence: Float, target: tuple[int, int]) -> None:
    resized = resize_confidence(confidence, target[1], target[0])
    assert resized.shape == target
    assert confidence.min() - 1e-6 <= resized.min()
    assert resized.max() <= min(1, confidence.max() + 1e-6)


@UNTIMED
@given(npst.arrays(np.uint16, SIZES, elements=st.integers(0, 6)), TARGETS)
def test_ids_are_taken_from_the_nearest_pixel(ids: NDArray[np.uint16], target: tuple[int, int]) -> None:
    segments = SegmentMap(ids, tuple("abcdefg"), np.ones(ids.shape, np.float32))
    resized = resize_prediction(segments, target[1], target[0])
    assert isinstance(resized, SegmentMap)
    assert resized.names == segments.names
    assert np.array_equal(resized.ids, nearest(ids, target))


@pytest.mark.parametrize("size", [(7, 5), (32, 24), (100, 75)])
def test_every_kind_comes_out_at_the_size_asked_for(size: tuple[int, int]) -> None:
    width, height = size
    confidence = np.full((24, 32), 0.5, np.float32)
    depth = DepthMap(np.full((24, 32), 2, np.float32), confidence)
    normals = NormalMap(np.full((24, 32, 3), (0, 0, -1), np.float32), confidence)
    for prediction in (depth, normals):
        resized = resize_prediction(prediction, width, height)
        assert type(resized) is type(prediction)
        assert resized.confidence.shape == (height, width)
        assert (resized is prediction) == (size == (32, 24))


def test_nothing_unknown_is_sure() -> None:
    confidence = np.ones((24, 32), np.float32)
    depth_m, normals = np.full((24, 32), 2, np.float32), np.full((24, 32, 3), (0, 0, -1), np.float32)
    depth_m[8:16, 8:16] = normals[8:16, 8:16] = np.nan
    confidence[8:16, 8:16] = 0
    depth = resize_prediction(DepthMap(depth_m, confidence), 100, 75)
    turned = resize_prediction(NormalMap(normals, confidence), 100, 75)
    assert isinstance(depth, DepthMap)
    assert isinstance(turned, NormalMap)
    for unknown, sure in (
        (np.isnan(depth.depth_m), depth.confidence),
        (np.isnan(turned.normals[..., 0]), turned.confidence),
    ):
        assert 0.05 < unknown.mean() < 0.2
        assert not sure[unknown].any()
        assert sure[~unknown].min() > 0
