"""What of a camera's image is looked at: rectified, cropped, shrunk, with the intrinsics of what is left.

The order is fixed: the sensor's binning and region of interest (as camera_info tells), rectification, `crop_px`,
`resize_width_px`.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.ros.settings import CameraSettings

RGB = NDArray[np.uint8]
FISHEYE = ("equidistant", "fisheye")
BROWN = ("plumb_bob", "rational_polynomial")
KEPT_MAPS = 4
RECT = "rect"  # as in image_rect, the rectified topic of image_proc


def is_distorted(camera: CameraInfo) -> bool:
    """Whether the camera_info describes a lens whose image would have to be rectified."""
    return any(value != 0 for value in camera.d)


def sensor_matrices(camera: CameraInfo) -> tuple[int, int, list[float], list[float]]:
    """Width, height, K and P of the image as it is sent: after binning and region of interest.

    camera_info tells K and P of the full resolution (REP 104); a region of interest of size 0 means all of it.
    """
    step_x, step_y = max(1, camera.binning_x), max(1, camera.binning_y)
    roi = camera.roi
    width, height = roi.width or camera.width, roi.height or camera.height
    k, p = [float(v) for v in camera.k], [float(v) for v in camera.p]
    if (step_x, step_y, roi.x_offset, roi.y_offset) == (1, 1, 0, 0):
        return width, height, k, p
    for matrix, columns in ((k, 3), (p, 4)):
        if matrix[0] == 0:
            continue
        matrix[2] = (matrix[2] - roi.x_offset + 0.5) / step_x - 0.5
        matrix[columns + 2] = (matrix[columns + 2] - roi.y_offset + 0.5) / step_y - 0.5
        matrix[0], matrix[columns + 1] = matrix[0] / step_x, matrix[columns + 1] / step_y
        if columns == 4:  # noqa: PLR2004 - P also holds the baseline
            matrix[3], matrix[7] = matrix[3] / step_x, matrix[7] / step_y
    return width // step_x, height // step_y, k, p


def intrinsics_from_info(camera: CameraInfo) -> CameraIntrinsics | None:
    """Intrinsics of the rectified image: P where it is set, else K; None if the camera is uncalibrated (K[0] is 0).

    Raises FrameError for intrinsics that no camera has.
    """
    width, height, k, p = sensor_matrices(camera)
    return CameraIntrinsics.from_matrices(width, height, k, p)


@dataclass(frozen=True, slots=True)
class View:
    """The settings of a `Viewport`; `undo_distortion` None: refuse images of a lens with distortion."""

    undo_distortion: bool | None = True
    crop_px: tuple[int, int, int, int] | None = None
    resize_width_px: int = 0


def view_of(settings: CameraSettings, topic: str) -> View:
    """The view that a camera's settings ask for; `rectification: auto` goes by the name of its image topic."""
    auto = RECT not in topic.removesuffix("/compressed").rsplit("/", 1)[-1]
    undo = {"rectify": True, "assume_rectified": False, "refuse": None, "auto": auto}[settings.rectification]
    return View(undo, settings.crop_px, settings.resize_width_px)


