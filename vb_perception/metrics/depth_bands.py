"""Depth errors by distance: a robot's arm cares about the first metre, its wheels about the next ten."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vb_perception.errors import ConfigError
from vb_perception.metrics.depth import DELTA, DepthPairs

EDGES_M = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 80.0)


def band_names(edges_m: Sequence[float] = EDGES_M) -> list[str]:
    """What the bands between `edges_m` are called: "0_1m", "1_2m", ...."""
    return [f"{near:g}_{far:g}m" for near, far in pairwise(edges_m)]


def band_scores(pairs: DepthPairs, edges_m: Sequence[float] = EDGES_M) -> dict[str, float]:
    """`abs_rel_<band>` and `delta1_<band>` of the pixels whose *true* depth g lies in near <= g < far; NaN if none do.

    The figures are those of `depth_scores`, over the band's pixels.  Source: Eigen et al., NeurIPS 2014 (the figures);
    the bands are ours.

    Raises:
        ConfigError: fewer than two edges, or they do not increase.
    """
    if len(edges_m) < 2 or any(near >= far for near, far in pairwise(edges_m)):  # noqa: PLR2004 -- a band has two ends
        msg = f"distance bands between {list(edges_m)} m: expected at least two edges, each larger than the one before"
        raise ConfigError(msg)
    p, g, _ = pairs
    beyond = np.zeros(g.shape, np.uint8)  # how many edges lie nearer: k in band k, 0 before the first
    for edge_m in edges_m:
        beyond += g >= np.float32(edge_m)
    band, size = beyond.astype(np.intp), len(edges_m) + 1
    ratio = p / g
    close = (ratio < DELTA) & (ratio > 1 / DELTA)
    ratio -= 1
    relative = np.bincount(band, np.abs(ratio, out=ratio), size)[1:-1]
    band *= 2
    band += close
    missed, hit = np.bincount(band, minlength=2 * size).reshape(size, 2).T
    counts, near_enough = (missed + hit)[1:-1], hit[1:-1]
    scores = {}
    for name, count, error, hits in zip(band_names(edges_m), counts, relative, near_enough, strict=True):
        scores[f"abs_rel_{name}"] = float(error / count) if count else np.nan
        scores[f"delta1_{name}"] = float(hits / count) if count else np.nan
    return scores
