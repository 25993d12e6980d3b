"""Depth errors by distance: a robot's arm cares about the first metre, its wheels about the next ten."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vb_perception.errors import ConfigError
from vb_perception.metrics.blocks import blocks
from vb_perception.metrics.depth import DELTA, DepthPairs, total

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
    edges = np.asarray(edges_m, np.float32)
    relative, counts, near_enough = (np.zeros(len(edges) - 1) for _ in range(3))
    for part in blocks(p.size):
        true_m, ratio = g[part], p[part] / g[part]
        close = (ratio < DELTA) & (ratio > 1 / DELTA)
        ratio -= 1
        np.abs(ratio, out=ratio)
        first, last = np.searchsorted(edges, (true_m.min(), true_m.max()), side="right")  # k: between edges k - 1 and k
        for k in range(max(first, 1), min(last, len(edges) - 1) + 1):
            inside = np.s_[:] if first == last else (true_m >= edges[k - 1]) & (true_m < edges[k])
            errors = ratio[inside]
            relative[k - 1] += total(errors) if errors.size else 0.0
            counts[k - 1] += errors.size
            near_enough[k - 1] += np.count_nonzero(close[inside])
    scores = {}
    for name, count, error, hits in zip(band_names(edges_m), counts, relative, near_enough, strict=True):
        scores[f"abs_rel_{name}"] = float(error / count) if count else np.nan
        scores[f"delta1_{name}"] = float(hits / count) if count else np.nan
    return scores
