"""Metric depth: how far the predicted metres are from the true ones.  No alignment of scale or shift."""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.metrics.blocks import blocks
from vb_perception.metrics.valid import Mask, expect_shape, valid_pixels

Floats = NDArray[np.float32]
DELTA = 1.25
FIGURES = ("abs_rel", "sq_rel", "rmse", "rmse_log", "si_log", "delta1", "delta2", "delta3")


class DepthPairs(NamedTuple):
    """The pixels that count: predicted and true metres (N,) float32, all finite and above 0, and their `coverage`.

    Of a prediction in a unit of its own, `depth_pairs` with `usable`, any sign and +inf may be among them.

    `coverage`: usable predictions / pixels with true depth; NaN where no depth is true.
    """

    prediction_m: Floats
    truth_m: Floats
    coverage: float


def depth_pairs(
    prediction_m: NDArray[np.floating],
    truth_m: NDArray[np.floating],
    valid: Mask | None = None,
    usable: Mask | None = None,
) -> DepthPairs:
    """The counted pixels of one depth map; see `depth_scores` for which those are.

    `usable`: which predictions count; None: those that are finite and above 0.

    Raises:
        ConfigError: shapes differ, or `valid` or `usable` is not bool.
    """
    expect_shape("prediction_m", prediction_m, truth_m.shape)
    known = valid_pixels(valid, truth_m.shape) & np.isfinite(truth_m) & (truth_m > 0)
    if usable is None:
        usable = np.isfinite(prediction_m) & (prediction_m > 0)
    usable = known & valid_pixels(usable, truth_m.shape)
    count = int(np.count_nonzero(known))
    coverage = int(np.count_nonzero(usable)) / count if count else np.nan
    p, g = (depth_m.astype(np.float32, copy=False).reshape(-1) for depth_m in (prediction_m, truth_m))
    if usable.all():
        return DepthPairs(p, g, coverage)
    index = np.flatnonzero(usable)
    return DepthPairs(p[index], g[index], coverage)


def depth_scores(
    prediction_m: NDArray[np.floating], truth_m: NDArray[np.floating], valid: Mask | None = None
) -> dict[str, float]:
    """The usual figures of one depth map, over pixels with a true depth and a usable prediction.

    With p predicted and g true metres (any shape, both the same), means over counted pixels:

    - `abs_rel` mean |p-g|/g; `sq_rel` mean (p-g)^2/g, m
    - `rmse` sqrt mean (p-g)^2, m; `rmse_log` sqrt mean (ln p - ln g)^2
    - `delta1`, `delta2`, `delta3` share of pixels with max(p/g, g/p) < 1.25, 1.25^2, 1.25^3
    - `si_log` 100 * standard deviation of ln p - ln g: what is left of `rmse_log` under the best scale
    - `coverage` usable predictions / pixels with true depth

    Truth counts where it is finite, above 0 and `valid`.  A prediction that is NaN, infinite or <= 0 is not usable: it
    is left out of every error and lowers `coverage`, so read the errors beside it.  Without true depth all figures are
    NaN; with true depth but no usable prediction `coverage` is 0 and the others are NaN.

    Source: Eigen et al., NeurIPS 2014, section 4.3 (without the caps); `si_log` as the KITTI depth benchmark (devkit of
    Uhrig et al., 3DV 2017); `coverage` ours.

    Raises:
        ConfigError: shapes differ, or `valid` is not bool.
    """
    return pair_scores(depth_pairs(prediction_m, truth_m, valid))


def pair_scores(pairs: DepthPairs) -> dict[str, float]:
    """`depth_scores` of pixels that were picked before."""
    p, g, coverage = pairs
    if not p.size:
        return dict.fromkeys(FIGURES, np.nan) | {"coverage": coverage}
    relative = squared = squared_relative = squared_log = shifted = squared_shifted = 0.0
    hits, middle = [0, 0, 0], None
    for part in blocks(p.size):
        ratio, error_m = p[part] / g[part], np.abs(p[part] - g[part])
        share = error_m / g[part]
        relative += total(share)
        squared += total_of_squares(error_m)
        squared_relative += total(np.multiply(share, error_m, out=error_m))
        for k in range(3):
            hits[k] += within(ratio, DELTA ** (k + 1))
        log_ratio = np.asarray(cv2.log(ratio), np.float32).reshape(-1)
        squared_log += total_of_squares(log_ratio)
        # Around any value near the mean the variance is a difference of small numbers, not of large ones.
        middle = np.float32(total(log_ratio) / log_ratio.size) if middle is None else middle
        log_ratio -= middle
        shifted += total(log_ratio)
        squared_shifted += total_of_squares(log_ratio)
    n = p.size
    values = (
        relative / n,
        squared_relative / n,
        math.sqrt(squared / n),
        math.sqrt(squared_log / n),
        100 * math.sqrt(max(0.0, squared_shifted / n - (shifted / n) ** 2)),
        *(count / n for count in hits),
    )
    return dict(zip(FIGURES, values, strict=True)) | {"coverage": coverage}


def within(ratio: Floats, limit: float) -> int:
    """How many ratios (N,) lie between 1 / `limit` and `limit`."""
    return int(np.count_nonzero((ratio < limit) & (ratio > 1 / limit)))


def total(values: Floats) -> float:
    """The sum of (N,), added in float64."""
    return float(cv2.sumElems(values)[0])


def total_of_squares(values: Floats) -> float:
    """The sum of the squares of (N,), in float64."""
    return float(cv2.norm(values, cv2.NORM_L2SQR))
