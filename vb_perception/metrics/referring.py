"""One mask for one phrase: how much of it is right, over all phrases."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vb_perception.metrics.masks import iou
from vb_perception.metrics.valid import Mask, valid_pixels


@dataclass(slots=True)
class ReferringTally:
    """Adds masks; `figures()` at any time.

    `c_iou` = sum of intersections / sum of unions over all masks: large masks weigh more.  `g_iou` = mean of the IoU of
    each; where nothing is true and nothing predicted it is 1 (nothing was asked, nothing found).

    Source: LISA, Lai et al., CVPR 2024, section 4.1; the empty case as in gRefCOCO, Liu et al., CVPR 2023, section 5.
    """

    common_px: int = 0
    union_px: int = 0
    iou_sum: float = 0.0
    masks: int = 0

    def add(self, prediction: Mask, truth: Mask, valid: Mask | None = None) -> float:
        """One mask; its IoU.

        Raises:
            ConfigError: as `iou`.
        """
        share = iou(prediction, truth, valid)
        counted = valid_pixels(valid, truth.shape)
        self.common_px += int(np.count_nonzero(prediction & truth & counted))
        self.union_px += int(np.count_nonzero((prediction | truth) & counted))
        share = 1.0 if math.isnan(share) else share
        self.iou_sum += share
        self.masks += 1
        return share

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All of it as arrays, to be kept in a file."""
        names = ("common_px", "union_px", "iou_sum", "masks")
        return {name: np.array(getattr(self, name)) for name in names}

    def merge(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Add the masks of another's `state`."""
        self.common_px += int(state["common_px"])
        self.union_px += int(state["union_px"])
        self.iou_sum += float(state["iou_sum"])
        self.masks += int(state["masks"])

    def figures(self) -> dict[str, float]:
        """See the class."""
        return {
            "c_iou": self.common_px / self.union_px if self.union_px else math.nan,
            "g_iou": self.iou_sum / self.masks if self.masks else math.nan,
        }
