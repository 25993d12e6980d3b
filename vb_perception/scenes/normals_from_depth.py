"""Surface normals of a measured depth image, as the OSD scoring protocol derives them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError

SMOOTHING_PX = 9
SMOOTHING_SIGMA_PX = 2.0
EDGE_M = 0.05
_BLOCK = 1 << 14  # pixels
_Floats = NDArray[np.float32]


def normals_from_depth(depth_m: NDArray[np.float32], intrinsics: CameraIntrinsics) -> NDArray[np.float32]:
    """Unit normals of a depth image, towards the camera.

    The depth is smoothed with a 9x9 Gaussian (sigma 2 px, normalised for missing values); a pixel is unknown where it
    or a direct neighbour has no depth, or where the smoothing window meets a step of more than 5 cm, since there the
    smoothed surface belongs to neither side.  Source: the scoring protocol of the OSD frames (smoothing, 5 cm edges);
    how far an edge reaches is ours.

    Args:
        depth_m: (H, W) float32 z-depth in metres, NaN (or anything not finite and positive) where unknown.
        intrinsics: The camera that the depth belongs to; H and W must be its size.

    Returns:
        (H, W, 3) float32, optical frame (x right, y down, z forward), NaN unknown.

    Raises:
        FrameError: Depth and camera differ in size.
    """
    if depth_m.shape != (intrinsics.height, intrinsics.width):
        msg = f"depth of shape {depth_m.shape} for a {intrinsics.width}x{intrinsics.height} camera: resize one of them"
        raise FrameError(msg)
    known = np.isfinite(depth_m) & (depth_m > 0)
    unknown = ~known | _window_meets_edge(depth_m, known)
    unknown[:, [0, -1]] = unknown[[0, -1]] = True
    smooth_m = _smoothed(depth_m, known)
    x, y = intrinsics.ray_axes()
    normals = np.full((*depth_m.shape, 3), np.nan, np.float32)
    height, width = depth_m.shape
    rows = max(1, _BLOCK // width)  # in pieces that stay in the processor's cache: three times as fast
    for top in range(1, height - 1, rows):
        end = min(top + rows, height - 1)
        z = smooth_m[top - 1 : end + 1]
        planes = _cross(x * z, y[top - 1 : end + 1, None] * z, z)
        for plane in planes:
            plane[unknown[top:end, 1:-1]] = np.nan
        normals[top:end, 1:-1] = cv2.merge(planes)
    return normals


def _cross(x: _Floats, y: _Floats, z: _Floats) -> list[_Floats]:
    """Planes (h - 2, w - 2) of the unit normals at the inner points of x, y, z (h, w).

    x right, y down: down x across points towards the camera on every surface that the camera can see.
    """
    down = [plane[2:, 1:-1] - plane[:-2, 1:-1] for plane in (x, y, z)]
    across = [plane[1:-1, 2:] - plane[1:-1, :-2] for plane in (x, y, z)]
    out = []
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        plane = down[j] * across[k]
        plane -= down[k] * across[j]
        out.append(plane)
    length = np.sqrt(out[0] * out[0] + out[1] * out[1] + out[2] * out[2])
    with np.errstate(invalid="ignore", divide="ignore"):
        return [plane / length for plane in out]


def _smoothed(depth_m: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Gaussian mean of the known neighbours, NaN where the pixel itself is unknown."""
    size = (SMOOTHING_PX, SMOOTHING_PX)
    border = cv2.BORDER_CONSTANT
    filled = np.where(known, depth_m, 0).astype(np.float32)
    total = cv2.GaussianBlur(filled, size, SMOOTHING_SIGMA_PX, borderType=border)
    weight = cv2.GaussianBlur(known.astype(np.float32), size, SMOOTHING_SIGMA_PX, borderType=border)
    return np.divide(total, weight, out=np.full(depth_m.shape, np.nan, np.float32), where=known)


def _window_meets_edge(depth_m: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels whose smoothing window contains two neighbouring known pixels more than EDGE_M apart."""
    depth = depth_m if known.all() else np.where(known, depth_m, np.float32(np.nan)).astype(np.float32, copy=False)
    edge = np.zeros(depth.shape, np.uint8)
    for first, second in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        step_m = depth[second] - depth[first]
        with np.errstate(invalid="ignore"):
            step = np.abs(step_m, out=step_m) > EDGE_M
        edge[first] |= step
        edge[second] |= step
    window = np.ones((SMOOTHING_PX, SMOOTHING_PX), np.uint8)
    return cv2.dilate(edge, window).view(np.bool_)
