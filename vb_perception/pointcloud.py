"""Depth, colours, ids and normals -> the fields of a `sensor_msgs/PointCloud2`.  No ROS import.

An organised cloud has one point a pixel, row by row, so it stays aligned with the image; a compact one has only the
points.  Little-endian, unpadded; points in the optical frame, metres.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import ConfigError, FrameError

INT8, UINT8, INT16, UINT16, INT32, UINT32, FLOAT32, FLOAT64 = range(1, 9)  # sensor_msgs/PointField

Float = NDArray[np.float32]
FIELDS = ("rgb", "label", "instance", "normal", "curvature", "confidence")
"""What a point may carry beside x, y, z; `normal` is the three fields normal_x, normal_y and normal_z."""
NAN = np.float32(np.nan)
_VOXEL_BITS = 21
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


@dataclass(frozen=True, slots=True)
class CloudOptions:
    """Which points there are and what they carry.

    `edge_jump`: no point where its depth differs from one of its four neighbours' by more than this share of the nearer
    (0: off).  `grazing_deg`: no point whose surface is seen at a larger angle from its normal (0: off; needs normals).
    `stride`: every n-th row and column.  `voxel_m`: one point a cube of that edge (0: off).  Ranges are z-depths [m].
    """

    fields: tuple[str, ...] = ("rgb", "label")
    organised: bool = True
    stride: int = 1
    voxel_m: float = 0.0
    min_range_m: float = 0.0
    max_range_m: float = float("inf")
    edge_jump: float = 0.0
    grazing_deg: float = 0.0

    def __post_init__(self) -> None:
        """Refuse unknown fields and combinations that no cloud has."""
        unknown = [name for name in self.fields if name not in FIELDS]
        if unknown or len(set(self.fields)) != len(self.fields):
            msg = f"cloud fields {list(self.fields)}: expected each at most once of {', '.join(FIELDS)}"
            raise ConfigError(msg)
        if self.organised and self.voxel_m > 0:
            msg = f"an organised cloud cannot be thinned to voxels of {self.voxel_m} m; set cloud_organised to false"
            raise ConfigError(msg)
        if not self.min_range_m < self.max_range_m:
            msg = f"cloud ranges {self.min_range_m} to {self.max_range_m} m: expected the nearer one first"
            raise ConfigError(msg)

    @property
    def needs_normals(self) -> bool:
        """Whether such a cloud cannot be made without normals."""
        return self.grazing_deg > 0 or "normal" in self.fields or "curvature" in self.fields


@dataclass(frozen=True, slots=True, eq=False)
class CloudLayers:
    """What is known of each pixel; all (H, W[, C]) of one size, the intrinsics' own."""

    depth_m: Float
    rgb: NDArray[np.uint8] | None = None
    labels: NDArray[np.uint16] | None = None
    instances: NDArray[np.uint16] | None = None
    normals: Float | None = None
    confidence: Float | None = None


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
    _check("depth_m", layers.depth_m, shape, np.float32)
    planes = list(_field_planes(layers, options, shape))
    z_m = _kept_depth(layers, intrinsics, options)
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
            cloud = cloud[:, _one_a_voxel(cloud[0], options.voxel_m)]
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


def _field_planes(
    layers: CloudLayers, options: CloudOptions, shape: tuple[int, int]
) -> Iterator[tuple[str, str, NDArray[Any]]]:
    """Name, type and values (H, W) of every field but x, y, z."""
    for name in options.fields:
        if name == "rgb":
            rgb = _layer("rgb", layers.rgb, (*shape, 3), np.uint8)
            yield name, "<u4", _packed(rgb)
        elif name in ("label", "instance"):
            ids = layers.labels if name == "label" else layers.instances
            yield name, "<u4", _layer(f"{name}s", ids, shape, np.uint16)
        elif name == "confidence":
            yield name, "<f4", _layer(name, layers.confidence, shape, np.float32)
        elif name == "normal":
            normals = _layer("normals", layers.normals, (*shape, 3), np.float32)
            yield from ((f"normal_{axis}", "<f4", normals[..., i]) for i, axis in enumerate("xyz"))
        else:
            normals = _layer("normals", layers.normals, (*shape, 3), np.float32)
            yield name, "<f4", _curvature(normals)


