"""The whole way of a frame on the GPU: what the device is told about a camera and a task, and what it gives back.

Bytes of the camera go up, the network's picture and its meaning at the camera's size come down; in between runs the
generator with a graph before it and some after it (`generator/on_device_graphs.py` writes them).  Whatever a graph
does not read, such as instances, is read on the host from the same picture.  Results are those of the host's way,
`PerceptionPipeline`, but for rounding.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import Letterbox
from vb_perception.codecs.colour_maps import RAINBOW
from vb_perception.codecs.depth import LAST, depth_table
from vb_perception.codecs.palette import Colour
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.resample import nearest_index, tap_index
from vb_perception.tasks import (
    BACKGROUND,
    MAX_THINGS,
    EdgeMap,
    MetricDepth,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

GRAPHS = Path(__file__).resolve().parents[1] / "models" / "on_device"
TABLE_ROWS = LAST + 1
LEGEND_ROWS = MAX_THINGS + 2
"""The background, the things, and at least one that no pixel is near: every legend has the same shape."""
FAR = 10_000.0
UNKNOWN_M = -1.0
KEPT = 32
Array = NDArray[Any]
Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """How the device reads one task's picture: the graph, and what that wants beside picture and camera.

    Constants are read-only arrays: one that is the same object as for the last frame is not uploaded again.
    """

    graph: str
    constants: Mapping[str, Array]


@dataclass(frozen=True, slots=True, eq=False)
class FrameQuestion:
    """A camera's image (h, w, 3) uint8 RGB, how it lies on the canvas, and what is asked about it.

    `rays` (1, 2, H, W) and `prompts` (N, T, D) as for `Engine.infer`; a reading for each prompt, None where the host
    reads.
    """

    rgb: NDArray[np.uint8]
    box: Letterbox
    rays: Float
    prompts: Float
    readings: tuple[Reading | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FrameAnswer:
    """What was painted, (N, H, W, 3) uint8, and of each prompt that was read on the device the graph's outputs.

    Those are (h, w, ...) arrays at the camera's size, the last of them the confidence.
    """

    painted: NDArray[np.uint8]
    read: tuple[tuple[Array, ...] | None, ...]


def reading_of(task: Task) -> Reading | None:
    """How the device reads a task; None if it cannot: instances, other colour maps, tasks of the user's own."""
    if type(task) not in READ:  # what is derived from one of them may read otherwise
        return None
    if isinstance(task, MetricDepth):
        return _depth_reading(task) if task.codec.colour_map == RAINBOW else None
    if isinstance(task, SemanticSegmentation):
        return _segments_reading(task.colours)
    if isinstance(task, ReferringSegmentation | EdgeMap):
        return _segments_reading((task.background, task.colour))
    return NORMALS


def prediction(task: Task, outputs: tuple[Array, ...]) -> Prediction:
    """What the outputs of the task's graph mean."""
    first, confidence = outputs
    if isinstance(task, MetricDepth):
        return DepthMap(first, confidence)
    if isinstance(task, SurfaceNormals):
        return NormalMap(first, confidence)
    if isinstance(task, SemanticSegmentation):
        names = task.names
    else:
        names = (BACKGROUND, task.phrase if isinstance(task, ReferringSegmentation) else "edge")
    return SegmentMap(first.astype(np.uint16), names, confidence)


READ = (MetricDepth, SurfaceNormals, SemanticSegmentation, ReferringSegmentation, EdgeMap)
NORMALS = Reading("read_normals", {})


@lru_cache(KEPT)
def _depth_reading(task: MetricDepth) -> Reading:
    table = depth_table(task.codec)
    known = ~np.isnan(table)
    metres = np.where(known, table, np.float32(UNKNOWN_M))
    return Reading("read_depth", {"metres": _fixed(metres), "known": _fixed(known.astype(np.float32))})


@lru_cache(KEPT)
def _segments_reading(colours: tuple[Colour, ...]) -> Reading:
    rows = np.full((LEGEND_ROWS, 3), FAR, np.float32)
    rows[: len(colours)] = colours
    return Reading("read_segments", {"colours": _fixed(rows)})


@lru_cache(KEPT)
def taps(box: Letterbox) -> Mapping[str, Array]:
    """Which pixels of the canvas each of the camera's is read from: what is left of the canvas is its margin."""
    rows = _taps(box.inner_height, box.source_height, box.top)
    columns = _taps(box.inner_width, box.source_width, box.left)
    found = {f"row_{name}": of for name, of in rows.items()} | {f"column_{name}": of for name, of in columns.items()}
    shares = {"row_share": found["row_share"][:, None], "column_share": found["column_share"][None]}
    return {name: _fixed(np.ascontiguousarray(of)) for name, of in (found | shares).items()}


def _taps(source: int, target: int, start: int) -> dict[str, Array]:
    low = tap_index(source, target)
    share = np.clip((np.arange(target) + 0.5) * (source / target) - 0.5 - low, 0, 1)
    indices = {"low": low, "high": np.minimum(low + 1, source - 1), "near": nearest_index(source, target)}
    return {name: (of + start).astype(np.int32) for name, of in indices.items()} | {"share": share.astype(np.float32)}


@lru_cache(KEPT)
def shrinking(box: Letterbox) -> Mapping[str, Array]:
    """The matrices (H, h) and (w, W) that resize the camera's image and put it on the canvas, as the host does."""
    block = 2**box.halvings
    rows = _weights(box.source_height // block, box.inner_height, block, area=box.scale < 1)
    columns = _weights(box.source_width // block, box.inner_width, block, area=box.scale < 1)
    to_rows = np.zeros((box.height, box.source_height), np.float32)
    to_rows[box.top : box.top + box.inner_height] = rows
    to_columns = np.zeros((box.source_width, box.width), np.float32)
    to_columns[:, box.left : box.left + box.inner_width] = columns.T
    return {"to_rows": _fixed(to_rows), "to_columns": _fixed(to_columns)}


def _weights(source: int, target: int, block: int, *, area: bool) -> Array:
    """How much each pixel counts in each of `target`, (target, source * block).

    `source` means of `block` pixels each are averaged over areas, or interpolated where the image grows.
    """
    if area:
        ends, pixel = np.arange(target + 1) * (source / target), np.arange(source)
        overlap = np.minimum(ends[1:, None], pixel + 1) - np.maximum(ends[:-1, None], pixel)
        weights = np.maximum(overlap, 0) * (target / source)
    else:
        taps, weights = _taps(source, target, 0), np.zeros((target, source))
        np.add.at(weights, (np.arange(target), taps["low"]), 1 - taps["share"])
        np.add.at(weights, (np.arange(target), taps["high"]), taps["share"])
    return np.repeat(weights / block, block, axis=1)


def _fixed(array: Array) -> Array:
    array.flags.writeable = False
    return array
