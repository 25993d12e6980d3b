"""Rectified topics by their names; measurements from their nearest pixel.  (Pictures: tests/ros/test_viewport.py.)"""

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.rectification import (
    Rectifier,
    intrinsics_from_info,
    is_turned,
    needs_rectifying,
    shows_rectified,
)

WIDTH, HEIGHT = 320, 240
K = [200.0, 0.0, 158.0, 0.0, 205.0, 121.0, 0.0, 0.0, 1.0]
BARREL = [-0.25, 0.06, 0.001, -0.002, 0.0]
PINHOLE = CameraIntrinsics(WIDTH, HEIGHT, K[0], K[4], K[2], K[5])


def info(**fields: Any) -> Any:  # noqa: ANN401 - any reader's message
    roi = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0)
    own = {"width": WIDTH, "height": HEIGHT, "distortion_model": "plumb_bob", "d": BARREL, "k": K, "r": [0.0] * 9}
    return SimpleNamespace(**own | {"p": [0.0] * 12, "binning_x": 0, "binning_y": 0, "roi": roi} | fields)


@pytest.mark.parametrize(
    ("topic", "rectified"),
    [
        ("/camera/image_rect", True),
        ("/camera/image_rect_color", True),
        ("/camera/image_rect/compressed", True),
        ("/camera/image_rect/republished", True),
        ("/zed/zed_node/left/color/rect/image", True),
        ("/camera/left/image_rectified", True),
        ("/stereo/rectifiedLeft", True),
        ("/CAM/IMAGE_RECT", True),
        ("/camera/image_raw", False),
        ("/camera/image_raw/republished", False),
        ("/direct/camera/image_raw", False),
        ("/rectangle/image_corrected", False),
    ],
)
def test_a_topic_of_rectified_images_is_told_by_a_word_of_its_name(topic: str, rectified: bool) -> None:  # noqa: FBT001 (parametrised)
    assert shows_rectified(topic) is rectified


def test_measurements_are_moved_to_where_the_pinhole_sees_them_and_never_mixed() -> None:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    place = np.stack((columns, rows, np.ones_like(rows)), axis=-1)
    moved = Rectifier().measurements(place, info(), PINHOLE, np.nan)
    known = np.isfinite(moved[..., 0])
    assert known.mean() > 0.5
    assert (moved[known] == np.rint(moved[known])).all()
    pixels = np.stack((columns, rows), axis=-1)[known]
    x, y = ((pixels - (K[2], K[5])) / (K[0], K[4])).T
    rays, still = np.stack((x, y, np.ones_like(x)), axis=-1), np.zeros(3)
    seen, _ = cv2.projectPoints(rays, still, still, np.array(K).reshape(3, 3), np.array(BARREL))
    assert np.abs(moved[known][:, :2] - seen[:, 0]).max() < 0.55  # half a pixel, and the maps' 1/32
    ids = Rectifier().measurements(place[..., 0].astype(np.int16), info(), PINHOLE, -1)
    np.testing.assert_array_equal(ids, np.where(known, moved[..., 0], -1))


def p_of(focal_x: float, focal_y: float) -> list[float]:
    return [focal_x, 0.0, K[2], 0.0, 0.0, focal_y, K[5], 0.0, 0.0, 0.0, 1.0, 0.0]


def seen_through(camera: Any) -> tuple[np.ndarray, np.ndarray | None]:  # noqa: ANN401 - as info
    target = intrinsics_from_info(camera)
    assert target is not None
    return Rectifier().picture(np.full((HEIGHT, WIDTH, 3), 255, np.uint8), camera, target)


TURN, _ = cv2.Rodrigues(np.array([0.0, 0.3, 0.0]))


@pytest.mark.parametrize(
    "camera",
    [
        info(p=p_of(K[0] / 2, K[4] / 2)),
        info(r=TURN.ravel()),
        info(distortion_model="equidistant", d=[-0.02, 0.01, -0.004, 0.001], p=p_of(K[0] / 2, K[4] / 2)),
        info(d=[500.0, 0.0, 0.0, 0.0, 0.0]),  # leads farther than 65536 pixels
    ],
    ids=["wide", "turned", "fisheye", "far outside"],
)
def test_what_the_lens_never_saw_is_told(camera: Any) -> None:  # noqa: ANN401 - as info
    picture, unseen = seen_through(camera)
    assert unseen is not None
    assert 0.1 < unseen.mean() < 0.99
    # Half of a pixel at the rim may be outside, and a quarter at its corners.
    assert picture[unseen].max() <= 128
    assert picture[~unseen].min() >= 60


