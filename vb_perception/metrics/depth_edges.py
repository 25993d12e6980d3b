"""Are depth's edges where the true ones are?"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.metrics.blocks import row_blocks
from vb_perception.metrics.valid import Mask, expect_shape, valid_pixels

STEPS = tuple(float(step) for step in np.linspace(1.05, 1.25, 10))
"""A pair of neighbours is an edge where one is so many times as far as the other."""

LIMITS = np.log(np.array(STEPS, np.float32))
Floats = NDArray[np.float32]


def edge_scores(
    prediction_m: NDArray[np.floating], truth_m: NDArray[np.floating], valid: Mask | None = None
) -> dict[str, float]:
    """`edge_f`: F of occluding contours of one depth map (H, W) in metres; scale makes no difference to it.

    For a step t, a directed pair of neighbouring pixels (i, j), left-right or up-down, is an edge where d_j / d_i > t.
    Precision(t) = edges in both / predicted edges, recall(t) = edges in both / true edges, F(t) = 2 P R / (P + R), 0
    where nothing is found in common.  `edge_f` = sum t F(t) / sum t over the ten `STEPS` 1.05 to 1.25 at which truth or
    prediction has any edge.

    A pair counts where both pixels are known (finite, above 0, `valid`) on both sides.  NaN without any edge on either.

    Source: Bochkovskii et al., Depth Pro, ICLR 2025, section 3.2, equations 2-4 (there without thinning too).  Steps at
    which neither side has an edge are left out (ours; there they cannot occur).

    Raises:
        ConfigError: shapes differ, or `valid` is not bool.
    """
    expect_shape("prediction_m", prediction_m, truth_m.shape)
    valid = valid_pixels(valid, truth_m.shape)
    steps: tuple[list[Floats], list[Floats]] = [], []
    for rows in row_blocks(*truth_m.shape):
        more = np.s_[rows.start : rows.stop + 1]  # and the row below, whose pairs with these count here
        p, g = _logs(prediction_m[more], truth_m[more], valid[more])
        count = rows.stop - rows.start
        for pair in (
            (p[:count, 1:] - p[:count, :-1], g[:count, 1:] - g[:count, :-1]),
            (p[1:] - p[:-1], g[1:] - g[:-1]),
        ):
            edge = np.flatnonzero(np.maximum(np.abs(pair[0]), np.abs(pair[1])) > LIMITS[0])  # NaN is none
            for kept, step in zip(steps, pair, strict=True):
                kept.append(step.ravel()[edge])
    p, g = (np.concatenate(kept) if kept else np.zeros(0, np.float32) for kept in steps)
    levels_p, levels_g = (np.searchsorted(LIMITS, np.abs(step)) for step in (p, g))
    both = _at_least(np.where((p > 0) == (g > 0), np.minimum(levels_p, levels_g), 0))
    predicted, true = _at_least(levels_p), _at_least(levels_g)
    weights = np.array(STEPS) * (predicted + true > 0)
    if not weights.any():
        return {"edge_f": math.nan}
    # 2 P R / (P + R) with P = b / p and R = b / g is 2 b / (p + g).
    return {"edge_f": float(np.sum(weights * 2 * both / np.maximum(predicted + true, 1)) / weights.sum())}


def _logs(prediction_m: NDArray[np.floating], truth_m: NDArray[np.floating], valid: Mask) -> tuple[Floats, Floats]:
    """Logarithms of both, float32, NaN where either is unknown."""
    known = valid & np.isfinite(truth_m) & (truth_m > 0) & np.isfinite(prediction_m) & (prediction_m > 0)
    unknown = None if known.all() else ~known
    out = []
    for depth_m in (prediction_m, truth_m):
        metres = np.where(known, depth_m, 1) if unknown is not None else depth_m
        log = np.asarray(cv2.log(metres.astype(np.float32, copy=False)), np.float32)
        if unknown is not None:
            log[unknown] = np.nan
        out.append(log)
    return out[0], out[1]


def _at_least(levels: NDArray[np.intp]) -> NDArray[np.int64]:
    """How many pairs exceed each step, of those whose largest exceeded step is known (0: none)."""
    counts = np.bincount(levels, minlength=len(STEPS) + 1)[1:]
    return counts[::-1].cumsum()[::-1].astype(np.int64)
