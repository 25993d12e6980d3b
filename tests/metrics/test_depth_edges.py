"""Occluding contours against scikit-learn's F1 over every directed pair."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from vb_perception.metrics.depth_edges import STEPS, edge_scores

Depth = NDArray[np.float32]


def _edges(depth_m: Depth, known: NDArray[np.bool_], step: float) -> NDArray[np.bool_]:
    """Every directed pair of neighbours, one by one."""
    out = []
    height, width = depth_m.shape
    for v, u in np.ndindex(height, width):
        for dv, du in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            if 0 <= v + dv < height and 0 <= u + du < width and known[v, u] and known[v + dv, u + du]:
                out.append(depth_m[v + dv, u + du] / depth_m[v, u] > step)
    return np.array(out)


def _scene(seed: int) -> tuple[Depth, Depth]:
    rng = np.random.default_rng(seed)
    g = np.full((20, 24), 3.0, np.float32)
    g[5:14, 6:15] = 1.4
    g[10:18, 12:20] *= np.float32(0.85)
    p = np.roll(g, 1, axis=1) * rng.lognormal(0, 0.02, g.shape).astype(np.float32)
    g[0, :4], p[-1, 3:7] = np.nan, np.nan
    return p, g


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_scikit_learn_over_all_pairs(seed: int) -> None:
    p, g = _scene(seed)
    known = np.isfinite(p) & np.isfinite(g)
    f = [f1_score(_edges(g, known, t), _edges(p, known, t), zero_division=0) for t in STEPS]
    assert edge_scores(p, g)["edge_f"] == pytest.approx(np.average(f, weights=STEPS), rel=1e-6)


def test_scale_makes_no_difference_and_a_flipped_step_does() -> None:
    _, g = _scene(0)
    assert edge_scores(3 * g, g)["edge_f"] == pytest.approx(1)
    assert edge_scores(1 / g, g)["edge_f"] == 0  # edges at the same places, the other side in front


def test_without_edges_there_is_nothing_to_judge() -> None:
    flat = np.full((6, 6), 2.0, np.float32)
    assert np.isnan(edge_scores(flat, flat)["edge_f"])
    assert np.isnan(edge_scores(flat * np.nan, flat)["edge_f"])
    step = flat.copy()
    step[:, 3:] = 4
    assert edge_scores(step, flat)["edge_f"] == edge_scores(flat, step)["edge_f"] == 0
