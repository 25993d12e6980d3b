"""Depth and layers -> the fields of a `sensor_msgs/PointCloud2`, but its header."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.pointcloud.filters import kept_depth, one_a_voxel
from vb_perception.pointcloud.layers import CloudLayers, Float, check_shape, field_planes
from vb_perception.pointcloud.options import CloudOptions

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


def _fresh(size: int) -> NDArray[np.uint8]:
    return np.empty(size, np.uint8)


def cloud_from_depth(
    depth_m: Float,
    intrinsics: CameraIntrinsics | None,
    rgb: NDArray[np.uint8] | None = None,
    labels: NDArray[np.uint16] | None = None,
) -> CloudFields:
    """An organised cloud of all pixels; see `build_cloud`."""
    fields = (*(() if rgb is None else ("rgb",)), *(() if labels is None else ("label",)))
    return build_cloud(CloudLayers(depth_m, rgb, labels), intrinsics, CloudOptions(fields))


def build_cloud(
    layers: CloudLayers,
    intrinsics: CameraIntrinsics | None,
    options: CloudOptions,
    pose: NDArray[np.float64] | None = None,
    room: Callable[[int], NDArray[np.uint8]] = _fresh,
) -> CloudFields:
    """Unproject z-depth into a cloud.

    Fields: x, y, z float32, in an organised cloud all NaN where there is no point; then `options.fields`: "rgb" float32
    whose bits are 0x00RRGGBB, as PCL and RViz expect; "label" and "instance" uint32; "normal_x", "normal_y",
    "normal_z", "curvature" and "confidence" float32.  Curvature is 1 minus the length of the mean normal of 3x3
    pixels: 0 on a plane (ours).  `pose` (4, 4) is the optical frame in another one, which the points are then in.
    `room` gives the bytes into which an organised cloud is written.

    Raises:
        FrameError: the camera is not calibrated (None), a layer that is asked for is missing, or shapes and types do
            not fit.
    """
    if intrinsics is None:
        msg = "a point cloud needs the intrinsics and this camera has none; calibrate it and publish its camera_info"
        raise FrameError(msg)
    shape = (intrinsics.height, intrinsics.width)
    check_shape("depth_m", layers.depth_m, shape, np.float32)
    planes = list(field_planes(layers, options, shape))
    z_m = kept_depth(layers, intrinsics, options)
    step = options.stride
    x_per_z, y_per_z = intrinsics.ray_axes()
    layout = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), *((name, kind) for name, kind, _ in planes)])
    z_m = z_m[::step, ::step]
    if options.organised:
        # Every field has four bytes: as floats, whatever they mean, OpenCV weaves the planes in one pass.
        thinned = [np.ascontiguousarray(plane[::step, ::step], kind).view("<f4") for _, kind, plane in planes]
        places = [x_per_z[None, ::step] * z_m, y_per_z[::step, None] * z_m, np.ascontiguousarray(z_m)]
        woven = room(z_m.size * layout.itemsize).view("<f4").reshape(*z_m.shape, -1)
        cv2.merge([*places, *thinned], woven)
        cloud = woven.reshape(-1).view(layout).reshape(z_m.shape)
    else:
        rows, columns = np.nonzero(np.isfinite(z_m))
        cloud = np.empty((1, len(rows)), layout)
        kept = z_m[rows, columns]
        cloud["x"][0], cloud["y"][0] = x_per_z[::step][columns] * kept, y_per_z[::step][rows] * kept
        cloud["z"][0] = kept
        for name, _, plane in planes:
            cloud[name][0] = plane[::step, ::step][rows, columns]
        if options.voxel_m > 0:
            cloud = cloud[:, one_a_voxel(cloud[0], options.voxel_m)]
    if pose is not None:
        _move(cloud, pose)
    return _fields_of(cloud, is_dense=not options.organised)


def _fields_of(cloud: NDArray[Any], *, is_dense: bool) -> CloudFields:
    names = cloud.dtype.names or ()
    datatypes = {name: UINT32 if name in ("label", "instance") else FLOAT32 for name in names}
    fields = tuple(PointFieldSpec(name, 4 * i, datatype) for i, (name, datatype) in enumerate(datatypes.items()))
    height, width = cloud.shape
    point_step = cloud.dtype.itemsize
    data = np.ascontiguousarray(cloud).reshape(-1).view(np.uint8)
    return CloudFields(height, width, fields, point_step, width * point_step, data, is_dense)


def _move(cloud: NDArray[Any], pose: NDArray[np.float64]) -> None:
    """Points by rotation and translation, normals by rotation, in place."""
    turn, shift = pose[:3, :3].astype(np.float32), pose[:3, 3].astype(np.float32)
    vectors = [("x", "y", "z")]
    if "normal_x" in (cloud.dtype.names or ()):
        vectors.append(("normal_x", "normal_y", "normal_z"))
    for names, offset in zip(vectors, (shift, np.zeros(3, np.float32)), strict=False):
        before = [cloud[name].copy() for name in names]
        for row, name in enumerate(names):
            cloud[name] = sum(turn[row, i] * before[i] for i in range(3)) + offset[row]
