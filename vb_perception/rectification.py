"""What camera_info says of an image: the pinhole behind it, and how the distortion of a lens is undone.

A camera_info is a `sensor_msgs/CameraInfo`, of rclpy or of a reader of bags: only its fields are used.
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.lens_maps import FISHEYE, Maps, Unseen, rectification_maps

RGB = NDArray[np.uint8]
KEPT_MAPS = 4
RECTIFIED = ("rect", "rectified")  # as in image_rect, the rectified topic of image_proc, and rect/image, ZED's
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")  # rectifiedLeft is two
SAME_TURN = 1e-6
SAME_CAMERA = 1e-3
"""Share of a focal length or centre that K and P may differ by and mean one camera: 0.3 px of 640x480."""


class Region(Protocol):
    """A `sensor_msgs/RegionOfInterest`."""

    x_offset: int
    y_offset: int
    width: int
    height: int


class CameraInfo(Protocol):
    """The fields of a `sensor_msgs/CameraInfo`."""

    width: int
    height: int
    distortion_model: str
    d: Sequence[float]
    k: Sequence[float]
    r: Sequence[float]
    p: Sequence[float]
    binning_x: int
    binning_y: int
    roi: Region


def needs_rectifying(camera: CameraInfo) -> bool:
    """Whether the camera_info describes a raw image that is not what its P shows.

    A lens has distortion coefficients; an ideal fisheye has four zeros and is none the less no pinhole.  Without
    either, K and P still differ where the rectified image is scaled, shifted or turned.
    """
    if any(value != 0 for value in camera.d) or (camera.distortion_model in FISHEYE and len(camera.d) > 0):
        return True
    k, p = camera.k, camera.p
    return p[0] != 0 and not np.allclose([k[i] for i in (0, 2, 4, 5)], [p[i] for i in (0, 2, 5, 6)], rtol=SAME_CAMERA)


def shows_rectified(topic: str) -> bool:
    """Whether a topic is named as one of rectified images: `rect` or `rectified` is a word of its name."""
    return any(word.lower() in RECTIFIED for word in WORD.findall(topic))


def is_turned(camera: CameraInfo) -> bool:
    """Whether rectification turns the camera too, as that of a stereo pair does."""
    turn = np.array(camera.r, np.float64)
    return bool(turn.any()) and not np.allclose(turn, np.eye(3).ravel(), atol=SAME_TURN)


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


class Rectifier:
    """Undoes the distortion of a lens.  Keeps the maps of the last calibrations.  Not thread-safe: one owner."""

    def __init__(self) -> None:
        self._maps: dict[tuple[Any, ...], Maps] = {}

    def picture(self, rgb: RGB, camera: CameraInfo, target: CameraIntrinsics) -> tuple[RGB, Unseen | None]:
        """What the pinhole `target` sees of a distorted image (H, W, 3), black where that shows nothing.

        And where that is, (H, W): `Frame.unseen`.  None, which costs nothing, if it shows something everywhere.

        Raises:
            FrameError: the camera_info is of another size, or of a distortion that cannot be undone.
        """
        maps = self._map(rgb, camera, target)
        out = np.empty_like(rgb)
        cv2.remap(rgb, maps.x, maps.y, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_CONSTANT)
        return out, maps.unseen

    def measurements(
        self, values: NDArray[Any], camera: CameraInfo, target: CameraIntrinsics, unknown: float
    ) -> NDArray[Any]:
        """The same of measurements (H, W) or (H, W, 3), each from its nearest pixel, `unknown` outside.

        They stay true only where rectification does not turn the camera (`is_turned`).
        """
        # Fixed-point maps round down where nothing is interpolated.
        maps = self._map(values, camera, target)
        x_map, y_map = cv2.convertMaps(maps.x, maps.y, cv2.CV_32FC1)
        border = [unknown] * 3
        moved = cv2.remap(values, x_map, y_map, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=border)
        return np.asarray(moved, values.dtype)

    def _map(self, image: NDArray[Any], camera: CameraInfo, target: CameraIntrinsics) -> "Maps":
        if image.shape[:2] != (target.height, target.width):
            msg = (
                f"camera_info is for {target.width}x{target.height}, the image is {image.shape[1]}x{image.shape[0]}; "
                "publish the camera_info that belongs to this image"
            )
            raise FrameError(msg)
        _, _, k, _ = sensor_matrices(camera)
        key = (camera.distortion_model, tuple(camera.d), tuple(k), tuple(camera.r), target)
        if key not in self._maps:
            while len(self._maps) >= KEPT_MAPS:
                del self._maps[next(iter(self._maps))]
            self._maps[key] = rectification_maps(camera.distortion_model, list(camera.d), k, list(camera.r), target)
        return self._maps[key]
