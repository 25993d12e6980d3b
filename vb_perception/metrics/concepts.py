"""A phrase asked of an image: is it there (image level), and are its instances found (pixel level)?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vb_perception.metrics.average_precision import THRESHOLDS
from vb_perception.metrics.object_overlaps import ObjectOverlaps

Counts = NDArray[np.int64]


def _no_counts() -> Counts:
    return np.zeros((3, len(THRESHOLDS)), np.int64)


@dataclass(slots=True)
class ConceptTally:
    """Adds queries, one phrase asked of one image each; `figures()` at any time.

    - `pm_f1`: over queries whose phrase is in the image, F1 = 2 TP / (2 TP + FP + FN) of instances, summed over all of
      them, averaged over IoU 0.50, 0.55 ... 0.95.  Instances are paired one to one for the largest sum of IoU.
    - `il_mcc`: Matthews correlation of "something was predicted" with "the phrase is in the image"; NaN unless both
      answers occur on both sides.
    - `cg_f1` = 100 * `pm_f1` * `il_mcc`.

    Source: SAM 3, Carion et al. 2025, section 4 and its public evaluator; Vision Banana, arXiv 2604.20329, appendix B.
    """

    present: Counts = field(default_factory=lambda: np.zeros((2, 2), np.int64))  # row: true, column: predicted
    counts: Counts = field(default_factory=_no_counts)  # rows TP, FP, FN; a column an IoU

    def add(self, overlaps: ObjectOverlaps) -> None:
        """One query: the instances of the phrase, true and predicted."""
        true, predicted = len(overlaps.true_ids), len(overlaps.predicted_ids)
        self.present[int(true > 0), int(predicted > 0)] += 1
        if not true:
            return
        iou = overlaps.iou()
        paired = iou[linear_sum_assignment(iou, maximize=True)]
        found = (paired[:, None] >= THRESHOLDS).sum(0)
        self.counts += np.stack((found, predicted - found, true - found))

    def state(self) -> dict[str, Counts]:
        """All of it as arrays, to be kept in a file."""
        return {"present": self.present, "counts": self.counts}

    def merge(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Add the queries of another's `state`."""
        self.present += state["present"].astype(np.int64)
        self.counts += state["counts"].astype(np.int64)

    def figures(self) -> dict[str, float]:
        """See the class."""
        found, invented, missed = self.counts.astype(np.float64)
        total = 2 * found + invented + missed
        pm_f1 = float(np.mean(2 * found / total)) if (total > 0).all() else math.nan
        il_mcc = matthews(self.present)
        return {"pm_f1": pm_f1, "il_mcc": il_mcc, "cg_f1": 100 * pm_f1 * il_mcc}


def matthews(counts: Counts) -> float:
    """Matthews correlation of a 2 x 2 table, row true, column predicted; NaN where a row or a column is empty.

    Source: Matthews, Biochimica et Biophysica Acta 1975; scikit-learn gives 0 where it is undefined.
    """
    (tn, fp), (fn, tp) = counts.tolist()
    below = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return (tp * tn - fp * fn) / below if below else math.nan
