"""Depth after the best scale (and shift) is given away: what is left is shape.  Never to be read as metric depth."""

import numpy as np

from vb_perception.metrics.depth import DELTA, DepthPairs
from vb_perception.metrics.median import median

SHAPE_FIGURES = ("abs_rel", "rmse", "delta1")

_LEAST_M = np.float32(1e-3)  # what a shift brings below this is set to it: depth lies in front of the camera
_FARTHEST_M = np.float32(1e3)  # and what it brings below zero in 1 / depth lies this far away


def shape_scores(aligned: DepthPairs) -> dict[str, float]:
    """`abs_rel`, `rmse` and `delta1` of `depth.depth_scores` alone."""
    p, g, _ = aligned
    if not p.size:
        return dict.fromkeys(SHAPE_FIGURES, np.nan)
    ratio, error_m = p / g, p - g
    error_m *= error_m
    hits = np.count_nonzero((ratio < DELTA) & (ratio > 1 / DELTA))
    rmse = float(np.sqrt(np.mean(error_m, dtype=np.float64)))
    ratio -= 1
    np.abs(ratio, out=ratio)
    values = (float(np.mean(ratio, dtype=np.float64)), rmse, int(hits) / p.size)
    return dict(zip(SHAPE_FIGURES, values, strict=True))


def median_aligned(pairs: DepthPairs) -> DepthPairs:
    """The prediction times median(g) / median(p).

    Source: Zhou et al., CVPR 2017 ("Unsupervised learning of depth and ego-motion from video"), section 4.1.
    """
    p, g, coverage = pairs
    if not p.size:
        return pairs
    return DepthPairs(p * np.float32(median(g) / median(p)), g, coverage)


def affine_aligned(pairs: DepthPairs) -> DepthPairs:
    """The prediction as a p + b with the least squared error sum (a p + b - g)^2, in metres.

    A constant prediction has no best scale: it becomes the mean of the truth.  Results below 1 mm are set to 1 mm.

    Source: Ranftl et al., MiDaS, TPAMI 2022, equation 4 (there of disparity); of depth as Marigold, Ke et al., CVPR
    2024, section 5.1.
    """
    p, g, coverage = pairs
    if not p.size:
        return pairs
    mean_p, mean_g = np.mean(p, dtype=np.float64), np.mean(g, dtype=np.float64)
    centred = p - np.float32(mean_p)
    spread = float(np.dot(centred, centred))
    scale = float(np.dot(centred, g - np.float32(mean_g))) / spread if spread > 0 else 0.0
    return DepthPairs(np.maximum(centred * np.float32(scale) + np.float32(mean_g), _LEAST_M), g, coverage)


def affine_aligned_inverse(pairs: DepthPairs) -> DepthPairs:
    """The same in inverse depth: 1 / (a / p + b) with the least sum (a / p + b - 1 / g)^2.

    For networks that predict disparity up to scale and shift.  What comes out beyond 1 km is set to 1 km.

    Source: Ranftl et al., MiDaS, TPAMI 2022, equation 4.
    """
    p, g, coverage = pairs
    if not p.size:
        return pairs
    inverse = affine_aligned(DepthPairs(np.reciprocal(p), np.reciprocal(g), coverage)).prediction_m
    return DepthPairs(np.reciprocal(np.maximum(inverse, 1 / _FARTHEST_M)), g, coverage)
