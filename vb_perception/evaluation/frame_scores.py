"""One frame's answers against its truth: the figures of the frame, and what the figures over all frames are made of."""

import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.evaluation.truth import is_labelled, true_classes, true_mask, true_objects
from vb_perception.metrics.boundary_iou import boundary_iou
from vb_perception.metrics.depth import depth_pairs, pair_scores
from vb_perception.metrics.depth_alignment import affine_aligned, affine_aligned_inverse, median_aligned, shape_scores
from vb_perception.metrics.depth_bands import band_scores
from vb_perception.metrics.depth_edges import edge_scores
from vb_perception.metrics.masks import iou
from vb_perception.metrics.normals import normal_scores
from vb_perception.metrics.object_overlaps import ObjectOverlaps, labelled_pixels, object_overlaps
from vb_perception.metrics.objects import overlap_boundary_of
from vb_perception.metrics.point_cloud import cloud_scores
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import BACKGROUND

INSTANCES, REFERRING = "instances", "referring"
METRIC = "metric"
_RISK_PIXELS, _CLOUD_POINTS = 20_000, 5_000  # of each frame, on a regular grid

# numpy and OpenCV let go of the interpreter; three cores are left to those that read, paint and decode meanwhile
_THREADS = ThreadPoolExecutor(max(1, min(4, (os.cpu_count() or 1) - 3)), "score")

Figures = dict[str, float]
Floats = NDArray[np.float32]


class ClassPixels(NamedTuple):
    """Labelled pixels of one name: true and predicted, true or predicted."""

    common_px: int
    union_px: int


@dataclass(slots=True)
class FrameScores:
    """`figures` by group, as `scores.Scores` describes them; the rest is what the tallies take."""

    figures: dict[str, Figures] = field(default_factory=dict)
    classes: dict[str, ClassPixels] = field(default_factory=dict)
    right_px: int = 0
    labelled_px: int = 0
    objects: tuple[ObjectOverlaps, NDArray[np.float64]] | None = None
    masks: list[tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]] = field(default_factory=list)
    risk: tuple[Floats, Floats] | None = None

    def join(self, other: "FrameScores") -> None:
        """Add what another task said of the same frame; where both name a figure, the other's counts."""
        for group, figures in other.figures.items():
            self.figures[group] = self.figures.get(group, {}) | figures
        self.classes |= other.classes
        self.masks += other.masks
        if other.labelled_px:
            self.right_px, self.labelled_px = other.right_px, other.labelled_px
        self.objects, self.risk = other.objects or self.objects, other.risk or self.risk


def score_frame(predictions: Mapping[str, Prediction], truth: Sample, depth_means: str = METRIC) -> FrameScores:
    """Judge one frame's answers, by task name.

    Depth is metric; of "relative" depth (right up to scale and shift) and of "relative_inverse" depth (1 / depth is)
    only the figures after alignment are given.  These count every number that such a network says, whatever its sign:
    what the alignment leaves behind the camera is wrong, not unknown (see `metrics.depth_alignment`).

    A SegmentMap named "instances" is judged as objects, one named "referring" as one mask for one phrase, any other by
    the names of its classes: a name counts the true classes of that name or synonym, "object" every class that is an
    object and not named itself; a name that the truth's legend cannot mean is not judged, and counts as background.
    """
    asked = predictions.items()
    done = [_THREADS.submit(_judged, task, prediction, truth, depth_means) for task, prediction in asked]
    row = FrameScores()
    for future in done:  # in the order of the tasks, whichever was ready first
        row.join(future.result())
    return row


def _judged(task: str, prediction: Prediction, truth: Sample, depth_means: str) -> FrameScores:
    row = FrameScores()
    if isinstance(prediction, DepthMap):
        _depth(row, prediction, truth, depth_means)
    elif isinstance(prediction, NormalMap):
        row.figures["normals"] = normal_scores(prediction.normals, truth.normals)
    elif task == INSTANCES:
        _objects(row, prediction, truth)
    elif task == REFERRING:
        _referring(row, prediction, truth)
    else:
        _classes(row, prediction, truth)
    return row


