"""What of a camera's image is looked at: rectified, cropped, shrunk, with the intrinsics of what is left.

The order is fixed: the sensor's binning and region of interest (as camera_info tells), rectification, `crop_px`,
`resize_width_px`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.lens_maps import Unseen
from vb_perception.rectification import Rectifier, intrinsics_from_info, needs_rectifying, shows_rectified
from vb_perception.ros.settings import CameraSettings

RGB = NDArray[np.uint8]
HALF = 128


@dataclass(frozen=True, slots=True)
class View:
    """The settings of a `Viewport`; `undo_distortion` None: refuse images of a lens with distortion."""

    undo_distortion: bool | None = True
    crop_px: tuple[int, int, int, int] | None = None
    resize_width_px: int = 0


def view_of(settings: CameraSettings, topic: str) -> View:
    """The view that a camera's settings ask for; `rectification: auto` goes by the name of its image topic."""
    known = {"rectify": True, "assume_rectified": False, "refuse": None, "auto": not shows_rectified(topic)}
    undo = known[settings.rectification]
    return View(undo, settings.crop_px, settings.resize_width_px)


class Looked(NamedTuple):
    """What a view shows: an image (H, W, 3), its intrinsics if the camera has any, and `Frame.unseen` of it."""

    rgb: RGB
    intrinsics: CameraIntrinsics | None
    unseen: Unseen | None = None


class Viewport:
    """Applies a `View`.  Not thread-safe: one owner."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._rectifier = Rectifier()

    def apply(self, rgb: RGB, camera: CameraInfo | None) -> Looked:
        """The image (H, W, 3), its intrinsics and what of it the lens never saw, after rectification, crop and resize.

        Raises:
            FrameError: a distorted image that may not be, or cannot be, rectified; sizes of image and camera_info
                differ; the crop does not lie in the image.
        """
        intrinsics = None if camera is None else intrinsics_from_info(camera)
        looked = Looked(rgb, intrinsics)
        if camera is not None and intrinsics is not None and needs_rectifying(camera):
            looked = self._undistorted(rgb, camera, intrinsics)
        if self._view.crop_px is not None:
            looked = _cropped(looked, self._view.crop_px)
        return _shrunk(looked, self._view.resize_width_px)

    def _undistorted(self, rgb: RGB, camera: CameraInfo, target: CameraIntrinsics) -> Looked:
        if self._view.undo_distortion is None:
            msg = (
                f"camera_info has distortion ({camera.distortion_model}), or K that P is not, and parameter "
                "rectification is refuse: remap ~/input/image to the rectified topic (image_rect of image_proc), or "
                "set rectification to rectify or, for images that are rectified already, assume_rectified"
            )
            raise FrameError(msg)
        if not self._view.undo_distortion:
            return Looked(rgb, target)
        straight, unseen = self._rectifier.picture(rgb, camera, target)
        return Looked(straight, target, unseen)


def _cropped(looked: Looked, crop_px: tuple[int, int, int, int]) -> Looked:
    rgb, intrinsics, unseen = looked
    left, top, width, height = crop_px
    if left + width > rgb.shape[1] or top + height > rgb.shape[0]:
        msg = (
            f"crop_px {list(crop_px)} does not lie in the image of {rgb.shape[1]}x{rgb.shape[0]} pixels: correct "
            "left, top, width and height"
        )
        raise FrameError(msg)
    _check_size(rgb, intrinsics)
    part = np.s_[top : top + height, left : left + width]
    return Looked(
        np.ascontiguousarray(rgb[part]),
        None if intrinsics is None else intrinsics.cropped(left, top, width, height),
        _if_any(None if unseen is None else unseen[part]),
    )


def _shrunk(looked: Looked, width: int) -> Looked:
    rgb, intrinsics, unseen = looked
    if not 0 < width < rgb.shape[1]:
        return looked
    _check_size(rgb, intrinsics)
    height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
    small = np.empty((height, width, 3), np.uint8)
    cv2.resize(rgb, (width, height), dst=small, interpolation=cv2.INTER_AREA)
    if unseen is not None:  # a pixel is unseen if half of it is
        share = cv2.resize(unseen.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA)
        unseen = share >= HALF
    return Looked(small, None if intrinsics is None else intrinsics.resized(width, height), _if_any(unseen))


def _if_any(unseen: Unseen | None) -> Unseen | None:
    """A crop may leave out all that was unseen: then there is nothing to be hidden."""
    return unseen if unseen is not None and unseen.any() else None


def _check_size(rgb: RGB, intrinsics: CameraIntrinsics | None) -> None:
    if intrinsics is not None and (intrinsics.height, intrinsics.width) != rgb.shape[:2]:
        msg = (
            f"camera_info is for {intrinsics.width}x{intrinsics.height}, the image is {rgb.shape[1]}x{rgb.shape[0]}; "
            "publish the camera_info that belongs to this image"
        )
        raise FrameError(msg)
