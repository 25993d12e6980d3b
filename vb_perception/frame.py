"""What enters the pipeline (Frame) and what leaves it (Perception)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.predictions import Prediction
from vb_perception.timing import StageTimes


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One camera image: rgb (H, W, 3) uint8, its stamp and optical frame, and the intrinsics if the camera has any.

    `unseen` (H, W) is True where the lens saw nothing, as where a rectified image leads out of the distorted one: there
    nothing is known, whatever is painted.  None: it saw something everywhere.
    """

    rgb: NDArray[np.uint8]
    stamp_ns: int
    frame_id: str
    intrinsics: CameraIntrinsics | None = None
    unseen: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        """Check the image and that the intrinsics belong to it."""
        rgb = self.rgb
        if rgb.dtype != np.uint8 or rgb.shape != (*rgb.shape[:2], 3) or 0 in rgb.shape:
            msg = (
                f"image is {rgb.dtype} {rgb.shape}, expected uint8 (height, width, 3) with height and width above zero"
            )
            raise FrameError(msg)
        camera = self.intrinsics
        if camera is not None and (camera.height, camera.width) != rgb.shape[:2]:
            msg = (
                f"camera_info is for {camera.width}x{camera.height}, the image is {rgb.shape[1]}x{rgb.shape[0]}; "
                "publish the camera_info that belongs to this image"
            )
            raise FrameError(msg)
        unseen = self.unseen
        if unseen is not None and (unseen.dtype != np.bool_ or unseen.shape != rgb.shape[:2]):
            msg = f"unseen is {unseen.dtype} {unseen.shape}, expected bool {rgb.shape[:2]}: it is cut as the image is"
            raise FrameError(msg)

    @property
    def width(self) -> int:
        """Image width in pixels."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Image height in pixels."""
        return int(self.rgb.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class Perception:
    """The answers for one frame, keyed by task name, at the size of the frame's image.

    `generated` holds the image that the network painted for each task, (h, w, 3) uint8 at the generated size; `unknown`
    the phrases, by task, that the generator was never taught and therefore painted nowhere.
    """

    frame: Frame
    predictions: Mapping[str, Prediction]
    generated: Mapping[str, NDArray[np.uint8]]
    times: StageTimes
    unknown: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
