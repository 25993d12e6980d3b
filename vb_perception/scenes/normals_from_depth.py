"""Surface normals of a measured depth image, as the OSD scoring protocol derives them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics

SMOOTHING_PX = 9
SMOOTHING_SIGMA_PX = 2.0
EDGE_M = 0.05


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
    known = np.isfinite(depth_m) & (depth_m > 0)
    points = intrinsics.unproject(_smoothed(depth_m, known))
    across = np.full_like(points, np.nan)
    down = np.full_like(points, np.nan)
    across[:, 1:-1] = points[:, 2:] - points[:, :-2]
    down[1:-1] = points[2:] - points[:-2]
    normals = np.cross(down, across)
    length = np.linalg.norm(normals, axis=2, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        normals /= length
    # x right, y down: down x across points towards the camera on every surface that the camera can see.
    normals[~known | _window_meets_edge(depth_m, known)] = np.nan
    return normals.astype(np.float32, copy=False)


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
    depth = np.where(known, depth_m, np.nan).astype(np.float32)
    edge = np.zeros(depth.shape, np.uint8)
    with np.errstate(invalid="ignore"):
        step_x = np.abs(np.diff(depth, axis=1)) > EDGE_M
        step_y = np.abs(np.diff(depth, axis=0)) > EDGE_M
    edge[:, 1:] |= step_x
    edge[:, :-1] |= step_x
    edge[1:] |= step_y
    edge[:-1] |= step_y
    window = np.ones((SMOOTHING_PX, SMOOTHING_PX), np.uint8)
    return cv2.dilate(edge, window).astype(bool)