class Viewport:
    """Applies a `View`.  Keeps the maps of the last calibrations.  Not thread-safe: one owner."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._maps: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def apply(self, rgb: RGB, camera: CameraInfo | None) -> tuple[RGB, CameraIntrinsics | None]:
        """The image (H, W, 3) and its intrinsics, after rectification, crop and resize.

        Raises:
            FrameError: a distorted image that may not be, or cannot be, rectified; sizes of image and camera_info
                differ; the crop does not lie in the image.
        """
        intrinsics = None if camera is None else intrinsics_from_info(camera)
        if camera is not None and intrinsics is not None and is_distorted(camera):
            rgb = self._undistorted(rgb, camera, intrinsics)
        if self._view.crop_px is not None:
            rgb, intrinsics = _cropped(rgb, intrinsics, self._view.crop_px)
        return _shrunk(rgb, intrinsics, self._view.resize_width_px)

    def _undistorted(self, rgb: RGB, camera: CameraInfo, target: CameraIntrinsics) -> RGB:
        if self._view.undo_distortion is None:
            msg = (
                f"camera_info has distortion coefficients ({camera.distortion_model}) and parameter rectification is "
                "refuse: remap ~/input/image to the rectified topic (image_rect of image_proc), or set rectification "
                "to rectify or, for images that are rectified already, assume_rectified"
            )
            raise FrameError(msg)
        if not self._view.undo_distortion:
            return rgb
        if rgb.shape[:2] != (target.height, target.width):
            msg = (
                f"camera_info is for {target.width}x{target.height}, the image is {rgb.shape[1]}x{rgb.shape[0]}; "
                "publish the camera_info that belongs to this image"
            )
            raise FrameError(msg)
        x_map, y_map = self._map(camera, target)
        out = np.empty_like(rgb)
        cv2.remap(rgb, x_map, y_map, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_CONSTANT)
        return out

    def _map(self, camera: CameraInfo, target: CameraIntrinsics) -> tuple[Any, Any]:
        _, _, k, _ = sensor_matrices(camera)
        key = (camera.distortion_model, tuple(camera.d), tuple(k), tuple(camera.r), target)
        if key not in self._maps:
            while len(self._maps) >= KEPT_MAPS:
                del self._maps[next(iter(self._maps))]
            self._maps[key] = rectification_maps(camera.distortion_model, list(camera.d), k, list(camera.r), target)
        return self._maps[key]


def rectification_maps(
    model: str, d: list[float], k: list[float], r: list[float], target: CameraIntrinsics
) -> tuple[Any, Any]:
    """OpenCV's maps from the rectified image to the distorted one.

    Raises:
        FrameError: a distortion model that OpenCV does not have, or too few coefficients for it.
    """
    matrix, turn = np.array(k).reshape(3, 3), np.array(r).reshape(3, 3)
    if not turn.any():
        turn = np.eye(3)
    wanted = np.array([[target.fx, 0, target.cx], [0, target.fy, target.cy], [0, 0, 1]])
    size = (target.width, target.height)
    if model in FISHEYE and len(d) >= 4:  # noqa: PLR2004 - k1 to k4
        return cv2.fisheye.initUndistortRectifyMap(matrix, np.array(d[:4]), turn, wanted, size, cv2.CV_16SC2)
    if model in BROWN and len(d) in (4, 5, 8, 12, 14):
        return cv2.initUndistortRectifyMap(matrix, np.array(d), turn, wanted, size, cv2.CV_16SC2)
    known = ", ".join((*BROWN, *FISHEYE))
    msg = (
        f"distortion model {model!r} with {len(d)} coefficients cannot be undone here: expected one of {known}; "
        "rectify the image before (image_proc) and remap ~/input/image to image_rect"
    )
    raise FrameError(msg)


def _cropped(
    rgb: RGB, intrinsics: CameraIntrinsics | None, crop_px: tuple[int, int, int, int]
) -> tuple[RGB, CameraIntrinsics | None]:
    left, top, width, height = crop_px
    if left + width > rgb.shape[1] or top + height > rgb.shape[0]:
        msg = (
            f"crop_px {list(crop_px)} does not lie in the image of {rgb.shape[1]}x{rgb.shape[0]} pixels: correct "
            "left, top, width and height"
        )
        raise FrameError(msg)
    _check_size(rgb, intrinsics)
    inside = np.ascontiguousarray(rgb[top : top + height, left : left + width])
    return inside, None if intrinsics is None else intrinsics.cropped(left, top, width, height)


def _shrunk(rgb: RGB, intrinsics: CameraIntrinsics | None, width: int) -> tuple[RGB, CameraIntrinsics | None]:
    if not 0 < width < rgb.shape[1]:
        return rgb, intrinsics
    _check_size(rgb, intrinsics)
    height = max(1, round(rgb.shape[0] * width / rgb.shape[1]))
    small = np.empty((height, width, 3), np.uint8)
    cv2.resize(rgb, (width, height), dst=small, interpolation=cv2.INTER_AREA)
    return small, None if intrinsics is None else intrinsics.resized(width, height)


def _check_size(rgb: RGB, intrinsics: CameraIntrinsics | None) -> None:
    if intrinsics is not None and (intrinsics.height, intrinsics.width) != rgb.shape[:2]:
        msg = (
            f"camera_info is for {intrinsics.width}x{intrinsics.height}, the image is {rgb.shape[1]}x{rgb.shape[0]}; "
            "publish the camera_info that belongs to this image"
        )
        raise FrameError(msg)
