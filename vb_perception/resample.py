"""Predictions at another size: resampled as what they mean, never as colour.

Depth and normals are interpolated within a surface and never across an edge, where a mean of two surfaces would be a
point that is not there.  Ours.
"""

import math
from collections.abc import Iterator
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap

Float = NDArray[np.float32]
_Pixel = TypeVar("_Pixel", np.float32, np.uint16)

DEPTH_EDGE = 0.05
"""Neighbouring depths that differ by more than this share of the nearer one lie on two surfaces."""
NORMAL_EDGE_DEG = 30.0
"""Neighbouring normals further apart than about this belong to two surfaces."""
AGREEING_LENGTH2 = math.cos(math.radians(NORMAL_EDGE_DEG / 2)) ** 2
"""Squared length of the mean of four normals, below which they do not belong to one surface."""
BLOCK_ROWS = 32
"""So many rows are worked on at a time: what is needed in between then stays in the processor's cache."""


def resize_prediction(prediction: Prediction, width: int, height: int) -> Prediction:
    """The same prediction, each array `height` x `width`; the very same object where it has that size already.

    Confidence is 0 where depth or normals are unknown.
    """
    if prediction.confidence.shape == (height, width):
        return prediction
    confidence = resize_confidence(prediction.confidence, width, height)
    if isinstance(prediction, DepthMap):
        depth_m = resize_depth(prediction.depth_m, width, height)
        confidence[np.isnan(depth_m)] = 0
        return DepthMap(depth_m, confidence)
    if isinstance(prediction, NormalMap):
        normals = resize_normals(prediction.normals, width, height)
        confidence[np.isnan(normals[..., 0])] = 0
        return NormalMap(normals, confidence)
    return SegmentMap(_nearest(prediction.ids, width, height), prediction.names, confidence)


def resize_confidence(confidence: Float, width: int, height: int) -> Float:
    """Linear, clipped to [0, 1]."""
    resized = _linear(confidence, width, height)
    return np.clip(resized, 0, 1, out=resized)


def resize_depth(depth_m: Float, width: int, height: int) -> Float:
    """Linear in metres within a surface, nearest at edges; NaN and inf keep to their own pixels."""
    low, high = _extremes(depth_m)
    with_edge = ~(high < low * (1 + DEPTH_EDGE))  # also wherever one of the four is NaN or inf
    known = np.isfinite(depth_m)
    resized = _linear(depth_m if known.all() else np.where(known, depth_m, np.float32(0)), width, height)
    _put_nearest(depth_m, with_edge, resized)
    return resized


def resize_normals(normals: Float, width: int, height: int) -> Float:
    """Linear and of unit length again within a surface, nearest at edges; NaN keeps to its own pixels."""
    unknown = np.isnan(normals)
    known = np.where(unknown, np.float32(0), normals) if unknown.any() else normals
    resized = _linear(known, width, height)
    for block in _blocks(height):
        _normalise(resized[block])
    _put_nearest(normals, _disagree(known), resized)
    return resized


def _disagree(normals: Float) -> NDArray[np.bool_]:
    """Where the mean of a pixel, its right, lower and lower right neighbour is short: they differ, or one is zero."""
    mean = cv2.boxFilter(normals, -1, (2, 2), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    short: NDArray[np.bool_] = _squared_length(mean) < AGREEING_LENGTH2
    return short


def _normalise(vectors: Float) -> None:
    """Divide each of the vectors (H, W, 3) by its length, in place."""
    length = cv2.sqrt(_squared_length(vectors))
    cv2.divide(vectors, cv2.cvtColor(length, cv2.COLOR_GRAY2RGB), dst=vectors)


def _squared_length(vectors: NDArray[Any]) -> NDArray[Any]:
    return cv2.transform(cv2.multiply(vectors, vectors), np.ones((1, 3), np.float32))


def _extremes(values: Float) -> tuple[Float, Float]:
    """Smallest and largest of each pixel, its right, its lower and its lower right neighbour; NaN if one of them is."""
    padded = cv2.copyMakeBorder(values, 0, 1, 0, 1, cv2.BORDER_REPLICATE)
    low, high = np.minimum(padded[:, :-1], padded[:, 1:]), np.maximum(padded[:, :-1], padded[:, 1:])
    return np.minimum(low[:-1], low[1:]), np.maximum(high[:-1], high[1:])


def _linear(values: Float, width: int, height: int) -> Float:
    resized = np.empty((height, width, *values.shape[2:]), np.float32)
    cv2.resize(values, (width, height), dst=resized, interpolation=cv2.INTER_LINEAR)
    return resized


def _put_nearest(source: Float, with_edge: NDArray[np.bool_], resized: Float) -> None:
    """Where one of the four pixels that were mixed begins an edge, put the nearest pixel of `source` instead, in place.

    `with_edge` is told for the upper left of the four.
    """
    if not with_edge.any():
        return
    height, width = resized.shape[:2]
    rows, columns = nearest_index(source.shape[0], height), nearest_index(source.shape[1], width)
    tap_rows, tap_columns = tap_index(source.shape[0], height), tap_index(source.shape[1], width)
    wide, wide_edge = source.take(columns, axis=1), with_edge.view(np.uint8).take(tap_columns, axis=1)
    for block in _blocks(height):
        cv2.copyTo(wide.take(rows[block], axis=0), wide_edge.take(tap_rows[block], axis=0), resized[block])


def _blocks(rows: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK_ROWS) for start in range(0, rows, BLOCK_ROWS))


def tap_index(source: int, target: int) -> NDArray[np.intp]:
    """The first of the two source pixels that linear interpolation mixes for each of `target`, (target,)."""
    centres = (np.arange(target) + 0.5) * (source / target) - 0.5
    index: NDArray[np.intp] = np.clip(np.floor(centres), 0, source - 1).astype(np.intp)
    return index


def nearest_index(source: int, target: int) -> NDArray[np.intp]:
    """The source pixel that is nearest to each of `target`, (target,)."""
    index: NDArray[np.intp] = (2 * np.arange(target) + 1) * source // (2 * target)
    return index


def _nearest(pixels: NDArray[_Pixel], width: int, height: int) -> NDArray[_Pixel]:
    rows, columns = nearest_index(pixels.shape[0], height), nearest_index(pixels.shape[1], width)
    return pixels.take(columns, axis=1).take(rows, axis=0)
