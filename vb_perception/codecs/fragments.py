"""Small pieces that a larger instance surrounds are parts of it, not things of their own."""

import cv2
import numpy as np
from numpy.typing import NDArray

MOST_SHARE = 0.004
"""Of the image, that a fragment has at most: 14 x 14 px of 192 x 256."""
RING_SHARE = 0.35
"""Of what is next to a fragment, that one other instance has at least."""


def absorb_fragments(
    ids: NDArray[np.uint16], reach_px: int, most_share: float = MOST_SHARE, ring_share: float = RING_SHARE
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Fragments as parts of the instance that most surrounds them.

    A painted instance at times has a hole or a rim in another colour.  A fragment is an instance of fewer pixels than
    `most_share` of the image that has one other instance in more than `ring_share` of the pixels within `reach_px`.

    Args:
        ids: (H, W), 0 background, numbered from 1.
        reach_px: how far around a fragment is looked.
        most_share: of the image.
        ring_share: of what is looked at.

    Returns:
        ids (H, W), what is left numbered from 1 in the same order, and where they were absorbed (H, W).
    """
    sizes = np.bincount(ids.ravel())
    is_small = (sizes > 0) & (sizes < most_share * ids.size)
    is_small[0] = False
    small = np.flatnonzero(is_small)
    if not len(small):
        return ids, np.zeros(ids.shape, np.bool_)
    out = ids.copy()
    boxes = _boxes(ids, is_small)
    square = np.ones((2 * reach_px + 1,) * 2, np.uint8)
    for fragment in small[np.argsort(sizes[small], kind="stable")].tolist():
        top, left, bottom, right = boxes[fragment]
        near = np.s_[max(top - reach_px, 0) : bottom + reach_px, max(left - reach_px, 0) : right + reach_px]
        own = out[near] == fragment
        ring = cv2.dilate(own.astype(np.uint8), square).view(np.bool_) & ~own
        others = np.bincount(out[near][ring], minlength=2)[1:]
        if others.max() > ring_share * np.count_nonzero(ring):
            whole = 1 + int(others.argmax())
            out[near][own] = whole
            boxes[whole, :2] = np.minimum(boxes[whole, :2], boxes[fragment, :2])
            boxes[whole, 2:] = np.maximum(boxes[whole, 2:], boxes[fragment, 2:])
    present = np.bincount(out.ravel()) > 0
    present[0] = False
    return np.cumsum(present, dtype=np.uint16)[out], out != ids


def _boxes(ids: NDArray[np.uint16], wanted: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Bounding boxes (n, 4) of the `wanted` (n,) ids: top, left, bottom, right, the last two past the end."""
    rows, columns = np.nonzero(wanted[ids])
    owner = ids[rows, columns]
    boxes = np.empty((len(wanted), 4), np.intp)
    boxes[:, :2], boxes[:, 2:] = ids.shape, 0
    for side, place in enumerate((rows, columns)):
        np.minimum.at(boxes[:, side], owner, place)
        np.maximum.at(boxes[:, 2 + side], owner, place + 1)
    return boxes
