"""Intrinsics through resize, crop and letterbox, against OpenCV's own warps and projection."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vb_perception.camera import CameraIntrinsics, Letterbox
from vb_perception.errors import ConfigError, FrameError

SIZES = st.integers(1, 2000)
CAMERA = CameraIntrinsics(64, 48, 60.0, 55.0, 30.25, 25.5)


def project(camera: CameraIntrinsics, points: np.ndarray) -> np.ndarray:
    """Pixels (N, 2) of points (N, 3) in the optical frame, by OpenCV."""
    k = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    pixels, _ = cv2.projectPoints(points.astype(np.float64), np.zeros(3), np.zeros(3), k, None)
    return np.asarray(pixels).reshape(-1, 2)


def scene_through(camera: CameraIntrinsics) -> np.ndarray:
    """What the camera sees of a smooth pattern fixed to directions, (H, W) float32."""
    x, y = camera.rays()
    return np.asarray(np.sin(4 * x) + np.cos(5 * y), np.float32)


def test_p_counts_where_it_is_set_else_k() -> None:
    k, p = [10.0, 0, 3, 0, 11, 2, 0, 0, 1], [8.0, 0, 4, 0, 0, 9, 5, 0, 0, 0, 1, 0]
    assert CameraIntrinsics.from_matrices(8, 6, k, p) == CameraIntrinsics(8, 6, 8, 9, 4, 5)
    assert CameraIntrinsics.from_matrices(8, 6, k, [0.0] * 12) == CameraIntrinsics(8, 6, 10, 11, 3, 2)
    assert CameraIntrinsics.from_matrices(8, 6, [0.0] * 9, p) is None


def test_unprojected_points_project_back_onto_their_pixel_centres() -> None:
    depth_m = np.random.default_rng(0).uniform(0.5, 9, (48, 64)).astype(np.float32)
    points = CAMERA.unproject(depth_m)
    rows, columns = np.mgrid[:48, :64]
    expected = np.stack([columns, rows], -1).reshape(-1, 2)
    np.testing.assert_allclose(project(CAMERA, points.reshape(-1, 3)), expected, atol=1e-3)
    np.testing.assert_array_equal(points[..., 2], depth_m)  # z-depth, not the length of the ray


def test_axes_are_right_down_forward() -> None:
    points = CAMERA.unproject(np.ones((48, 64), np.float32))
    assert points[0, 0, 0] < 0 < points[0, -1, 0]
    assert points[0, 0, 1] < 0 < points[-1, 0, 1]
    assert points.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_points_without_finite_depth_are_nan_even_on_the_optical_axis(bad: float) -> None:
    camera = CameraIntrinsics(3, 3, 2.0, 2.0, 1.0, 1.0)
    depth_m = np.ones((3, 3), np.float32)
    depth_m[1, 1] = depth_m[0, 0] = bad
    points = camera.unproject(depth_m)
    np.testing.assert_array_equal(np.isnan(points).all(-1), ~np.isfinite(depth_m))
    assert np.isfinite(points[np.isfinite(depth_m)]).all()


def test_depth_of_another_size_is_refused() -> None:
    with pytest.raises(FrameError, match=r"\(64, 48\) for a 64x48 camera"):
        CAMERA.unproject(np.ones((64, 48), np.float32))


@given(SIZES, SIZES, SIZES, SIZES)
def test_resizing_keeps_the_directions_of_the_image_corners(w: int, h: int, w2: int, h2: int) -> None:
    camera = CameraIntrinsics(w, h, 0.9 * w, 1.1 * w, 0.4 * w, 0.6 * h)
    resized = camera.resized(w2, h2)
    assert (resized.width, resized.height) == (w2, h2)
    for corner, corner2 in ((-0.5, -0.5), (w - 0.5, w2 - 0.5)):
        assert (corner - camera.cx) / camera.fx == pytest.approx((corner2 - resized.cx) / resized.fx, abs=1e-9)
    for corner, corner2 in ((-0.5, -0.5), (h - 0.5, h2 - 0.5)):
        assert (corner - camera.cy) / camera.fy == pytest.approx((corner2 - resized.cy) / resized.fy, abs=1e-9)


@pytest.mark.parametrize("size", [(128, 96), (32, 24), (100, 60)])
def test_resized_camera_sees_what_opencv_resizes(size: tuple[int, int]) -> None:
    interpolation = cv2.INTER_AREA if size[0] < CAMERA.width else cv2.INTER_LINEAR
    image = cv2.resize(scene_through(CAMERA), size, interpolation=interpolation)
    expected = scene_through(CAMERA.resized(*size))
    np.testing.assert_allclose(image[2:-2, 2:-2], expected[2:-2, 2:-2], atol=0.01)


def test_cropped_and_padded_cameras_see_the_same_pixels() -> None:
    crop = CAMERA.cropped(10, 5, 40, 30)
    np.testing.assert_allclose(scene_through(crop), scene_through(CAMERA)[5:35, 10:50], atol=1e-5)
    pad = CAMERA.cropped(-3, -4, 70, 60)
    np.testing.assert_allclose(scene_through(pad)[4:52, 3:67], scene_through(CAMERA), atol=1e-5)


@given(SIZES, SIZES, SIZES, SIZES)
def test_letterbox_fits_keeps_the_aspect_and_touches_two_sides(sw: int, sh: int, w: int, h: int) -> None:
    box = Letterbox(sw, sh, w, h)
    assert 0 <= box.left <= w - box.inner_width
    assert 0 <= box.top <= h - box.inner_height
    assert box.inner_width == w or box.inner_height == h
    assert abs(box.inner_width - sw * box.scale) <= 1
    assert abs(box.inner_height - sh * box.scale) <= 1
    assert abs(w - box.inner_width - 2 * box.left) <= 1  # centred
    assert abs(h - box.inner_height - 2 * box.top) <= 1


@pytest.mark.parametrize("canvas", [(96, 96), (160, 60), (128, 96), (65, 97)])
def test_letterbox_intrinsics_match_the_canvas_that_opencv_paints(canvas: tuple[int, int]) -> None:
    box = Letterbox(64, 48, *canvas)
    painted = np.full(canvas[::-1], np.nan, np.float32)
    inside = np.s_[box.top : box.top + box.inner_height, box.left : box.left + box.inner_width]
    painted[inside] = cv2.resize(scene_through(CAMERA), (box.inner_width, box.inner_height))
    camera = box.intrinsics(CAMERA)
    assert (camera.width, camera.height) == canvas
    expected = scene_through(camera)
    np.testing.assert_allclose(painted[inside][2:-2, 2:-2], expected[inside][2:-2, 2:-2], atol=0.01)


@given(SIZES, SIZES, st.floats(1, 179))
def test_field_of_view_spans_the_outer_edges(width: int, height: int, fov_deg: float) -> None:
    camera = CameraIntrinsics.from_fov(width, height, fov_deg)
    left, right = (-0.5 - camera.cx) / camera.fx, (width - 0.5 - camera.cx) / camera.fx
    assert math.degrees(math.atan(right) - math.atan(left)) == pytest.approx(fov_deg)
    assert camera.fx == camera.fy
    assert camera.cy == (height - 1) / 2


@pytest.mark.parametrize("fov_deg", [0.0, 180.0, -60.0, 270.0, math.nan])
def test_impossible_fields_of_view_are_refused(fov_deg: float) -> None:
    with pytest.raises(ConfigError, match="expected above 0 and below 180"):
        CameraIntrinsics.from_fov(640, 480, fov_deg)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5), (5, -1)])
def test_empty_cameras_and_letterboxes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(FrameError, match="expected both above zero"):
        CameraIntrinsics(*size, 5.0, 5.0, 0.0, 0.0)
    with pytest.raises(FrameError, match="expected both above zero"):
        CAMERA.resized(*size)
    with pytest.raises(FrameError, match="expected all above zero"):
        Letterbox(*size, 10, 10)
    with pytest.raises(FrameError, match="expected all above zero"):
        Letterbox(10, 10, *size)


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_intrinsics_that_are_not_finite_are_refused(index: int, value: float) -> None:
    k = [5.0, 5.0, 2.0, 2.0]
    k[index] = value
    with pytest.raises(FrameError, match="expected finite values"):
        CameraIntrinsics(5, 5, *k)


@pytest.mark.parametrize("focal", [(0.0, 5.0), (5.0, 0.0), (-5.0, 5.0), (5.0, -5.0)])
def test_focal_lengths_must_be_above_zero(focal: tuple[float, float]) -> None:
    with pytest.raises(FrameError, match="focal above zero"):
        CameraIntrinsics(5, 5, *focal, 2.0, 2.0)
