"""Average precision of instances, as COCO counts it, over frames that come one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.metrics.object_overlaps import ObjectOverlaps

Floats = NDArray[np.float64]
THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MOST_A_FRAME = 100
FIGURES = {"ap": slice(None), "ap50": slice(0, 1), "ap75": slice(5, 6)}


@dataclass(slots=True)
class AveragePrecision:
    """Adds frames; `figures()` at any time: `ap` (mean over IoU 0.50, 0.55 ... 0.95), `ap50`, `ap75`, in [0, 1].

    In each frame at most 100 predicted objects, best score first, each take the true object of largest IoU that is
    still free and has at least the threshold's IoU.  Over all frames, precision at 101 recalls, made monotone, is
    averaged.  NaN without a true object.

    Source: Lin et al., ECCV 2014, and pycocotools' `COCOeval` (no crowds, all areas); a test compares with it.
    """

    _scores: list[Floats] = field(default_factory=list)
    _hits: list[NDArray[np.bool_]] = field(default_factory=list)
    _true: int = 0

    def add(self, overlaps: ObjectOverlaps, scores: NDArray[np.floating]) -> None:
        """One frame; `scores` (P,) of the predicted objects, larger is surer.

        Raises:
            ConfigError: not one finite score an object.
        """
        if scores.shape != overlaps.predicted_ids.shape or not np.isfinite(scores).all():
            msg = f"scores of shape {scores.shape} for {len(overlaps.predicted_ids)} objects: expected one finite each"
            raise ConfigError(msg)
        order = np.argsort(-scores, kind="stable")[:MOST_A_FRAME]
        self._scores.append(scores[order].astype(np.float64))
        self._hits.append(_matched(overlaps.iou()[:, order]))
        self._true += len(overlaps.true_ids)

    def figures(self) -> dict[str, float]:
        """See the class."""
        if not self._true:
            return dict.fromkeys(FIGURES, np.nan)
        precision = self._precision()
        return {name: float(precision[part].mean()) for name, part in FIGURES.items()}

    def _precision(self) -> Floats:
        """Precision (thresholds, recalls)."""
        out = np.zeros((len(THRESHOLDS), len(RECALLS)))
        scores = np.concatenate(self._scores)
        if not scores.size:
            return out
        hits = np.concatenate(self._hits)[np.argsort(-scores, kind="stable")]
        found = np.cumsum(hits, axis=0)
        precision = found / np.arange(1, len(hits) + 1)[:, None]
        precision = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        for i in range(len(THRESHOLDS)):
            at = np.searchsorted(found[:, i] / self._true, RECALLS, side="left")
            reached = at < len(hits)
            out[i, reached] = precision[at[reached], i]
        return out

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All of it as arrays, to be kept in a file."""
        scores = np.concatenate([np.zeros(0), *self._scores])
        hits = np.concatenate([np.zeros((0, len(THRESHOLDS)), np.bool_), *self._hits])
        return {"scores": scores, "hits": hits, "true": np.array(self._true)}

    def merge(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Add the frames of another's `state`."""
        self._scores.append(state["scores"].astype(np.float64))
        self._hits.append(state["hits"].astype(np.bool_))
        self._true += int(state["true"])


def _matched(iou: Floats) -> NDArray[np.bool_]:
    """Which predicted objects (columns, best first) find a true one (row) at each threshold, (P, thresholds)."""
    hits = np.zeros((iou.shape[1], len(THRESHOLDS)), np.bool_)
    if not iou.size:
        return hits
    for i, least in enumerate(THRESHOLDS):
        free = np.ones(iou.shape[0], np.bool_)
        for p in range(iou.shape[1]):
            candidates = np.where(free, iou[:, p], -1.0)
            best = len(candidates) - 1 - int(np.argmax(candidates[::-1]))  # of equals the last, as COCOeval
            if candidates[best] >= min(least, 1 - 1e-10):
                hits[p, i], free[best] = True, False
    return hits
