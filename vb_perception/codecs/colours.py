"""What every codec shares: the check at the door and how a distance between colours becomes a confidence."""

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import FrameError

RGB = NDArray[np.uint8]
CONFIDENCE_LEVELS = 16.0
"""Distance from the codec's colours, in 0-255 levels, at which confidence has fallen to 1/e.

Noise of some ten levels is where delta1 begins to fall; the depth images that the paper's authors show lie 1 to 6
levels off the walk on average.
"""


def expect_rgb(rgb: RGB) -> None:
    """Raise FrameError unless `rgb` is (H, W, 3) uint8 with at least one pixel."""
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:  # noqa: PLR2004 - R G B
        msg = f"generated image is {rgb.dtype} {rgb.shape}, expected uint8 (height, width, 3), neither zero"
        raise FrameError(msg)


def confidence_from_squared(distance2: NDArray[np.generic]) -> NDArray[np.float32]:
    """exp(-d / CONFIDENCE_LEVELS) float32 in (0, 1], from squared RGB distances in levels (ours)."""
    out: NDArray[np.float32] = np.sqrt(distance2, dtype=np.float32)
    out *= np.float32(-1.0 / CONFIDENCE_LEVELS)
    np.exp(out, out=out)
    return out