def _depth(row: FrameScores, prediction: DepthMap, truth: Sample, depth_means: str) -> None:
    p, g = prediction.depth_m, truth.depth_m
    if depth_means != METRIC:
        inverse = depth_means == "relative_inverse"
        pairs = depth_pairs(p, g, usable=~np.isnan(p) & (p != 0) if inverse else np.isfinite(p))
        aligned = affine_aligned_inverse(pairs) if inverse else affine_aligned(pairs)
        row.figures["depth_affine_aligned"] = shape_scores(aligned) | {"coverage": pairs.coverage}
        return
    pairs = depth_pairs(p, g)
    row.figures["depth"] = pair_scores(pairs) | edge_scores(p, g)
    row.figures["depth_by_distance"] = band_scores(pairs)
    row.figures["depth_median_aligned"] = shape_scores(median_aligned(pairs))
    row.figures["depth_affine_aligned"] = shape_scores(affine_aligned(pairs)) | {"coverage": pairs.coverage}
    step = _grid_step(g.size, _CLOUD_POINTS)
    part = np.s_[::step, ::step]
    judged = np.isfinite(g[part]) & (g[part] > 0)
    if judged.any():
        camera = _every(step, truth.intrinsics)
        # What is predicted where nothing is known has no partner, and would count as far from everything.
        clouds = (camera.unproject(np.where(judged, depth_m[part], np.nan).astype(np.float32)) for depth_m in (p, g))
        predicted, true = (points.reshape(-1, 3) for points in clouds)
        row.figures["cloud"] = cloud_scores(predicted, true)
    step = _grid_step(g.size, _RISK_PIXELS)
    part = np.s_[::step, ::step]
    counted = np.isfinite(g[part]) & (g[part] > 0) & np.isfinite(p[part]) & (p[part] > 0)
    true_m, confidence = g[part][counted], prediction.confidence[part][counted]
    if true_m.size and confidence.min() < confidence.max():  # else it has none, and puts no pixel before another
        row.risk = np.abs(p[part][counted] - true_m) / true_m, confidence


def _every(step: int, camera: CameraIntrinsics) -> CameraIntrinsics:
    """The camera whose pixels are every `step`-th column and row of `camera`, from the first on."""
    size = (-(-camera.width // step), -(-camera.height // step))
    return CameraIntrinsics(*size, camera.fx / step, camera.fy / step, camera.cx / step, camera.cy / step)


def _objects(row: FrameScores, prediction: SegmentMap, truth: Sample) -> None:
    true = true_objects(truth)
    counted = labelled_pixels(prediction.ids, true, None)
    if not counted.any():
        return
    overlaps = object_overlaps(prediction.ids, true, counted)
    row.figures["objects"] = overlap_boundary_of(overlaps, prediction.ids, true, counted)
    something = np.flatnonzero(prediction.ids)
    found, many = prediction.ids.reshape(-1)[something], len(prediction.names)
    confidence = np.bincount(found, prediction.confidence.reshape(-1)[something], many)
    pixels = np.bincount(found, minlength=many)
    ids = overlaps.predicted_ids
    row.objects = overlaps, confidence[ids] / pixels[ids]


def _referring(row: FrameScores, prediction: SegmentMap, truth: Sample) -> None:
    phrase = prediction.names[-1]
    labelled = truth.class_ids >= 0
    if not labelled.any() or not is_labelled(phrase, truth.class_names):
        return
    p, g = prediction.ids > 0, true_mask(phrase, truth)
    row.masks.append((p, g, labelled))
    row.figures["referring"] = {"iou": iou(p, g, labelled)}


def _classes(row: FrameScores, prediction: SegmentMap, truth: Sample) -> None:
    legend = truth.class_names
    names = {i: name for i, name in enumerate(prediction.names) if name != BACKGROUND and is_labelled(name, legend)}
    true = true_classes(prediction.names, truth)
    labelled = true >= 0
    if not labelled.any() or not names:
        return
    found, rims = prediction.ids, []
    if len(names) < len(prediction.names) - 1:
        found = np.where(np.isin(found, list(names)), found, 0)
    for i, name in names.items():
        p, g = found == i, true == i
        row.classes[name] = ClassPixels(int(np.count_nonzero(p & g)), int(np.count_nonzero((p & labelled) | g)))
        rims.append(boundary_iou(p, g, labelled))
    ious = {name: c.common_px / c.union_px if c.union_px else math.nan for name, c in row.classes.items()}
    row.figures["classes"] = ious
    row.labelled_px = int(np.count_nonzero(labelled))
    row.right_px = int(np.count_nonzero(found == true))
    row.figures["segmentation"] = {
        "miou": nan_mean(list(ious.values())),
        "pixel_accuracy": row.right_px / row.labelled_px,
        "boundary_iou": nan_mean(rims),
    }


def nan_mean(values: list[float]) -> float:
    """Mean of those that are numbers; NaN if none is."""
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan


def _grid_step(pixels: int, wanted: int) -> int:
    return max(1, math.ceil(math.sqrt(pixels / wanted)))
