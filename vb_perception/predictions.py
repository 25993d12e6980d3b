"""What a frame's answer means, as physical arrays.  Each carries a confidence in [0, 1].

Confidence says how near the generated colour lies to a colour that the codec can mean (1: exactly on it).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import FrameError

Confidence = NDArray[np.float32]


def _check(
    name: str, array: NDArray[np.generic], dtype: type, size: tuple[int, ...] = (), channels: tuple[int, ...] = ()
) -> None:
    """Refuse all but `dtype` of shape (height, width, *channels), where `size`, if given, is (height, width)."""
    if array.dtype != dtype or array.ndim != 2 + len(channels) or array.shape != (size or array.shape[:2]) + channels:
        expected = ", ".join(map(str, (size or ("height", "width")) + channels))
        msg = f"{name}: got {array.dtype} {array.shape}, expected {np.dtype(dtype)} ({expected}); convert or resize it"
        raise FrameError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class DepthMap:
    """Metric z-depth (H, W) float32 along the optical axis; NaN unknown, +inf beyond range; confidence (H, W)."""

    depth_m: NDArray[np.float32]
    confidence: Confidence

    def __post_init__(self) -> None:
        """Check shapes and types once, at the door."""
        _check("depth_m", self.depth_m, np.float32)
        _check("confidence", self.confidence, np.float32, self.depth_m.shape)


@dataclass(frozen=True, slots=True, eq=False)
class NormalMap:
    """Unit surface normals (H, W, 3) float32, optical frame, towards the camera; NaN unknown; confidence (H, W)."""

    normals: NDArray[np.float32]
    confidence: Confidence

    def __post_init__(self) -> None:
        """Check shapes and types once, at the door."""
        _check("normals", self.normals, np.float32, channels=(3,))
        _check("confidence", self.confidence, np.float32, self.normals.shape[:2])


@dataclass(frozen=True, slots=True, eq=False)
class SegmentMap:
    """Segment ids (H, W) uint16, an index into `names`; id 0 is the background; confidence (H, W)."""

    ids: NDArray[np.uint16]
    names: tuple[str, ...]
    confidence: Confidence

    def __post_init__(self) -> None:
        """Check shapes and types once, at the door."""
        _check("ids", self.ids, np.uint16)
        _check("confidence", self.confidence, np.float32, self.ids.shape)
        if self.ids.size and int(self.ids.max()) >= len(self.names):
            msg = f"segment id {int(self.ids.max())} has no name: expected ids below {len(self.names)}; name every id"
            raise FrameError(msg)


Prediction = DepthMap | NormalMap | SegmentMap


def where_seen(prediction: Prediction, unseen: NDArray[np.bool_] | None) -> Prediction:
    """The same without what is said where `unseen` (H, W): there it is unknown, background, of confidence 0.

    With None the very same object; else what it holds is not touched, for it may be somebody else's.
    """
    if unseen is None:
        return prediction
    unknown = np.float32(np.nan)
    confidence = np.where(unseen, np.float32(0), prediction.confidence)
    if isinstance(prediction, DepthMap):
        return DepthMap(np.where(unseen, unknown, prediction.depth_m), confidence)
    if isinstance(prediction, NormalMap):
        return NormalMap(np.where(unseen[..., None], unknown, prediction.normals), confidence)
    return SegmentMap(np.where(unseen, np.uint16(0), prediction.ids), prediction.names, confidence)
