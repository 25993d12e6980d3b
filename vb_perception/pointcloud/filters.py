"""Which pixels become points: by range, at depth edges, at grazing angles, one a voxel."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.pointcloud.layers import CloudLayers, Float, checked_layer
from vb_perception.pointcloud.options import CloudOptions

_VOXEL_BITS = 21
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def kept_depth(layers: CloudLayers, intrinsics: CameraIntrinsics, options: CloudOptions) -> Float:
    """Depth (H, W) in metres, NaN where there shall be no point; raises FrameError without the normals it needs."""
    depth_m = layers.depth_m
    dropped = ~np.isfinite(depth_m)
    if options.min_range_m > 0 or options.max_range_m < float("inf"):
        dropped |= (depth_m < options.min_range_m) | (depth_m > options.max_range_m)
    if options.edge_jump > 0:
        dropped |= at_depth_edge(depth_m, options.edge_jump)
    if options.grazing_deg > 0:
        normals = checked_layer("normals", layers.normals, (*depth_m.shape, 3), np.float32)
        dropped |= is_grazing(normals, intrinsics, options.grazing_deg)
    return np.where(dropped, np.float32(np.nan), depth_m) if dropped.any() else depth_m


def at_depth_edge(depth_m: Float, jump: float) -> NDArray[np.bool_]:
    """Where z-depth (H, W) differs from one of the four neighbours' by more than `jump` times the nearer (ours).

    Such points fly between two surfaces.  Neighbours of unknown depth do not count.
    """
    known = np.isfinite(depth_m)
    far = cv2.dilate(np.where(known, depth_m, np.float32(0)), _CROSS)
    near = cv2.erode(np.where(known, depth_m, np.float32(np.inf)), _CROSS, borderValue=float("inf"))
    step = np.float32(1 + jump)
    # Its own depth stands between: the farthest and the nearest neighbour may be on either side of a slope.
    out: NDArray[np.bool_] = known & ((far > depth_m * step) | (depth_m > near * step))
    return out


def is_grazing(normals: Float, intrinsics: CameraIntrinsics, limit_deg: float) -> NDArray[np.bool_]:
    """Where a surface (normals (H, W, 3), towards the camera) is seen at more than `limit_deg` from its normal."""
    x, y = intrinsics.ray_axes()
    along = normals[..., 0] * x[None] + normals[..., 1] * y[:, None] + normals[..., 2]
    length = np.sqrt(x[None] ** 2 + y[:, None] ** 2 + 1)
    out: NDArray[np.bool_] = -along < np.float32(np.cos(np.radians(limit_deg))) * length
    return out


def one_a_voxel(points: NDArray[Any], size_m: float) -> NDArray[np.intp]:
    """Indices of the first of the points (N,) with fields x, y, z [m] in each voxel, in their order."""
    half = 1 << (_VOXEL_BITS - 1)
    cells = [np.clip(np.floor(points[axis] / size_m), -half, half - 1).astype(np.int64) + half for axis in "xyz"]
    keys = (cells[0] << (2 * _VOXEL_BITS)) | (cells[1] << _VOXEL_BITS) | cells[2]
    first: NDArray[np.intp] = np.sort(np.unique(keys, return_index=True)[1])
    return first
