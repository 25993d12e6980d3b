"""The best guess without looking at the image: what every model has to beat."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import BagError
from vb_perception.evaluation.truth import true_classes
from vb_perception.frame import Frame, Perception
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import (
    BACKGROUND,
    InstanceSegmentation,
    MetricDepth,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)
from vb_perception.timing import StageTimes

MOST_FRAMES = 200
_SIZE = (160, 120)  # of the maps that are learnt, (width, height)
_UNSEEN_M = 1.0

Floats = NDArray[np.float32]


class NoImage:
    """Per pixel the median depth, the mean normal and the most frequent class of a training split; no instances."""

    run_by, digest, depth_means = "no image", "", "metric"

    def __init__(self, learn: Iterable[Sample | None]) -> None:
        """Learn from the first `MOST_FRAMES` samples that are not None; BagError if there is none."""
        samples = list(islice((_small(sample) for sample in learn if sample is not None), MOST_FRAMES))
        if not samples:
            msg = "no frame with truth to learn the no-image baseline from; give it a training split"
            raise BagError(msg)
        self._samples = samples
        depth_m = np.stack([sample.depth_m for sample in samples])
        depth_m[:, ~np.isfinite(depth_m).any(0)] = _UNSEEN_M
        self._depth_m = np.nanmedian(np.where(np.isfinite(depth_m), depth_m, np.nan), axis=0).astype(np.float32)
        normals = np.nansum(np.stack([sample.normals for sample in samples]), axis=0)
        length = np.linalg.norm(normals, axis=-1, keepdims=True)
        self._normals = np.where(length > 0, normals / np.maximum(length, 1e-6), (0, 0, -1)).astype(np.float32)
        self._classes: dict[tuple[str, ...], NDArray[np.uint16]] = {}

    def perceive(self, frame: Frame, tasks: Sequence[Task]) -> Perception:
        """The same answers for every frame, at its size."""
        size = (frame.width, frame.height)
        sure = np.ones((frame.height, frame.width), np.float32)
        out: dict[str, Prediction] = {}
        for task in tasks:
            if isinstance(task, MetricDepth):
                out[task.name] = DepthMap(_resized(self._depth_m, size), sure)
            elif isinstance(task, SurfaceNormals):
                out[task.name] = NormalMap(_resized(self._normals, size), sure)
            elif isinstance(task, SemanticSegmentation):
                ids = cv2.resize(self._most_frequent(task.names), size, interpolation=cv2.INTER_NEAREST)
                out[task.name] = SegmentMap(np.asarray(ids, np.uint16), task.names, sure)
            elif isinstance(task, InstanceSegmentation):
                out[task.name] = SegmentMap(np.zeros(sure.shape, np.uint16), (BACKGROUND,), sure)
        return Perception(frame, out, {}, StageTimes())

    def _most_frequent(self, names: tuple[str, ...]) -> NDArray[np.uint16]:
        if names not in self._classes:
            votes = np.zeros((len(names), *self._depth_m.shape), np.int32)
            for sample in self._samples:
                ids = true_classes(names, sample)
                for i in range(len(names)):
                    votes[i] += ids == i
            self._classes[names] = votes.argmax(0).astype(np.uint16)
        return self._classes[names]


def _small(sample: Sample) -> Sample:
    def nearest(array: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(cv2.resize(array, _SIZE, interpolation=cv2.INTER_NEAREST))

    return Sample(
        sample.name,
        nearest(sample.rgb).astype(np.uint8),
        sample.intrinsics.resized(*_SIZE),
        nearest(sample.depth_m).astype(np.float32),
        nearest(sample.normals).astype(np.float32),
        nearest(sample.class_ids).astype(np.int16),
        nearest(sample.instance_ids).astype(np.int16),
        sample.class_names,
    )


def _resized(array: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_LINEAR), np.float32)
