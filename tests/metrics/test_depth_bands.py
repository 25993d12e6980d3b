"""Figures by distance are the figures of the pixels at that distance."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_percentage_error

from vb_perception.errors import ConfigError
from vb_perception.metrics.depth import depth_pairs, depth_scores
from vb_perception.metrics.depth_bands import EDGES_M, band_names, band_scores


def test_each_band_agrees_with_scikit_learn_on_its_pixels() -> None:
    rng = np.random.default_rng(0)
    g = rng.uniform(0.2, 90, (60, 80)).astype(np.float32)
    p = (g * rng.lognormal(0, 0.2, g.shape)).astype(np.float32)
    scores = band_scores(depth_pairs(p, g))
    for name, near, far in zip(band_names(), EDGES_M, EDGES_M[1:], strict=False):
        there = (g >= near) & (g < far)
        assert scores[f"abs_rel_{name}"] == pytest.approx(mean_absolute_percentage_error(g[there], p[there]), rel=1e-5)
        assert scores[f"delta1_{name}"] == pytest.approx(depth_scores(p[there], g[there])["delta1"])


def test_a_band_starts_at_its_near_edge_and_ends_before_its_far_one() -> None:
    g = np.array([0.5, 1.0, 1.5, 2.0], np.float32)
    p = g * np.array([1.1, 1.2, 1.2, 1.4], np.float32)
    scores = band_scores(depth_pairs(p, g), (1.0, 2.0))
    assert scores == pytest.approx({"abs_rel_1_2m": 0.2, "delta1_1_2m": 1.0})


def test_an_empty_band_is_nan() -> None:
    one = np.full((4, 4), 3.0, np.float32)
    scores = band_scores(depth_pairs(one, one))
    assert scores["abs_rel_2_4m"] == 0
    assert np.isnan(scores["abs_rel_4_8m"])
    assert np.isnan(list(band_scores(depth_pairs(one, one * np.nan)).values())).all()


@pytest.mark.parametrize("edges", [(1.0,), (), (2.0, 1.0), (1.0, 1.0)])
def test_edges_that_make_no_bands(edges: tuple[float, ...]) -> None:
    one = np.ones((2, 2), np.float32)
    with pytest.raises(ConfigError, match="distance bands"):
        band_scores(depth_pairs(one, one), edges)
