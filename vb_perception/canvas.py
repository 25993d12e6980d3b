"""Between a frame and the generator's canvas: what it is given of an image, and what its painted images mean for it."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics, Letterbox
from vb_perception.frame import Frame
from vb_perception.predictions import Prediction
from vb_perception.resample import resize_prediction
from vb_perception.tasks import Task

RGB = NDArray[np.uint8]
Float = NDArray[np.float32]
HALF_LEVELS = np.float32(127.5)
KEPT_RAYS = 8
"""How many cameras' rays are kept: they change only with the calibration or the crop."""


def reduced_picture(rgb: RGB, box: Letterbox) -> RGB:
    """An image (h, w, 3) at the size that it has inside the margins of the canvas."""
    size = (box.inner_width, box.inner_height)
    for _ in range(box.halvings):
        # Means of 2x2 pixels are ten times faster than of fractions of pixels, which are left for what remains.
        halved = (rgb.shape[1] // 2, rgb.shape[0] // 2)
        rgb = np.asarray(cv2.resize(rgb, halved, interpolation=cv2.INTER_AREA), np.uint8)
    interpolation = cv2.INTER_AREA if box.scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, size, interpolation=interpolation), np.uint8)


def image_input(picture: RGB, box: Letterbox) -> Float:
    """A picture of `reduced_picture` -> (1, 3, H, W) in [-1, 1], the rest of the canvas grey (zero)."""
    image = np.zeros((1, 3, box.height, box.width), np.float32)
    inside = image[0, :, box.top : box.top + box.inner_height, box.left : box.left + box.inner_width]
    for plane, levels in zip(
        inside, cv2.split(picture), strict=True
    ):  # bytes are split sixteen times as fast as floats
        cv2.addWeighted(levels, 1 / float(HALF_LEVELS), levels, 0, -1, dst=plane, dtype=cv2.CV_32F)
    return image


def rays_input(frame: Frame, box: Letterbox, default_fov_deg: float) -> Float:
    """Rays (1, 2, H, W) of the canvas' pixels; an uncalibrated camera is taken to have the default field of view."""
    camera = frame.intrinsics or CameraIntrinsics.from_fov(frame.width, frame.height, default_fov_deg)
    return _rays(camera, box)


@lru_cache(KEPT_RAYS)
def _rays(camera: CameraIntrinsics, box: Letterbox) -> Float:
    rays: Float = box.intrinsics(camera).rays()[None]
    rays.flags.writeable = False
    return rays


def rgb_images(painted: Float) -> list[RGB]:
    """(N, 3, H, W) in [-1, 1] -> N images (H, W, 3), rounded to the nearest of 256 levels and clipped."""
    flat = painted.reshape(-1, painted.shape[-1])
    levels = cv2.addWeighted(flat, float(HALF_LEVELS), flat, 0, float(HALF_LEVELS), dtype=cv2.CV_8U)
    return [cv2.merge(list(planes)) for planes in levels.reshape(painted.shape)]


def decode(task: Task, generated: RGB, box: Letterbox, picture: RGB | None = None) -> Prediction:
    """What the generated canvas means for the source image, whose `reduced_picture` is `picture`.

    The margins are cut off before decoding: whatever is painted there must not become an instance.
    """
    inside = generated[box.top : box.top + box.inner_height, box.left : box.left + box.inner_width]
    found = task.decode(np.ascontiguousarray(inside), picture)
    return resize_prediction(found, box.source_width, box.source_height)
