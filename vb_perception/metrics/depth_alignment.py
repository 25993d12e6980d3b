"""Depth after the best scale (and shift) is given away: what is left is shape.  Never to be read as metric depth."""

import math

import numpy as np

from vb_perception.metrics.blocks import blocks
from vb_perception.metrics.depth import DELTA, DepthPairs, total, total_of_squares, within
from vb_perception.metrics.median import median

SHAPE_FIGURES = ("abs_rel", "rmse", "delta1")

_LEAST_M = np.float32(1e-3)  # what a shift brings below this is set to it: depth lies in front of the camera
_FARTHEST_M = np.float32(1e3)  # and what it brings below zero in 1 / depth lies this far away


def shape_scores(aligned: DepthPairs) -> dict[str, float]:
    """`abs_rel`, `rmse` and `delta1` of `depth.depth_scores` alone."""
    p, g, _ = aligned
    if not p.size:
        return dict.fromkeys(SHAPE_FIGURES, np.nan)
    relative = squared = 0.0
    hits = 0
    for part in blocks(p.size):
        ratio = p[part] / g[part]
        hits += within(ratio, DELTA)
        squared += total_of_squares(p[part] - g[part])
        ratio -= 1
        relative += total(np.abs(ratio, out=ratio))
    values = (relative / p.size, math.sqrt(squared / p.size), hits / p.size)
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

    The prediction may have any sign and unit.  A constant one has no best scale: it becomes the mean of the truth.
    What comes out below 1 mm is set to 1 mm, so that it counts as wrong: left out, it would flatter.

    Source: Ranftl et al., MiDaS, TPAMI 2022, equation 4 (there of disparity); of depth as Marigold, Ke et al., CVPR
    2024, section 5.1.
    """
    p, g, coverage = pairs
    if not p.size:
        return pairs
    mean_p, mean_g = np.float32(total(p) / p.size), np.float32(total(g) / g.size)
    aligned, spread, common = np.empty_like(p), 0.0, 0.0
    for part in blocks(p.size):
        centred = np.subtract(p[part], mean_p, out=aligned[part])
        spread += total_of_squares(centred)
        common += float(np.dot(centred, g[part] - mean_g))
    aligned *= np.float32(common / spread if spread > 0 else 0.0)
    aligned += mean_g
    return DepthPairs(np.maximum(aligned, _LEAST_M, out=aligned), g, coverage)


def affine_aligned_inverse(pairs: DepthPairs) -> DepthPairs:
    """The same in inverse depth: 1 / (a / p + b) with the least sum (a / p + b - 1 / g)^2.

    For networks that predict disparity up to scale and shift: 1 / p may have any sign, and is 0 where p is infinite.
    What comes out beyond 1 km, or behind the camera, is set to 1 km, so that it counts as wrong.

    Source: Ranftl et al., MiDaS, TPAMI 2022, equation 4.
    """
    p, g, coverage = pairs
    if not p.size:
        return pairs
    inverse = affine_aligned(DepthPairs(np.reciprocal(p), np.reciprocal(g), coverage)).prediction_m
    return DepthPairs(np.reciprocal(np.maximum(inverse, 1 / _FARTHEST_M)), g, coverage)
