"""What a frame's answer means, as physical arrays.  Each carries a confidence in [0, 1].

Confidence says how near the generated colour lies to a colour that the codec can mean (1: exactly on it).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import FrameError

Confidence = NDArray[np.float32]


def _check(name: str, array: NDArray[np.generic], shape: tuple[int, ...], dtypes: tuple[type, ...]) -> None:
    if array.shape != shape or array.dtype.type not in dtypes:
        expected = " or ".join(d.__name__ for d in dtypes)
        msg = f"{name}: got {array.dtype} {array.shape}, expected {expected} {shape}"
        raise FrameError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class DepthMap:
    """Metric z-depth `depth_m` (H, W) float32 along the optical axis; NaN unknown, +inf beyond range; confidence (H, W)."""

    depth_m: NDArray[np.float32]
    confidence: Confidence

    def __post_init__(self) -> None:
        """Check shapes and types once, at the door."""
        height, width = self.depth_m.shape
        _check("depth_m", self.depth_m, (height, width), (np.float32,))
        _check("confidence", self.confidence, (height, width), (np.float32,))


@dataclass(frozen=True, slots=True, eq=False)
class NormalMap:
    """Unit surface normals (H, W, 3) float32, optical frame, towards the camera; NaN unknown; confidence (H, W)."""

    normals: NDArray[np.float32]
    confidence: Confidence

    def __post_init__(self) -> None:
        """Check shapes and types once, at the door."""
        height, width, _ = self.normals.shape
        _check("normals", self.normals, (height, width, 3), (np.float32,))
        _check("confidence", self.confidence, (height, width), (np.float32,))


@dataclass(frozen=True, slots=True, eq=False)
class SegmentMap:
    """Segment ids (H, W) uint16, an index into `names`; id 0 is the background; confidence (H, W)."""

    ids: NDArray[np.uint16]
    names: tuple[str, ...]
    confidence: Confidence

    def __post_init__(self) -> None:
        """Check shapes and types once, at the door."""
        height, width = self.ids.shape
        _check("ids", self.ids, (height, width), (np.uint16,))
        _check("confidence", self.confidence, (height, width), (np.float32,))
        if self.ids.size and int(self.ids.max()) >= len(self.names):
            msg = f"segment id {int(self.ids.max())} has no name: {len(self.names)} names given"
            raise FrameError(msg)


Prediction = DepthMap | NormalMap | SegmentMap
