"""What is known of each pixel, checked, and as one plane of four-byte values for every field of a point."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import FrameError
from vb_perception.pointcloud.options import CloudOptions

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class CloudLayers:
    """What is known of each pixel; all (H, W[, C]) of one size, the intrinsics' own."""

    depth_m: Float
    rgb: NDArray[np.uint8] | None = None
    labels: NDArray[np.uint16] | None = None
    instances: NDArray[np.uint16] | None = None
    normals: Float | None = None
    confidence: Float | None = None


def field_planes(
    layers: CloudLayers, options: CloudOptions, shape: tuple[int, int]
) -> Iterator[tuple[str, str, NDArray[Any]]]:
    """Name, type and values (H, W) of every field but x, y, z.

    Raises:
        FrameError: a layer that a field needs is missing, or not of the camera's size.
    """
    for name in options.fields:
        if name == "rgb":
            rgb = checked_layer("rgb", layers.rgb, (*shape, 3), np.uint8)
            yield name, "<u4", _packed(rgb)
        elif name in ("label", "instance"):
            ids = layers.labels if name == "label" else layers.instances
            yield name, "<u4", checked_layer(f"{name}s", ids, shape, np.uint16)
        elif name == "confidence":
            yield name, "<f4", checked_layer(name, layers.confidence, shape, np.float32)
        elif name == "normal":
            normals = checked_layer("normals", layers.normals, (*shape, 3), np.float32)
            yield from ((f"normal_{axis}", "<f4", normals[..., i]) for i, axis in enumerate("xyz"))
        else:
            normals = checked_layer("normals", layers.normals, (*shape, 3), np.float32)
            yield name, "<f4", _curvature(normals)


def _curvature(normals: Float) -> Float:
    """1 minus the length of the mean of the known normals of 3x3 pixels (H, W); NaN where the normal is unknown."""
    unknown = np.isnan(normals[..., 0])
    total = cv2.boxFilter(np.where(unknown[..., None], np.float32(0), normals), -1, (3, 3), normalize=False)
    count = cv2.boxFilter((~unknown).astype(np.float32), -1, (3, 3), normalize=False)
    length = np.sqrt(np.einsum("hwc,hwc->hw", total, total)) / np.maximum(count, 1)
    return np.where(unknown, np.float32(np.nan), 1 - length)


def _packed(rgb: NDArray[np.uint8]) -> NDArray[np.uint32]:
    packed: NDArray[np.uint32] = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA).view("<u4")[..., 0]
    packed &= np.uint32(0x00FFFFFF)
    return packed


def checked_layer(name: str, array: NDArray[Any] | None, shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
    """The layer, if it is there and of this shape and type.

    Raises:
        FrameError: it is not.
    """
    if array is None:
        msg = f"a point cloud with {name} was asked for, but there are none; ask for the task that makes them"
        raise FrameError(msg)
    check_shape(name, array, shape, dtype)
    return array


def check_shape(name: str, array: NDArray[Any], shape: tuple[int, ...], dtype: type) -> None:
    """Raises FrameError if a layer is of another shape or type."""
    if array.shape != shape or array.dtype != dtype:
        msg = (
            f"{name} for a point cloud: got {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}, "
            "the size of the camera's intrinsics; resize one of them"
        )
        raise FrameError(msg)
