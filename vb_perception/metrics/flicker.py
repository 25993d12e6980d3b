"""Does the answer tremble from frame to frame where the world does not?"""

import math

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.metrics.blocks import BLOCK, blocks, row_blocks
from vb_perception.metrics.valid import expect_shape

Depth = NDArray[np.floating]
Pose = NDArray[np.floating]
Indices = NDArray[np.intp]
SAME_SURFACE = 0.02  # of the depth: what the earlier frame must show there for it to be the same point


def warped_flicker(
    prediction_m: tuple[Depth, Depth], truth_m: tuple[Depth, Depth], camera: CameraIntrinsics, later_from_earlier: Pose
) -> float:
    """Mean |e - e'| over points seen in both frames, e = ln p - ln g of a point in the later frame, e' in the earlier.

    The true depth and the motion of the camera say which pixel shows the same point in both frames, so that neither the
    motion nor a constant error counts.  A point of the later frame counts where it falls inside the earlier image and
    the nearest pixel there has the true depth that it must have, up to 2 %.  NaN without such a point.

    Source: as the temporal alignment error of Yang et al., Depth Any Video, ICLR 2025, section 4.1, in log depth and
    against the true warp (ours).

    Args:
        prediction_m: (H, W) predicted metres of the earlier and the later frame.
        truth_m: The same of the truth.
        camera: Of both frames.
        later_from_earlier: (4, 4): points of the earlier optical frame into the later one.

    Raises:
        ConfigError: shapes differ.
        FrameError: depth and camera differ in size.
    """
    for depth_m in (*prediction_m, truth_m[0]):
        expect_shape("depth", depth_m, truth_m[1].shape)
    if truth_m[1].shape != (camera.height, camera.width):
        msg = f"depth of shape {truth_m[1].shape} for a {camera.width}x{camera.height} camera: resize one of them"
        raise FrameError(msg)
    earlier_from_later = np.linalg.inv(later_from_earlier)
    summed, count = 0.0, 0
    for rows in row_blocks(camera.height, camera.width, BLOCK // 2):
        index, there, expected_m = _seen_before(truth_m[1], camera, earlier_from_later, rows)
        seen_m = truth_m[0].reshape(-1)[there]
        with np.errstate(invalid="ignore", divide="ignore"):  # unknown or useless depth: not counted below
            same = np.abs(seen_m - expected_m) < SAME_SURFACE * expected_m
            index, there = index[same], there[same]
            later = np.log(prediction_m[1].reshape(-1)[index]) - np.log(truth_m[1].reshape(-1)[index])
            earlier = np.log(prediction_m[0].reshape(-1)[there]) - np.log(seen_m[same])
            change = np.abs(later - earlier)
        change = change[np.isfinite(change)]
        summed += float(change.sum(dtype=np.float64))
        count += change.size
    return summed / count if count else math.nan


def _seen_before(
    truth_m: Depth, camera: CameraIntrinsics, earlier_from_later: Pose, rows: slice
) -> tuple[Indices, Indices, NDArray[np.float64]]:
    """Of the pixels in `rows`: which fall into the earlier image, (K,); where, (K,), both flat; at which depth [m]."""
    x, y = camera.ray_axes()
    z = truth_m[rows].astype(np.float32, copy=False)
    points = np.stack((x * z, y[rows, None] * z, z)).reshape(3, -1)
    index = np.flatnonzero(np.isfinite(points[2]) & (points[2] > 0))
    moved = earlier_from_later[:3, :3] @ points[:, index].astype(np.float64) + earlier_from_later[:3, 3:]
    ahead = moved[2] > 0
    if not ahead.all():
        index, moved = index[ahead], moved[:, ahead]
    column = np.rint(camera.fx * moved[0] / moved[2] + camera.cx)
    row = np.rint(camera.fy * moved[1] / moved[2] + camera.cy)
    inside = np.flatnonzero((column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height))
    there = (row[inside] * camera.width + column[inside]).astype(np.intp)
    return index[inside] + rows.start * camera.width, there, moved[2, inside]


def static_flicker(earlier_m: Depth, later_m: Depth) -> float:
    """Standard deviation of ln depth over time in a scene and camera at rest: sqrt(mean (ln p - ln p')^2 / 2).

    Half the mean square of successive differences is an unbiased variance of values that tremble independently, and
    takes two frames to be held instead of all.  NaN where no pixel is known in both.

    Source: von Neumann et al., Annals of Mathematical Statistics 1941 ("The mean square successive difference").

    Raises:
        ConfigError: shapes differ.
    """
    expect_shape("depth", earlier_m, later_m.shape)
    squared, count = 0.0, 0
    one, other = earlier_m.reshape(-1), later_m.reshape(-1)
    for part in blocks(one.size):
        with np.errstate(invalid="ignore", divide="ignore"):  # unknown or useless depth: not counted below
            change = np.log(other[part]) - np.log(one[part])
        change = change[np.isfinite(change)]
        squared += float(np.sum(change * change, dtype=np.float64))
        count += change.size
    return math.sqrt(squared / count / 2) if count else math.nan


def label_flips(earlier: NDArray[np.integer], later: NDArray[np.integer]) -> float:
    """Share of pixels whose class changes in a scene and camera at rest.  Ours.

    Raises:
        ConfigError: shapes differ.
    """
    expect_shape("ids", earlier, later.shape)
    return int(np.count_nonzero(earlier != later)) / later.size if later.size else math.nan
