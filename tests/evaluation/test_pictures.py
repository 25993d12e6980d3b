"""Pictures mean what they show."""

import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.camera import CameraIntrinsics
from vb_perception.evaluation.pictures import (
    CLOUD_WIDTH_PX,
    UNKNOWN,
    class_colours,
    cloud_picture,
    depth_colours,
    depth_picture,
    depth_range_m,
    mask_picture,
    normals_picture,
)


def test_depth_range_holds_nearly_all_of_what_is_known() -> None:
    depth = np.linspace(0.52, 3.48, 10_000, dtype=np.float32).reshape(100, 100)
    depth[0, 0], depth[0, 1] = np.nan, np.inf
    assert depth_range_m([depth]) == (0.5, 3.5)


def test_depth_range_without_depth_is_still_one() -> None:
    near, far = depth_range_m([np.full((4, 4), np.nan, np.float32)])
    assert near < far


def test_depth_colours_run_from_near_to_far_and_unknown_is_dark() -> None:
    depth = np.array([[0.5, 1.0, 2.0, 9.0, np.nan, np.inf]], np.float32)
    picture = depth_picture(depth, (1.0, 2.0))
    colours = depth_colours()
    np.testing.assert_array_equal(picture[0, 0], colours[0])
    np.testing.assert_array_equal(picture[0, 1], colours[0])
    np.testing.assert_array_equal(picture[0, 2], colours[-1])
    np.testing.assert_array_equal(picture[0, 3], colours[-1])
    np.testing.assert_array_equal(picture[0, 4], UNKNOWN)
    np.testing.assert_array_equal(picture[0, 5], colours[-1])


def test_unknown_normals_are_dark() -> None:
    normals = np.full((2, 2, 3), np.nan, np.float32)
    normals[0, 0] = (0, 0, -1)
    picture = normals_picture(normals)
    assert picture[0, 0].tolist() != list(UNKNOWN)
    assert picture[1, 1].tolist() == list(UNKNOWN)


@pytest.mark.parametrize("count", [1, 3, 4, 24, 400])
def test_there_is_a_colour_for_every_id(count: int) -> None:
    colours = class_colours(count)
    assert len(colours) == count
    assert len(set(colours[:24])) == min(count, 24)


def test_masks_colour_things_and_leave_the_rest_grey() -> None:
    rgb = np.full((20, 20, 3), (200, 40, 40), np.uint8)
    ids = np.zeros((20, 20), np.int16)
    ids[5:15, 5:15], ids[-1] = 1, -1
    picture = mask_picture(rgb, ids, class_colours(2)).astype(int)
    assert picture[10, 10, 2] > picture[10, 10, 0] + 50  # the first class is blue
    assert np.ptp(picture[0, 0]) == 0
    assert np.ptp(picture[-1, 0]) == 0
    assert (picture[5, 5] > 230).all()  # outline


def test_the_cloud_shows_the_points_and_nothing_where_nothing_is_known() -> None:
    sample = make_sample(width=600, height=450)
    red = np.full_like(sample.rgb, (255, 0, 0))
    picture = cloud_picture(red, sample.depth_m, sample.intrinsics)
    assert picture.shape == (CLOUD_WIDTH_PX * 3 // 4, CLOUD_WIDTH_PX, 3)
    shown = (picture == (255, 0, 0)).all(-1)
    assert 0.1 < shown.mean() < 0.9
    empty = cloud_picture(red, np.full_like(sample.depth_m, np.nan), sample.intrinsics)
    assert not (empty == (255, 0, 0)).all(-1).any()


def test_in_the_cloud_near_points_hide_far_ones() -> None:
    camera = CameraIntrinsics.from_fov(120, 90, 60)
    depth = np.full((90, 120), 2.0, np.float32)
    rgb = np.zeros((90, 120, 3), np.uint8)
    rgb[..., 2] = 255
    before = (cloud_picture(rgb, depth, camera) == (0, 0, 255)).all(-1).sum()
    depth[30:60, 40:80], rgb[30:60, 40:80] = 1.5, (255, 0, 0)
    picture = cloud_picture(rgb, depth, camera)
    assert (picture == (255, 0, 0)).all(-1).sum() > 500
    assert (picture == (0, 0, 255)).all(-1).sum() < before
