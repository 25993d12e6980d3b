"""Which borders of objects are found: those with the table and what is behind, and those between two objects."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.metrics.objects import BOUNDARY_SHARE, disk

Ids = NDArray[np.integer]
Mask = NDArray[np.bool_]


def borders_found(predicted: Ids, truth: Ids) -> dict[str, float]:
    """Share of true border pixels with any predicted border within the radius of boundary F; NaN where there are none.

    Unlike boundary F it does not ask whose border is found: an outline counts though two objects are one inside it.

    Args:
        predicted: ids (H, W) of one object each, 0 no object.
        truth: the same; below 0 unlabelled, whose surroundings count neither way.

    Returns:
        `outline_found`, of the borders of an object with no object; `between_found`, of those of two objects.
    """
    radius_px = math.ceil(BOUNDARY_SHARE * math.hypot(*truth.shape))
    near = cv2.dilate(np.logical_or(*_borders(predicted)).astype(np.uint8), disk(radius_px)) > 0
    known = cv2.erode((truth >= 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    outline, between = (border & known for border in _borders(np.maximum(truth, 0)))
    return {"outline_found": _share(near, outline), "between_found": _share(near, between)}


def _borders(ids: Ids) -> tuple[Mask, Mask]:
    """Pixels (H, W) whose right or lower neighbour is of something else: with no object, and of two objects."""
    outline, between = np.zeros(ids.shape, np.bool_), np.zeros(ids.shape, np.bool_)
    for here, there in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        differ, both = ids[here] != ids[there], (ids[here] > 0) & (ids[there] > 0)
        outline[here] |= differ & ~both
        between[here] |= differ & both
    return outline & ~between, between


def _share(found: Mask, of: Mask) -> float:
    return float(found[of].mean()) if of.any() else math.nan
