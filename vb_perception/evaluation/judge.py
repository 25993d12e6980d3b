"""One contestant's answers, frame by frame: scores, flicker, latency.  Lock-step and recorded runs alike end here."""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.evaluation.figure_names import PERCENTILES
from vb_perception.evaluation.frame_scores import METRIC, Figures
from vb_perception.evaluation.scores import Scorer
from vb_perception.frame import Perception
from vb_perception.metrics.flicker import label_flips, static_flicker, warped_flicker
from vb_perception.predictions import DepthMap, SegmentMap
from vb_perception.scenes.sample import Sample
from vb_perception.timing import STAGES

_AT_REST_LEVELS = 2.0  # of 255: mean difference of two images that show a camera and a scene at rest
_GLANCE = (64, 48)
_P = TypeVar("_P", DepthMap, SegmentMap)
_OWN_STAGES = ("prepare", "infer", "decode")


@dataclass(slots=True)
class Judge:
    """`add` each frame in order; read `scorer` and `latency` at any time."""

    depth_means: str = METRIC
    scorer: Scorer = field(default_factory=Scorer)
    scored: int = 0
    answered: int = 0
    stages_ms: "dict[str, array[float]]" = field(default_factory=lambda: {stage: array("f") for stage in STAGES})
    total_ms: "array[float]" = field(default_factory=lambda: array("f"))
    _before: tuple[Perception, Sample | None] | None = None

    def add(self, perception: Perception, truth: Sample | None) -> dict[str, Figures]:
        """Judge one frame; its figures by group."""
        figures: dict[str, Figures] = {}
        self.answered += 1
        if truth is not None:
            figures = dict(self.scorer.add(perception.predictions, truth, self.depth_means))
            self.scored += 1
        flicker = self._flicker(perception, truth)
        if flicker:
            figures["flicker"] = flicker
            self.scorer.add_figures("flicker", flicker)
        figures["latency"] = self._time(perception)
        self._before = perception, truth
        return figures

    def latency(self) -> Figures:
        """`p50_ms`, `p95_ms`, `p99_ms`, `max_ms` of the whole frame, and of each stage that took any time."""
        out = _percentiles("", self.total_ms)
        for stage, ms in self.stages_ms.items():
            if any(ms):
                out |= _percentiles(f"{stage}_", ms)
        return out

    def _time(self, perception: Perception) -> Figures:
        ms = {stage: getattr(perception.times, f"{stage}_ns") / 1e6 for stage in STAGES}
        for stage, value in ms.items():
            self.stages_ms[stage].append(value)
        total = ms["age"] or sum(ms[stage] for stage in _OWN_STAGES)
        self.total_ms.append(total)
        return {"total_ms": total} | {f"{stage}_ms": value for stage, value in ms.items() if value}

    def _flicker(self, perception: Perception, truth: Sample | None) -> Figures:
        """Against the frame before: by the true motion where both poses are known, else if nothing moved."""
        if self._before is None:
            return {}
        before, truth_before = self._before
        depth = [_find(p, DepthMap) for p in (before, perception)]
        if depth[0] is None or depth[1] is None or depth[0].depth_m.shape != depth[1].depth_m.shape:
            return {}
        earlier, later = depth[0].depth_m, depth[1].depth_m
        if truth is not None and truth_before is not None:
            poses = truth_before.world_from_camera, truth.world_from_camera
            if poses[0] is not None and poses[1] is not None and self.depth_means == METRIC:
                motion = np.linalg.inv(poses[1]) @ poses[0]
                maps = (earlier, later), (truth_before.depth_m, truth.depth_m)
                return {"depth_warped": warped_flicker(*maps, truth.intrinsics, motion)}
        if not _at_rest(before.frame.rgb, perception.frame.rgb):
            return {}
        out = {"depth_static": static_flicker(earlier, later)}
        masks = [_find(p, SegmentMap) for p in (before, perception)]
        if masks[0] is not None and masks[1] is not None and masks[0].ids.shape == masks[1].ids.shape:
            out["label_flips"] = label_flips(masks[0].ids, masks[1].ids)
        return out


def _find(perception: Perception, kind: type[_P]) -> _P | None:
    return next((p for p in perception.predictions.values() if isinstance(p, kind)), None)


def _at_rest(earlier: NDArray[np.uint8], later: NDArray[np.uint8]) -> bool:
    glances = [cv2.resize(rgb, _GLANCE, interpolation=cv2.INTER_AREA).astype(np.int16) for rgb in (earlier, later)]
    return float(np.abs(glances[0] - glances[1]).mean()) < _AT_REST_LEVELS


def _percentiles(prefix: str, ms: Sequence[float]) -> Figures:
    if not len(ms):
        return {f"{prefix}{name}": math.nan for name in PERCENTILES}
    p50, p95, p99 = np.percentile(np.asarray(ms, np.float64), (50, 95, 99))
    values = (float(p50), float(p95), float(p99), float(max(ms)))
    return {f"{prefix}{name}": value for name, value in zip(PERCENTILES, values, strict=True)}


def joined_latency(parts: Sequence[Mapping[str, Sequence[float]]]) -> Figures:
    """The latency figures of several runs together, from their times by stage ("" the whole frame)."""
    out: Figures = {}
    for stage in dict.fromkeys(stage for part in parts for stage in part):
        ms = [value for part in parts for value in part.get(stage, ())]
        if stage == "" or any(ms):
            out |= _percentiles(f"{stage}_" if stage else "", ms)
    return out
