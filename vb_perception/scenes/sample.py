"""One image with its truth, whatever it came from."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """An image and what is known about it, all at one size, in the optical frame.

    `depth_m` (H, W) float32, NaN unknown; `normals` (H, W, 3) float32 unit, towards the camera, NaN unknown;
    `world_from_camera` (4, 4) float64, the optical frame in some fixed one, None unknown;
    `class_ids` (H, W) int16 index into `class_names`, -1 unlabelled; `instance_ids` (H, W) int16, 0 no object, -1
    unlabelled, else one number an object.  `class_names[0]` is "background".  Class of an instance: its pixels' class.
    """

    name: str
    rgb: NDArray[np.uint8]
    intrinsics: CameraIntrinsics
    depth_m: NDArray[np.float32]
    normals: NDArray[np.float32]
    class_ids: NDArray[np.int16]
    instance_ids: NDArray[np.int16]
    class_names: tuple[str, ...]
    world_from_camera: NDArray[np.float64] | None = None


class Samples(Protocol):
    """Samples by number: a list, a corpus on disk, scenes that are drawn when asked for."""

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def __getitem__(self, i: int, /) -> Sample:
        """Sample `i`."""
        ...
