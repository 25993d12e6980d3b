"""The frames that a report shows: picked evenly, each as a row of pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.codecs.palette import Colour
from vb_perception.evaluation.error_pictures import depth_error_picture, mask_error_picture, normals_error_picture
from vb_perception.evaluation.frame_scores import INSTANCES
from vb_perception.evaluation.pictures import (
    RGB,
    class_colours,
    cloud_picture,
    depth_picture,
    depth_range_m,
    mask_picture,
    normals_picture,
)
from vb_perception.evaluation.truth import true_classes, true_objects
from vb_perception.frame import Perception
from vb_perception.predictions import DepthMap, NormalMap, SegmentMap
from vb_perception.scenes.sample import Sample

Seen = tuple[Perception, Sample | None]
ASSUMED_FOV_DEG = 60.0  # of a camera without calibration, to draw its cloud at all


@dataclass(slots=True)
class Showcase:
    """Keeps about `wanted` of any number of frames, evenly spaced, without holding more than that at a time."""

    wanted: int
    kept: list[Seen] = field(default_factory=list)
    _offered: int = 0
    _stride: int = 1

    def offer(self, perception: Perception, truth: Sample | None) -> None:
        """Look at the next frame."""
        if self._offered % self._stride == 0:
            self.kept.append((perception, truth))
            if len(self.kept) > self.wanted:
                self.kept = self.kept[::2]
                self._stride *= 2
        self._offered += 1


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame's pictures by column title; of its truth and its errors under the same titles, where there is truth."""

    title: str
    pictures: Mapping[str, RGB]
    truth: Mapping[str, RGB]
    generated: Mapping[str, RGB]
    errors: Mapping[str, RGB] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gallery:
    """Shots that share one range of depth [m] and one legend of classes."""

    shots: tuple[Shot, ...]
    range_m: tuple[float, float]
    classes: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Titles of all columns that any shot has."""
        return tuple(dict.fromkeys(title for shot in self.shots for title in shot.pictures))


def make_gallery(seen: Sequence[Seen], labels: Sequence[str] = (), *, with_errors: bool = False) -> Gallery:
    """Pictures of these frames.  The cloud of an uncalibrated camera is drawn for `ASSUMED_FOV_DEG`.

    `labels`: words behind the title of each; `with_errors`: draw where each is wrong.

    Titled by the frame's own name if it came from a folder, else by the seconds since the first of them.
    """
    depths = [p.depth_m for perception, _ in seen for p in perception.predictions.values() if isinstance(p, DepthMap)]
    range_m = depth_range_m(depths + [truth.depth_m for _, truth in seen if truth is not None])
    maps = [p for perception, _ in seen for task, p in perception.predictions.items() if task != INSTANCES]
    classes = next((p.names for p in maps if isinstance(p, SegmentMap)), ())
    start_ns = min((perception.frame.stamp_ns for perception, _ in seen), default=0)
    shots = [_shot(perception, truth, range_m, start_ns) for perception, truth in seen]
    if labels:
        shots = [replace(shot, title=f"{shot.title} ({words})") for shot, words in zip(shots, labels, strict=True)]
    if with_errors:
        shots = [replace(shot, errors=_errors(*one)) for shot, one in zip(shots, seen, strict=True)]
    return Gallery(tuple(shots), range_m, classes)


def _shot(perception: Perception, truth: Sample | None, range_m: tuple[float, float], start_ns: int) -> Shot:
    frame = perception.frame
    pictures: dict[str, RGB] = {"input": frame.rgb}
    depth: NDArray[np.float32] | None = None
    for task, prediction in perception.predictions.items():
        if isinstance(prediction, DepthMap):
            depth = prediction.depth_m
            pictures[task] = depth_picture(depth, range_m)
        elif isinstance(prediction, NormalMap):
            pictures[task] = normals_picture(prediction.normals)
        else:
            pictures[task] = mask_picture(frame.rgb, prediction.ids, _colours_for(prediction.ids, prediction))
    if depth is not None:
        camera = frame.intrinsics or CameraIntrinsics.from_fov(frame.width, frame.height, ASSUMED_FOV_DEG)
        pictures["cloud"] = cloud_picture(frame.rgb, depth, camera)
    title = truth.name if truth is not None and truth.name else f"{(frame.stamp_ns - start_ns) / 1e9:.2f} s"
    return Shot(title, pictures, _truth(perception, truth, range_m), perception.generated)


def _truth(perception: Perception, truth: Sample | None, range_m: tuple[float, float]) -> dict[str, RGB]:
    """The truth in the same colours, under the same titles as the answers it is the truth of."""
    out: dict[str, RGB] = {}
    if truth is None:
        return out
    known = np.isfinite(truth.depth_m).any()
    for task, prediction in perception.predictions.items():
        if isinstance(prediction, DepthMap) and known:
            out[task] = depth_picture(truth.depth_m, range_m)
        elif isinstance(prediction, NormalMap) and known:
            out[task] = normals_picture(truth.normals)
        elif isinstance(prediction, SegmentMap) and _is_labelled(task, truth):
            ids = true_objects(truth) if task == INSTANCES else true_classes(prediction.names, truth)
            out[task] = mask_picture(truth.rgb, ids, _colours_for(ids, prediction))
    if "depth" in out:
        out["cloud"] = cloud_picture(truth.rgb, truth.depth_m, truth.intrinsics)
    return out


def _errors(perception: Perception, truth: Sample | None) -> dict[str, RGB]:
    """Where each answer is wrong, under its title."""
    out: dict[str, RGB] = {}
    if truth is None:
        return out
    for task, prediction in perception.predictions.items():
        if isinstance(prediction, DepthMap):
            out[task] = depth_error_picture(prediction.depth_m, truth.depth_m)
        elif isinstance(prediction, NormalMap):
            out[task] = normals_error_picture(prediction.normals, truth.normals)
        elif _is_labelled(task, truth):
            if task == INSTANCES:
                found, true = prediction.ids > 0, np.sign(true_objects(truth))
                out[task] = mask_error_picture(truth.rgb, found.astype(np.int16), true)
            else:
                true = true_classes(prediction.names, truth)
                out[task] = mask_error_picture(truth.rgb, prediction.ids.astype(np.int16), true)
    return out


def _is_labelled(task: str, truth: Sample) -> bool:
    return bool(((truth.instance_ids if task == INSTANCES else truth.class_ids) >= 0).any())


def _colours_for(ids: NDArray[np.integer], segments: SegmentMap) -> tuple[Colour, ...]:
    """The colours of the classes by name, or of as many instances as there are."""
    return class_colours(max(len(segments.names), int(ids.max(initial=0)) + 1))
