"""Masks judged at their outlines alone: a large object with a wrong rim has a high IoU and a low boundary IoU."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.metrics.masks import iou
from vb_perception.metrics.valid import Mask

RIM_SHARE = 0.02


def boundary_iou(prediction: Mask, truth: Mask, valid: Mask | None = None, rim_share: float = RIM_SHARE) -> float:
    """IoU of the inner rims of two bool masks (H, W), d pixels wide; NaN where both masks are empty.

    d = `rim_share` times the image's diagonal, rounded, at least 1 (VGA: 16 px).  A pixel of a mask belongs to its rim
    if a pixel outside of the mask, or the image's border, lies within d steps in the 8 directions.

    Source: Cheng et al., CVPR 2021 ("Boundary IoU"), equation 2 and their public code (d erosions with a 3 x 3 square).

    Raises:
        ConfigError: shapes differ, or a mask is not bool.
    """
    distance_px = max(1, round(rim_share * math.hypot(*truth.shape)))
    return iou(_rim(prediction, distance_px), _rim(truth, distance_px), valid)


def _rim(mask: Mask, distance_px: int) -> Mask:
    if not mask.any():
        return mask
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    inside = np.s_[top : top + height, left : left + width]
    part: NDArray[np.uint8] = np.ascontiguousarray(mask[inside]).view(np.uint8)
    around = (2 * distance_px + 1,) * 2  # as many 3 x 3 erosions one after the other, in one
    core = cv2.erode(part, np.ones(around, np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    rim = np.zeros_like(mask)
    np.not_equal(part, core, out=rim[inside])  # erosion only takes away
    return rim
