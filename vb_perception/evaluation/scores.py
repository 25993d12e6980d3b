"""The one scorer: answers against truth, whether they come from a lock-step replay or from a recorded live run."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vb_perception.metrics.calibration import ause, risk_coverage
from vb_perception.metrics.depth import depth_scores
from vb_perception.metrics.masks import iou
from vb_perception.metrics.objects import overlap_boundary
from vb_perception.metrics.normals import normal_scores
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.scenes.classes import CLASSES
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import BACKGROUND

INSTANCES = "instances"
OBJECT = "object"
KEPT = 0.8  # share of pixels that remains when the least confident fifth is dropped
_PIXELS_PER_FRAME = 20_000  # of each frame in the pooled risk-coverage curve, on a regular grid

Figures = dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Figures by what they judge: mean over the frames that have truth for it (NaN frames left out), and their number.

    `depth`, `normals`, `classes` (IoU by name, labelled pixels only), `objects` (overlap and boundary), `confidence`:
    AbsRel over the pixels of all frames pooled, of all pixels and of the `KEPT` most confident, and `ause`.
    `coverage`, `risk` (K,): the risk-coverage curve of depth, share of pixels kept against their AbsRel.
    """

    frames: int
    figures: Mapping[str, Figures]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]

    def as_json(self) -> dict[str, object]:
        """Plain numbers, None for NaN."""
        plain = {
            group: {name: None if math.isnan(value) else round(value, 5) for name, value in figures.items()}
            for group, figures in self.figures.items()
        }
        curve = [[round(float(c), 4), round(float(r), 5)] for c, r in zip(self.coverage, self.risk, strict=True)]
        return {"frames": self.frames, **plain, "risk_coverage": curve}


@dataclass(slots=True)
class Scorer:
    """Takes frames one by one; `scores()` at any time."""

    _rows: list[dict[str, Figures]] = field(default_factory=list)
    _errors: list[NDArray[np.float32]] = field(default_factory=list)
    _confidences: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, predictions: Mapping[str, Prediction], truth: Sample) -> dict[str, Figures]:
        """Judge one frame's answers, by task name; this frame's figures.

        A SegmentMap named "instances" is judged as objects, any other by the names of its classes: a name counts the
        true classes of that name or synonym; "object" counts every class that is an object.
        """
        row: dict[str, Figures] = {}
        for task, prediction in predictions.items():
            if isinstance(prediction, DepthMap):
                row["depth"] = depth_scores(prediction.depth_m, truth.depth_m)
                self._pool(prediction, truth)
            elif isinstance(prediction, NormalMap):
                row["normals"] = normal_scores(prediction.normals, truth.normals)
            elif task == INSTANCES:
                row["objects"] = overlap_boundary(prediction.ids, true_objects(truth))
            else:
                row["classes"] = row.get("classes", {}) | _class_figures(prediction, truth)
        self._rows.append(row)
        return row

    def scores(self) -> Scores:
        """The figures of all frames so far."""
        figures: dict[str, Figures] = {}
        for group in ("depth", "normals", "classes", "objects"):
            names = dict.fromkeys(name for row in self._rows for name in row.get(group, {}))
            means = {
                name: _mean([row[group][name] for row in self._rows if name in row.get(group, {})]) for name in names
            }
            if any(not math.isnan(value) for value in means.values()):
                figures[group] = means
        error = np.concatenate(self._errors) if self._errors else np.empty(0, np.float32)
        confidence = np.concatenate(self._confidences) if self._errors else np.empty(0, np.float32)
        coverage, risk = risk_coverage(error, confidence)
        if error.size:
            kept = float(np.interp(KEPT, coverage, risk))
            dropped = 1 - kept / float(risk[-1]) if risk[-1] > 0 else math.nan
            figures["confidence"] = {
                "abs_rel_all": float(risk[-1]),
                "abs_rel_surest_80": kept,
                "lower_by": dropped,
                "ause": ause(error, confidence),
            }
        return Scores(len(self._rows), figures, coverage, risk)

    def _pool(self, prediction: DepthMap, truth: Sample) -> None:
        step = max(1, math.isqrt(truth.depth_m.size // _PIXELS_PER_FRAME))
        true_m = truth.depth_m[::step, ::step]
        counted = np.isfinite(true_m) & (true_m > 0)
        error = np.abs(prediction.depth_m[::step, ::step][counted] - true_m[counted]) / true_m[counted]
        usable = np.isfinite(error)
        self._errors.append(error[usable])
        self._confidences.append(prediction.confidence[::step, ::step][counted][usable])


def true_objects(truth: Sample) -> NDArray[np.int16]:
    """Instance ids of the objects alone: tables, walls and other large things become 0; -1 stays unlabelled."""
    ids = truth.instance_ids
    return np.where((ids > 0) & ~_true_mask(OBJECT, truth), 0, ids).astype(np.int16)


def true_classes(names: Sequence[str], truth: Sample) -> NDArray[np.int16]:
    """True ids (H, W) as an index into `names`, 0 where the true class is none of them; -1 stays unlabelled."""
    ids = np.minimum(truth.class_ids, 0)
    for i, name in enumerate(names):
        if name != BACKGROUND:
            ids[_true_mask(name, truth)] = i
    return ids


def _true_mask(name: str, truth: Sample) -> NDArray[np.bool_]:
    known = {c.name: c for c in CLASSES}

    def means(class_name: str) -> bool:
        scene_class = known.get(class_name)
        if name == OBJECT and scene_class is not None and scene_class.is_object:
            return True
        return name == class_name or (scene_class is not None and name in scene_class.synonyms)

    wanted = [i for i, class_name in enumerate(truth.class_names) if means(class_name)]
    return np.isin(truth.class_ids, wanted)


def _class_figures(prediction: SegmentMap, truth: Sample) -> Figures:
    labelled = truth.class_ids >= 0
    return {
        name: iou(prediction.ids == i, _true_mask(name, truth), labelled)
        for i, name in enumerate(prediction.names)
        if name != BACKGROUND
    }


def _mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
