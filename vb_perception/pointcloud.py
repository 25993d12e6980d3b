"""Depth, colours and labels -> the fields of a `sensor_msgs/PointCloud2`.  No ROS import.

The cloud is organised: one point a pixel, row by row, so it stays aligned with the image.  Little-endian, unpadded.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError

INT8, UINT8, INT16, UINT16, INT32, UINT32, FLOAT32, FLOAT64 = range(1, 9)  # sensor_msgs/PointField


@dataclass(frozen=True, slots=True)
class PointFieldSpec:
    """One `sensor_msgs/PointField`: `offset` in bytes within a point, `datatype` one of the numbers above."""

    name: str
    offset: int
    datatype: int
    count: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class CloudFields:
    """The fields of a `sensor_msgs/PointCloud2` but its header; little-endian; steps in bytes, `data` flat."""

    height: int
    width: int
    fields: tuple[PointFieldSpec, ...]
    point_step: int
    row_step: int
    data: NDArray[np.uint8]
    is_dense: bool


def cloud_from_depth(
    depth_m: NDArray[np.float32],
    intrinsics: CameraIntrinsics | None,
    rgb: NDArray[np.uint8] | None = None,
    labels: NDArray[np.uint16] | None = None,
) -> CloudFields:
    """Unproject z-depth (H, W) float32 into an organised cloud in the optical frame, metres.

    Fields: x, y, z float32, all NaN where depth is not finite; with `rgb` (H, W, 3) uint8 a float32 field "rgb" whose
    bits are 0x00RRGGBB, as PCL and RViz expect; with `labels` (H, W) uint16 a uint32 field "label".  Raises FrameError
    where the camera is not calibrated (None) or shapes and types do not fit.
    """
    if intrinsics is None:
        msg = "a point cloud needs the intrinsics and this camera has none; calibrate it and publish its camera_info"
        raise FrameError(msg)
    shape = (intrinsics.height, intrinsics.width)
    _check("depth_m", depth_m, shape, np.float32)
    layout = [("x", "<f4"), ("y", "<f4"), ("z", "<f4")]
    if rgb is not None:
        _check("rgb", rgb, (*shape, 3), np.uint8)
        layout.append(("rgb", "<u4"))
    if labels is not None:
        _check("labels", labels, shape, np.uint16)
        layout.append(("label", "<u4"))

    cloud = np.empty(shape, np.dtype(layout))
    z_m = np.where(np.isfinite(depth_m), depth_m, np.float32(np.nan))
    x_per_z, y_per_z = intrinsics.rays()
    np.multiply(x_per_z, z_m, out=cloud["x"])
    np.multiply(y_per_z, z_m, out=cloud["y"])
    cloud["z"] = z_m
    if rgb is not None:
        cloud["rgb"] = _packed(rgb)
    if labels is not None:
        cloud["label"] = labels

    datatypes = {name: UINT32 if name == "label" else FLOAT32 for name, _ in layout}
    fields = tuple(PointFieldSpec(name, 4 * i, datatype) for i, (name, datatype) in enumerate(datatypes.items()))
    point_step = cloud.dtype.itemsize
    data = cloud.reshape(-1).view(np.uint8)
    return CloudFields(*shape, fields, point_step, shape[1] * point_step, data, is_dense=False)


def _packed(rgb: NDArray[np.uint8]) -> NDArray[np.uint32]:
    packed = rgb[..., 0].astype(np.uint32)
    for channel in (1, 2):
        packed <<= 8
        packed |= rgb[..., channel]
    return packed


def _check(name: str, array: NDArray[Any], shape: tuple[int, ...], dtype: type) -> None:
    if array.shape != shape or array.dtype != dtype:
        msg = (
            f"{name} for a point cloud: got {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}, "
            "the size of the camera's intrinsics; resize one of them"
        )
        raise FrameError(msg)
