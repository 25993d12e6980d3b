"""Rectification, crop and resize: checked by where known points of the world land in the image."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import CameraInfo

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.rectification import intrinsics_from_info
from vb_perception.ros.viewport import View, Viewport

WIDTH, HEIGHT = 320, 240
K = [200.0, 0.0, 158.0, 0.0, 205.0, 121.0, 0.0, 0.0, 1.0]
BARREL = [-0.25, 0.06, 0.001, -0.002, 0.0]
EQUIDISTANT = [-0.02, 0.01, -0.004, 0.001]
POINT = np.array([[0.35, -0.2, 1.0]])  # well off the axis, where the lens bends


def _info(model: str = "plumb_bob", d: list[float] | None = None) -> CameraInfo:
    out = CameraInfo(width=WIDTH, height=HEIGHT, k=K, distortion_model=model, d=d or [])
    out.p = [K[0], 0.0, K[2], 0.0, 0.0, K[4], K[5], 0.0, 0.0, 0.0, 1.0, 0.0]
    return out


def _dot_at(pixel: np.ndarray) -> np.ndarray:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cv2.circle(image, tuple(int(v * 16) for v in np.rint(pixel)), 3 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    return image


def _centre(image: np.ndarray) -> np.ndarray:
    weight = image[..., 0].astype(float)
    rows, columns = np.indices(weight.shape)
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


def _expected(camera: CameraIntrinsics) -> np.ndarray:
    x, y, z = POINT[0]
    return np.array([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy])


def _distorted_pixel(model: str, d: list[float]) -> np.ndarray:
    matrix, zero = np.array(K).reshape(3, 3), np.zeros(3)
    if model == "equidistant":
        found, _ = cv2.fisheye.projectPoints(POINT[:, None], zero, zero, matrix, np.array(d))
    else:
        found, _ = cv2.projectPoints(POINT, zero, zero, matrix, np.array(d))
    return found.ravel()


@pytest.mark.parametrize(("model", "d"), [("plumb_bob", BARREL), ("equidistant", EQUIDISTANT)])
def test_a_point_lands_where_the_pinhole_sees_it(model: str, d: list[float]) -> None:
    bent = _distorted_pixel(model, d)
    straight = _expected(CameraIntrinsics.from_matrices(WIDTH, HEIGHT, K, [0.0] * 12))  # type: ignore[arg-type]
    assert np.linalg.norm(bent - straight) > 3
    rgb, camera, _ = Viewport(View()).apply(_dot_at(bent), _info(model, d))
    assert camera is not None
    np.testing.assert_allclose(_centre(rgb), straight, atol=0.8)


def test_crop_and_resize_move_the_intrinsics_with_the_pixels() -> None:
    whole = intrinsics_from_info(_info())
    assert whole is not None
    image = _dot_at(_expected(whole))
    rgb, camera, unseen = Viewport(View(crop_px=(100, 40, 200, 100), resize_width_px=100)).apply(image, _info())
    assert camera is not None
    assert unseen is None
    assert (camera.width, camera.height) == (rgb.shape[1], rgb.shape[0]) == (100, 50)
    np.testing.assert_allclose(_centre(rgb), _expected(camera), atol=0.5)


@given(st.sampled_from([1, 2, 4]), st.integers(0, 60), st.integers(0, 40))
def test_binning_and_region_of_interest_are_those_of_the_sensor(step: int, left: int, top: int) -> None:
    camera = _info()
    camera.binning_x = camera.binning_y = step
    camera.roi.x_offset, camera.roi.y_offset, camera.roi.width, camera.roi.height = left, top, 160, 120
    found = intrinsics_from_info(camera)
    whole = CameraIntrinsics(WIDTH, HEIGHT, K[0], K[4], K[2], K[5])
    assert found == whole.cropped(left, top, 160, 120).resized(160 // step, 120 // step)


def test_an_image_taken_as_rectified_stays_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    rgb, _, unseen = Viewport(View(undo_distortion=False)).apply(image, _info("plumb_bob", BARREL))
    assert rgb is image
    assert unseen is None


def test_what_the_lens_never_saw_is_cut_and_shrunk_as_the_image() -> None:
    wide = _info("plumb_bob", BARREL)
    wide.p[0], wide.p[5] = K[0] / 2, K[4] / 2  # twice as much to all sides as the lens has seen
    white = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    whole = Viewport(View()).apply(white, wide)
    assert whole.unseen is not None
    assert 0.3 < whole.unseen.mean() < 0.9
    crop = (10, 20, 200, 120)
    cut = Viewport(View(crop_px=crop)).apply(white, wide)
    np.testing.assert_array_equal(cut.unseen, whole.unseen[20:140, 10:210])
    small = Viewport(View(crop_px=crop, resize_width_px=100)).apply(white, wide)
    assert small.unseen is not None
    assert small.unseen.shape == small.rgb.shape[:2] == (60, 100)
    assert small.unseen[small.rgb[..., 0] < 48].all()
    assert not small.unseen[small.rgb[..., 0] > 195].any()
    middle = Viewport(View(crop_px=(130, 100, 60, 40))).apply(white, wide)
    assert middle.unseen is None, "nothing is hidden where all was seen"


@pytest.mark.parametrize(
    ("view", "camera", "words"),
    [
        (View(undo_distortion=None), _info("plumb_bob", BARREL), "rectification is refuse"),
        (View(), _info("swirl", [0.1]), "distortion model 'swirl' with 1 coefficients"),
        (View(crop_px=(200, 0, 200, 10)), _info(), "does not lie in the image of 320x240"),
        (View(), _info("plumb_bob", [0.1, 0.2]), "with 2 coefficients"),
    ],
    ids=["refused", "model", "crop", "coefficients"],
)
def test_what_cannot_be_done_is_refused(view: View, camera: CameraInfo, words: str) -> None:
    with pytest.raises(FrameError, match=words):
        Viewport(view).apply(np.zeros((HEIGHT, WIDTH, 3), np.uint8), camera)


def test_a_distorted_image_of_another_size_is_refused() -> None:
    with pytest.raises(FrameError, match="camera_info is for 320x240, the image is 64x48"):
        Viewport(View()).apply(np.zeros((48, 64, 3), np.uint8), _info("plumb_bob", BARREL))
