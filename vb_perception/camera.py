"""Pinhole cameras: intrinsics, resizing and letterboxing, rays, unprojection.

Frame of reference everywhere: the camera's optical frame (REP-103), x right, y down, z forward.
Pixel (0, 0) is the centre of the top left pixel, as in OpenCV and `sensor_msgs/CameraInfo`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError, FrameError


@dataclass(frozen=True, slots=True)
class CameraIntrinsics:
    """A rectified pinhole camera; sizes, focal lengths and principal point in pixels."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        """Refuse sizes and focal lengths that no camera has."""
        values = (self.fx, self.fy, self.cx, self.cy)
        if self.width <= 0 or self.height <= 0:
            msg = f"camera size {self.width}x{self.height}: expected both above zero; check the size in camera_info"
            raise FrameError(msg)
        if not all(math.isfinite(v) for v in values) or self.fx <= 0 or self.fy <= 0:
            msg = f"intrinsics fx, fy, cx, cy = {values}: expected finite values, focal above zero; calibrate it"
            raise FrameError(msg)

    @classmethod
    def from_fov(cls, width: int, height: int, horizontal_fov_deg: float) -> "CameraIntrinsics":
        """Square pixels, centred principal point, the given horizontal field of view from edge to edge of the image."""
        if not 0 < horizontal_fov_deg < 180:  # noqa: PLR2004 (a pinhole sees less than half a sphere)
            msg = f"horizontal field of view {horizontal_fov_deg} degrees: expected above 0 and below 180; correct it"
            raise ConfigError(msg)
        focal = 0.5 * width / math.tan(math.radians(horizontal_fov_deg) / 2)
        return cls(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)

    @classmethod
    def from_matrices(
        cls, width: int, height: int, k: Sequence[float], p: Sequence[float]
    ) -> "CameraIntrinsics | None":
        """The rectified camera of a `sensor_msgs/CameraInfo`: P (3x4, row by row) where it is set, else K (3x3).

        None if the camera is uncalibrated (K[0] is 0).  Raises FrameError for intrinsics that no camera has.
        """
        if k[0] == 0:
            return None
        values = [p[i] for i in (0, 5, 2, 6)] if p[0] != 0 else [k[i] for i in (0, 4, 2, 5)]
        return cls(width, height, *map(float, values))

    def resized(self, width: int, height: int) -> "CameraIntrinsics":
        """The same camera after its image was resized to (width, height)."""
        sx, sy = width / self.width, height / self.height
        return CameraIntrinsics(
            width, height, self.fx * sx, self.fy * sy, (self.cx + 0.5) * sx - 0.5, (self.cy + 0.5) * sy - 0.5
        )

    def cropped(self, left: int, top: int, width: int, height: int) -> "CameraIntrinsics":
        """The same camera after a crop (or, with negative left and top, a pad) to (width, height)."""
        return CameraIntrinsics(width, height, self.fx, self.fy, self.cx - left, self.cy - top)

    def ray_axes(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """x/z of each column (width,) and y/z of each row (height,), float32, optical frame."""
        x = (np.arange(self.width, dtype=np.float32) - np.float32(self.cx)) / np.float32(self.fx)
        y = (np.arange(self.height, dtype=np.float32) - np.float32(self.cy)) / np.float32(self.fy)
        return x, y

    def rays(self) -> NDArray[np.float32]:
        """x/z and y/z of the ray through each pixel centre, (2, height, width) float32, optical frame."""
        x, y = self.ray_axes()
        out = np.empty((2, self.height, self.width), np.float32)
        out[0], out[1] = x[None, :], y[:, None]
        return out

    def unproject(self, depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points (height, width, 3) float32 in metres, optical frame; NaN where z-depth is not finite."""
        if depth_m.shape != (self.height, self.width):
            msg = (
                f"depth of shape {depth_m.shape} for a {self.width}x{self.height} camera; use the .resized() intrinsics"
            )
            raise FrameError(msg)
        out = np.empty((self.height, self.width, 3), np.float32)
        x, y = self.rays()
        out[..., 2] = np.where(np.isfinite(depth_m), depth_m, np.float32(np.nan))
        np.multiply(x, out[..., 2], out=out[..., 0])
        np.multiply(y, out[..., 2], out=out[..., 1])
        return out


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How a (source_width, source_height) image sits, aspect kept, inside a (width, height) canvas.  All in pixels."""

    source_width: int
    source_height: int
    width: int
    height: int

    def __post_init__(self) -> None:
        """Refuse empty images and canvases."""
        if min(self.source_width, self.source_height, self.width, self.height) <= 0:
            msg = (
                f"letterbox of {self.source_width}x{self.source_height} into {self.width}x{self.height} pixels: "
                "expected all above zero; check the sizes of image and model"
            )
            raise FrameError(msg)

    @property
    def scale(self) -> float:
        """Canvas pixels per source pixel."""
        return min(self.width / self.source_width, self.height / self.source_height)

    @property
    def inner_width(self) -> int:
        """Width of the image inside the canvas."""
        return min(self.width, max(1, round(self.source_width * self.scale)))

    @property
    def inner_height(self) -> int:
        """Height of the image inside the canvas."""
        return min(self.height, max(1, round(self.source_height * self.scale)))

    @property
    def halvings(self) -> int:
        """How often the source is halved in whole pixels before it is resized to the inner size."""
        count, width, height = 0, self.source_width, self.source_height
        while self.inner_width * 2 <= width and height % 2 == width % 2 == 0:
            count, width, height = count + 1, width // 2, height // 2
        return count

    @property
    def left(self) -> int:
        """First canvas column of the image."""
        return (self.width - self.inner_width) // 2

    @property
    def top(self) -> int:
        """First canvas row of the image."""
        return (self.height - self.inner_height) // 2

    def intrinsics(self, source: CameraIntrinsics) -> CameraIntrinsics:
        """Intrinsics of the canvas, from those of the source image."""
        inner = source.resized(self.inner_width, self.inner_height)
        return inner.cropped(-self.left, -self.top, self.width, self.height)