@pytest.mark.parametrize(
    ("model", "d"),
    [
        ("plumb_bob", [-0.38, 0.13, 0.0, 0.0, -0.02]),
        ("plumb_bob", [-0.3, 0.0, 0.0, 0.0, 0.0]),
        ("rational_polynomial", [-0.3, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0]),
        ("equidistant", [-0.5, 0.0, 0.0, 0.0]),
    ],
)
def test_a_polynomial_that_turns_round_shows_nothing_twice(model: str, d: list[float]) -> None:
    """Along a row to the right the source goes to the right, for as long as anything is seen."""
    camera = info(distortion_model=model, d=d, p=p_of(K[0] / 3, K[4] / 3))
    target = intrinsics_from_info(camera)
    assert target is not None
    columns = np.broadcast_to(np.arange(WIDTH, dtype=np.float32), (HEIGHT, WIDTH))
    row = Rectifier().measurements(columns, camera, target, np.nan)[int(K[5])]
    picture, unseen = seen_through(camera)
    assert unseen is not None
    assert picture[unseen].max() <= 128  # half of a pixel at the rim
    assert np.isnan(row[unseen[int(K[5])]]).all()
    seen = ~unseen[int(K[5])]
    assert 0.1 < seen.mean() < 1
    assert (np.diff(row[seen]) >= 0).all()
    assert (np.diff(np.flatnonzero(seen)) == 1).all()


def test_an_ideal_fisheye_is_no_pinhole() -> None:
    camera = info(distortion_model="equidistant", d=[0.0] * 4)
    assert needs_rectifying(camera)
    columns = np.broadcast_to(np.arange(WIDTH, dtype=np.float32), (HEIGHT, WIDTH))
    row = Rectifier().measurements(columns, camera, PINHOLE, np.nan)[int(K[5])]
    angle = np.arctan((np.arange(WIDTH) - K[2]) / K[0])
    np.testing.assert_allclose(row, K[2] + K[0] * angle, atol=0.55)


def test_an_image_without_distortion_is_mapped_from_k_to_p() -> None:
    camera = info(distortion_model="", d=[], p=p_of(0.8 * K[0], 0.8 * K[4]))
    assert needs_rectifying(camera)
    target = intrinsics_from_info(camera)
    assert target is not None
    columns = np.broadcast_to(np.arange(WIDTH, dtype=np.float32), (HEIGHT, WIDTH))
    row = Rectifier().measurements(columns, camera, target, np.nan)[int(K[5])]
    known = np.isfinite(row)
    np.testing.assert_allclose(row[known], (K[2] + (np.arange(WIDTH) - K[2]) / 0.8)[known], atol=0.55)


def test_where_the_lens_saw_everything_there_is_nothing_to_tell() -> None:
    assert seen_through(info())[1] is None
    assert seen_through(info(p=p_of(1.2 * K[0], 1.2 * K[4])))[1] is None


NAN, HUGE = float("nan"), 1e9


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        (info(d=[NAN] * 5), r"d in camera_info is \[nan.*expected finite coefficients; calibrate"),
        (info(d=[0.1, float("inf"), 0.0, 0.0, 0.0]), "expected finite coefficients"),
        (info(d=[HUGE, HUGE**3, 0.0, 0.0, 0.0]), "would show next to nothing; expected the coefficients of a lens"),
        (info(distortion_model="equidistant", d=[HUGE] * 4), "would show next to nothing"),
        (info(r=[NAN] * 9), r"r in camera_info is \[nan.*expected a rotation"),
        (info(r=[1.0] * 9), "expected a rotation"),
        (info(r=np.diag([1.0, 1.0, -1.0]).ravel()), "expected a rotation"),
        (info(k=[200.0, 0.0, 158.0, 0.0, 0.0, 121.0, 0.0, 0.0, 1.0], p=p_of(200.0, 205.0)), "focal above zero"),
    ],
    ids=["d nan", "d inf", "d huge", "fisheye huge", "r nan", "r singular", "r mirrors", "k"],
)
def test_a_calibration_that_no_lens_has_is_refused(camera: Any, words: str) -> None:  # noqa: ANN401 - as info
    with pytest.raises(FrameError, match=words):
        seen_through(camera)


def test_a_camera_is_turned_if_its_r_is_set_and_no_identity() -> None:
    turn, _ = cv2.Rodrigues(np.array([0.0, 0.02, 0.0]))
    assert is_turned(info(r=turn.ravel()))
    assert not is_turned(info(r=np.eye(3).ravel()))
    assert not is_turned(info())
