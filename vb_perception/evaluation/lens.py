"""A bag's images and truth as the node sees them: rectified, unless they are so already."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.lens_maps import Unseen
from vb_perception.rectification import (
    CameraInfo,
    Rectifier,
    intrinsics_from_info,
    is_turned,
    needs_rectifying,
    shows_rectified,
)


class Lens:
    """Undoes the distortion of one camera, frame by frame: first of the image, then of the truth that belongs to it."""

    def __init__(self, image_topic: str, rectification: str = "auto") -> None:
        """`rectification`: as of `ReadOptions`."""
        self._undo = rectification == "rectify" or (rectification == "auto" and not shows_rectified(image_topic))
        self._rectifier = Rectifier()
        self._now: tuple[CameraInfo, CameraIntrinsics] | None = None

    def straightened(
        self, rgb: NDArray[np.uint8], info: CameraInfo
    ) -> tuple[NDArray[np.uint8], CameraIntrinsics | None, Unseen | None]:
        """An image (H, W, 3) without distortion, its intrinsics, None of an uncalibrated camera, and `Frame.unseen`.

        Raises:
            FrameError: image and camera_info differ in size, or the distortion cannot be undone.
        """
        intrinsics = intrinsics_from_info(info)
        self._now = (info, intrinsics) if self._undo and intrinsics is not None and needs_rectifying(info) else None
        if self._now is None or intrinsics is None:
            return rgb, intrinsics, None
        straight, unseen = self._rectifier.picture(rgb, info, intrinsics)
        return straight, intrinsics, unseen

    def measured(self, values: NDArray[Any], topic: str, unknown: float) -> NDArray[Any]:
        """Truth (H, W) or (H, W, 3) that came with the last image, as that now is; `unknown` where it saw nothing.

        Raises:
            FrameError: rectification turns this camera, so that its depth and normals would have to turn too.
        """
        if self._now is None or shows_rectified(topic):
            return values
        info, intrinsics = self._now
        if is_turned(info):
            msg = (
                f"truth on {topic} is of a camera that rectification turns (R in camera_info is no identity): record "
                "that of the rectified image, on a topic with `rect` in its name, or leave it out"
            )
            raise FrameError(msg)
        return self._rectifier.measurements(values, info, intrinsics, unknown)
