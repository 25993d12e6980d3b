"""Masks judged at their outlines alone: a large object with a wrong rim has a high IoU and a low boundary IoU."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.metrics.masks import iou
from vb_perception.metrics.valid import Mask, valid_pixels

RIM_SHARE = 0.02


def boundary_iou(prediction: Mask, truth: Mask, valid: Mask | None = None, rim_share: float = RIM_SHARE) -> float:
    """IoU of the inner rims of two bool masks (H, W), d pixels wide; NaN where both masks are empty.

    d = `rim_share` times the image's diagonal, rounded, at least 1 (VGA: 16 px).  A pixel of a mask belongs to its rim
    if a pixel outside of the mask, or the image's border, lies within d steps in the 8 directions.

    Where not all pixels of the image within d steps are `valid`, nobody knows whether there is a rim: such a pixel is
    not counted (that is ours).  So give the masks whole: cut by `valid`, its edge would be their outline.

    Source: Cheng et al., CVPR 2021 ("Boundary IoU"), equation 2 and their public code (d erosions with a 3 x 3 square).

    Raises:
        ConfigError: shapes differ, or a mask is not bool.
    """
    distance_px = max(1, round(rim_share * math.hypot(*truth.shape)))
    known = None if valid is None else _core(valid_pixels(valid, truth.shape), distance_px, outside=1)
    return iou(_rim(prediction, distance_px), _rim(truth, distance_px), known)


def _core(mask: Mask, distance_px: int, outside: int = 0) -> Mask:
    """The pixels all of whose neighbours within `distance_px` steps are in the mask; beyond the image is `outside`."""
    around = np.ones((2 * distance_px + 1,) * 2, np.uint8)  # as many 3 x 3 erosions one after the other, in one
    part: NDArray[np.uint8] = np.ascontiguousarray(mask).view(np.uint8)
    return np.asarray(cv2.erode(part, around, borderType=cv2.BORDER_CONSTANT, borderValue=outside)).view(np.bool_)


def _rim(mask: Mask, distance_px: int) -> Mask:
    if not mask.any():
        return mask
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    inside = np.s_[top : top + height, left : left + width]
    rim = np.zeros_like(mask)
    np.not_equal(mask[inside], _core(mask[inside], distance_px), out=rim[inside])  # erosion only takes away
    return rim
