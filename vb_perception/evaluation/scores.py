"""The one scorer: answers against truth, whether they come from a lock-step replay or from a recorded live run.

Its memory does not grow with the number of frames, but for a few bytes an object.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vb_perception.evaluation.frame_scores import INSTANCES, METRIC, Figures, FrameScores, nan_mean, score_frame
from vb_perception.evaluation.truth import true_classes, true_objects
from vb_perception.metrics.average_precision import AveragePrecision
from vb_perception.metrics.concepts import ConceptTally
from vb_perception.metrics.referring import ReferringTally
from vb_perception.metrics.risk_tally import RiskTally
from vb_perception.predictions import Prediction
from vb_perception.scenes.sample import Sample

__all__ = ["GROUPS", "INSTANCES", "KEPT", "Scorer", "Scores", "true_classes", "true_objects"]

KEPT = 0.8  # share of pixels that remains when the least confident fifth is dropped
GROUPS = (
    "depth", "depth_by_distance", "depth_median_aligned", "depth_affine_aligned", "cloud", "normals", "segmentation",
    "classes", "objects", "instances", "concept", "referring", "confidence", "flicker",
)  # fmt: skip

State = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Figures by what they judge: mean over the frames that have truth for it (NaN frames left out), and their number.

    Means over frames: `depth`, `depth_by_distance`, `depth_median_aligned`, `depth_affine_aligned`, `cloud`, `normals`,
    `classes` (IoU by name, labelled pixels only), `objects` (overlap and boundary), `flicker`.

    Over all frames at once: `segmentation` (`miou` over the names, pixels of all frames counted together,
    `pixel_accuracy`; but `boundary_iou` is a mean over frames), `instances` (COCO AP), `concept` (the phrase "object"
    asked of every frame: `pm_f1`, `il_mcc`, `cg_f1`), `referring` (`c_iou`, `g_iou`), `confidence`: AbsRel of all
    pixels and of the `KEPT` most confident, `ause` and `aurg`, over the frames whose confidence is not one number.
    `coverage`, `risk` (K,): the risk-coverage curve of depth, share of pixels kept against their AbsRel.

    `counts`: of the figures that frames have, how many frames that was.
    """

    frames: int
    figures: Mapping[str, Figures]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Plain numbers rounded to five places, None for NaN."""
        plain = {
            group: {name: None if math.isnan(value) else round(value, 5) for name, value in figures.items()}
            for group, figures in self.figures.items()
        }
        points = zip(self.coverage, self.risk, strict=True)
        curve = [[round(float(c), 4), None if math.isnan(r) else round(float(r), 5)] for c, r in points]
        return {"frames": self.frames, **plain, "risk_coverage": curve}


@dataclass(slots=True)
class Scorer:
    """Takes frames one by one; `scores()` at any time.  `state` and `merge` join scorers of parts of the frames."""

    _frames: int = 0
    _means: dict[str, dict[str, tuple[float, int]]] = field(default_factory=dict)
    _classes: dict[str, tuple[int, int]] = field(default_factory=dict)
    _pixels: tuple[int, int] = (0, 0)  # right, labelled
    _instances: AveragePrecision = field(default_factory=AveragePrecision)
    _concept: ConceptTally = field(default_factory=ConceptTally)
    _referring: ReferringTally = field(default_factory=ReferringTally)
    _risk: RiskTally = field(default_factory=RiskTally)

    def add(
        self, predictions: Mapping[str, Prediction], truth: Sample, depth_means: str = METRIC
    ) -> dict[str, Figures]:
        """Judge one frame's answers, by task name, as `score_frame`; this frame's figures."""
        row = score_frame(predictions, truth, depth_means)
        self.add_scored(row)
        return row.figures

    def add_scored(self, row: FrameScores) -> None:
        """Add a frame that was judged before."""
        self._frames += 1
        for group, figures in row.figures.items():
            self.add_figures(group, figures)
        for name, (common, union) in row.classes.items():
            before = self._classes.get(name, (0, 0))
            self._classes[name] = before[0] + common, before[1] + union
        self._pixels = self._pixels[0] + row.right_px, self._pixels[1] + row.labelled_px
        if row.objects is not None:
            self._instances.add(*row.objects)
            self._concept.add(row.objects[0])
        for masks in row.masks:
            self._referring.add(*masks)
        if row.risk is not None:
            self._risk.add(*row.risk)

    def add_figures(self, group: str, figures: Figures) -> None:
        """Add figures of one frame to the means of a group."""
        means = self._means.setdefault(group, {})
        for name, value in figures.items():
            total, count = means.get(name, (0.0, 0))
            means[name] = (total, count) if math.isnan(value) else (total + value, count + 1)

    def scores(self) -> Scores:
        """The figures of all frames so far."""
        means = {
            group: {name: total / count if count else math.nan for name, (total, count) in figures.items()}
            for group, figures in self._means.items()
        }
        coverage, risk = self._risk.curve()
        pooled = {
            "segmentation": self._segmentation(),
            "instances": self._instances.figures(),
            "concept": self._concept.figures(),
            "referring": self._referring.figures(),
            "confidence": self._confidence(coverage, risk),
        }
        figures = {}
        for group in GROUPS:
            both = means.get(group, {}) | pooled.get(group, {})
            if any(not math.isnan(value) for value in both.values()):
                figures[group] = both
        counts = {group: {name: count for name, (_, count) in of.items()} for group, of in self._means.items()}
        return Scores(self._frames, figures, coverage, risk, counts)

    def _segmentation(self) -> Figures:
        ious = [common / union if union else math.nan for common, union in self._classes.values()]
        right, labelled = self._pixels
        return {"miou": nan_mean(ious), "pixel_accuracy": right / labelled if labelled else math.nan}

    def _confidence(self, coverage: NDArray[np.float64], risk: NDArray[np.float64]) -> Figures:
        kept = float(np.interp(KEPT, coverage, risk))
        return {
            "abs_rel_all": float(risk[-1]),
            "abs_rel_surest_80": kept,
            "lower_by": 1 - kept / float(risk[-1]) if risk[-1] > 0 else math.nan,
            "ause": self._risk.ause(),
            "aurg": self._risk.aurg(),
        }

    def state(self) -> State:
        """All of it as arrays by name, to be kept in a file; the inverse is `merge` into a new scorer."""
        state: State = {"frames": np.array(self._frames), "pixels": np.array(self._pixels)}
        state |= {f"class/{name}": np.array(counts) for name, counts in self._classes.items()}
        for group, figures in self._means.items():
            state |= {f"mean/{group}/{name}": np.array(sums, np.float64) for name, sums in figures.items()}
        for name, tally in self._tallies().items():
            state |= {f"{name}/{key}": value for key, value in tally.state().items()}
        return state

    def merge(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Add the frames of another scorer's `state`."""
        self._frames += int(state["frames"])
        right, labelled = state["pixels"].tolist()
        self._pixels = self._pixels[0] + right, self._pixels[1] + labelled
        for key, value in state.items():
            kind, _, name = key.partition("/")
            if kind == "class":
                common, union = self._classes.get(name, (0, 0))
                self._classes[name] = common + int(value.flat[0]), union + int(value.flat[1])
            elif kind == "mean":
                group, _, figure = name.partition("/")
                total, count = self._means.setdefault(group, {}).get(figure, (0.0, 0))
                self._means[group][figure] = total + float(value.flat[0]), count + int(value.flat[1])
        for name, tally in self._tallies().items():
            own = {key.removeprefix(f"{name}/"): value for key, value in state.items() if key.startswith(f"{name}/")}
            tally.merge(own)

    def _tallies(self) -> dict[str, AveragePrecision | ConceptTally | ReferringTally | RiskTally]:
        return {
            "instances": self._instances,
            "concept": self._concept,
            "referring": self._referring,
            "risk": self._risk,
        }
