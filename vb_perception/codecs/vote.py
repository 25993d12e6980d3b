"""Which thing a pixel is of, by the pixels around it."""

import cv2
import numpy as np
from numpy.typing import NDArray

_FULL = 255


def vote(ids: NDArray[np.uint16], radius_px: int) -> NDArray[np.uint16]:
    """Ids (H, W), 0 background, where each pixel of a thing has the id most frequent in the square around it.

    What is background stays so and has no vote, so that nothing thin is lost.  The square reaches `radius_px` to each
    side, 0 changes nothing; shares are compared to 1/255, and of equal ones the smallest id wins.
    """
    present = np.unique(ids[ids > 0])
    if radius_px < 1 or len(present) < 2:  # noqa: PLR2004 - one thing cannot be outvoted
        return ids
    side = 2 * radius_px + 1
    winner, most = np.zeros_like(ids), np.zeros(ids.shape, np.uint8)
    for one in present.tolist():
        share = cv2.blur((ids == one).astype(np.uint8) * _FULL, (side, side))
        winner[share > most] = one
        np.maximum(most, share, out=most)
    # A pixel whose share rounds to nothing keeps what it has.
    return np.where((ids > 0) & (winner > 0), winner, ids)
