"""A frame refuses images and intrinsics that do not belong together."""

import numpy as np
import pytest

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.frame import Frame


def test_size_is_the_image_s_and_not_swapped() -> None:
    frame = Frame(np.zeros((3, 7, 3), np.uint8), 12, "camera_optical", CameraIntrinsics(7, 3, 5.0, 5.0, 3.0, 1.0))
    assert (frame.width, frame.height) == (7, 3)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((4, 5), np.uint8),
        ((4,), np.uint8),
        ((), np.uint8),
        ((4, 5, 4), np.uint8),
        ((3, 4, 5), np.uint8),
        ((0, 5, 3), np.uint8),
        ((4, 0, 3), np.uint8),
        ((1, 4, 5, 3), np.uint8),
        ((4, 5, 3), np.float32),
    ],
)
def test_other_images_are_refused(shape: tuple[int, ...], dtype: type) -> None:
    with pytest.raises(FrameError, match=r"expected uint8 \(height, width, 3\)"):
        Frame(np.zeros(shape, dtype), 0, "camera")


@pytest.mark.parametrize("unseen", [np.zeros((8, 4), np.bool_), np.zeros((4, 8), np.uint8)])
def test_a_mask_of_another_kind_is_refused(unseen: np.ndarray) -> None:
    with pytest.raises(FrameError, match=r"unseen is .*expected bool \(4, 8\)"):
        Frame(np.zeros((4, 8, 3), np.uint8), 0, "camera", None, unseen)


def test_camera_info_of_another_size_is_refused_even_when_only_swapped() -> None:
    camera = CameraIntrinsics(4, 8, 5.0, 5.0, 1.5, 3.5)
    with pytest.raises(FrameError, match="camera_info is for 4x8, the image is 8x4"):
        Frame(np.zeros((4, 8, 3), np.uint8), 0, "camera", camera)