def _curvature(normals: Float) -> Float:
    """1 minus the length of the mean of the known normals of 3x3 pixels (H, W); NaN where the normal is unknown."""
    unknown = np.isnan(normals[..., 0])
    total = cv2.boxFilter(np.where(unknown[..., None], np.float32(0), normals), -1, (3, 3), normalize=False)
    count = cv2.boxFilter((~unknown).astype(np.float32), -1, (3, 3), normalize=False)
    length = np.sqrt(np.einsum("hwc,hwc->hw", total, total)) / np.maximum(count, 1)
    return np.where(unknown, NAN, 1 - length)


def _kept_depth(layers: CloudLayers, intrinsics: CameraIntrinsics, options: CloudOptions) -> Float:
    """Depth (H, W), NaN where there shall be no point."""
    depth_m = layers.depth_m
    dropped = ~np.isfinite(depth_m)
    if options.min_range_m > 0 or options.max_range_m < float("inf"):
        dropped |= (depth_m < options.min_range_m) | (depth_m > options.max_range_m)
    if options.edge_jump > 0:
        dropped |= at_depth_edge(depth_m, options.edge_jump)
    if options.grazing_deg > 0:
        normals = _layer("normals", layers.normals, (*depth_m.shape, 3), np.float32)
        dropped |= is_grazing(normals, intrinsics, options.grazing_deg)
    return np.where(dropped, NAN, depth_m) if dropped.any() else depth_m


def at_depth_edge(depth_m: Float, jump: float) -> NDArray[np.bool_]:
    """Where z-depth (H, W) differs from one of the four neighbours' by more than `jump` times the nearer (ours).

    Such points fly between two surfaces.  Neighbours of unknown depth do not count.
    """
    known = np.isfinite(depth_m)
    far = cv2.dilate(np.where(known, depth_m, np.float32(0)), _CROSS)
    near = cv2.erode(np.where(known, depth_m, np.float32(np.inf)), _CROSS)
    out: NDArray[np.bool_] = known & (far > near * np.float32(1 + jump))
    return out


def is_grazing(normals: Float, intrinsics: CameraIntrinsics, limit_deg: float) -> NDArray[np.bool_]:
    """Where a surface (normals (H, W, 3), towards the camera) is seen at more than `limit_deg` from its normal."""
    x, y = intrinsics.ray_axes()
    along = normals[..., 0] * x[None] + normals[..., 1] * y[:, None] + normals[..., 2]
    length = np.sqrt(x[None] ** 2 + y[:, None] ** 2 + 1)
    out: NDArray[np.bool_] = -along < np.float32(np.cos(np.radians(limit_deg))) * length
    return out


def _one_a_voxel(points: NDArray[Any], size_m: float) -> NDArray[np.intp]:
    """Indices of the first point in each voxel, in their order."""
    half = 1 << (_VOXEL_BITS - 1)
    cells = [np.clip(np.floor(points[axis] / size_m), -half, half - 1).astype(np.int64) + half for axis in "xyz"]
    keys = (cells[0] << (2 * _VOXEL_BITS)) | (cells[1] << _VOXEL_BITS) | cells[2]
    first: NDArray[np.intp] = np.sort(np.unique(keys, return_index=True)[1])
    return first


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


def _packed(rgb: NDArray[np.uint8]) -> NDArray[np.uint32]:
    packed: NDArray[np.uint32] = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA).view("<u4")[..., 0]
    packed &= np.uint32(0x00FFFFFF)
    return packed


def _layer(name: str, array: NDArray[Any] | None, shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
    if array is None:
        msg = f"a point cloud with {name} was asked for, but there are none; ask for the task that makes them"
        raise FrameError(msg)
    _check(name, array, shape, dtype)
    return array


def _check(name: str, array: NDArray[Any], shape: tuple[int, ...], dtype: type) -> None:
    if array.shape != shape or array.dtype != dtype:
        msg = (
            f"{name} for a point cloud: got {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}, "
            "the size of the camera's intrinsics; resize one of them"
        )
        raise FrameError(msg)
