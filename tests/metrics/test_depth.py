"""Depth figures against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import mean_absolute_percentage_error, mean_squared_error, root_mean_squared_error

from vb_perception.errors import ConfigError
from vb_perception.metrics.depth import FIGURES, depth_scores


def _maps(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    truth_m = rng.uniform(0.3, 60, (48, 64)).astype(np.float32)
    return (truth_m * rng.lognormal(0.1, 0.3, truth_m.shape)).astype(np.float32), truth_m


def test_errors_agree_with_scikit_learn() -> None:
    p, g = _maps()
    scores = depth_scores(p, g)
    flat_p, flat_g = p.ravel().astype(float), g.ravel().astype(float)
    log_p, log_g = np.log(flat_p), np.log(flat_g)
    assert scores["abs_rel"] == pytest.approx(mean_absolute_percentage_error(flat_g, flat_p), rel=1e-5)
    assert scores["rmse"] == pytest.approx(root_mean_squared_error(flat_g, flat_p), rel=1e-5)
    assert scores["rmse_log"] == pytest.approx(root_mean_squared_error(log_g, log_p), rel=1e-5)
    weighted = mean_squared_error(flat_g, flat_p, sample_weight=1 / flat_g) * np.mean(1 / flat_g)
    assert scores["sq_rel"] == pytest.approx(weighted, rel=1e-5)
    aligned = mean_squared_error(log_g, log_p - np.mean(log_p - log_g))  # the best scale taken out
    assert scores["si_log"] == pytest.approx(100 * np.sqrt(aligned), rel=1e-5)
    assert scores["coverage"] == 1


def test_deltas_count_both_directions_and_are_strict() -> None:
    g = np.ones(8, np.float32)
    p = np.array([1, 1.2, 1 / 1.2, 1.25, 0.8, 1.5, 1 / 1.9, 3], np.float32)
    scores = depth_scores(p, g)
    assert (scores["delta1"], scores["delta2"], scores["delta3"]) == (3 / 8, 6 / 8, 7 / 8)


def test_a_perfect_prediction() -> None:
    _, g = _maps()
    scores = depth_scores(g, g)
    assert [scores[name] for name in FIGURES] == [0] * 5 + [1] * 3


def test_unknown_truth_and_masked_pixels_do_not_count() -> None:
    p, g = _maps()
    expected = depth_scores(p[:, :40], g[:, :40])
    bad = g.copy()
    bad[:, 40:50], bad[:, 50:52], bad[:, 52:54], bad[:, 54:60] = np.nan, np.inf, -1, 0
    valid = np.ones(g.shape, bool)
    valid[:, 60:] = False
    assert depth_scores(p, bad, valid) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("useless", [np.nan, np.inf, -np.inf, 0, -3])
def test_a_useless_prediction_lowers_coverage_only(useless: float) -> None:
    p, g = _maps()
    expected = depth_scores(p[12:], g[12:])
    p[:12] = useless
    assert depth_scores(p, g) == pytest.approx(expected | {"coverage": 0.75}, rel=1e-12)


def test_nothing_to_count_is_nan_not_zero() -> None:
    p, g = _maps()
    assert np.isnan(list(depth_scores(p, np.full_like(g, np.nan)).values())).all()
    assert np.isnan(list(depth_scores(p, g, np.zeros(g.shape, bool)).values())).all()
    blind = depth_scores(np.full_like(p, np.nan), g)
    assert blind.pop("coverage") == 0
    assert np.isnan(list(blind.values())).all()
    assert len(blind) == len(FIGURES)


@given(scale=st.floats(0.1, 10), seed=st.integers(0, 99))
def test_scale_free_figures_stay_when_the_world_grows(scale: float, seed: int) -> None:
    p, g = _maps(seed)
    small, large = depth_scores(p, g), depth_scores(p * np.float32(scale), g * np.float32(scale))
    assert large["rmse"] == pytest.approx(small["rmse"] * scale, rel=1e-4)
    assert large["sq_rel"] == pytest.approx(small["sq_rel"] * scale, rel=1e-4)
    assert large["abs_rel"] == pytest.approx(small["abs_rel"], rel=1e-4)
    assert large["si_log"] == pytest.approx(small["si_log"], rel=1e-4)


def test_shapes_and_masks_that_do_not_fit_are_refused() -> None:
    p, g = _maps()
    with pytest.raises(ConfigError, match=r"prediction_m has shape \(64,\), the truth gives \(48, 64\)"):
        depth_scores(p[0], g)
    with pytest.raises(ConfigError, match="valid is float32, expected bool"):
        depth_scores(p, g, g)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="valid has shape"):
        depth_scores(p, g, np.ones(64, bool))
