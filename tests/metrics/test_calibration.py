"""Risk-coverage by brute force; the areas by what they must be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc

from vb_perception.errors import ConfigError
from vb_perception.metrics.calibration import aurg, ause, risk_coverage

RNG = np.random.default_rng(3)
ERROR = RNG.gamma(1, 1, (40, 50)).astype(np.float32)


def test_risk_is_the_mean_error_of_the_most_confident() -> None:
    confidence = RNG.random(ERROR.shape)
    coverage, risk = risk_coverage(ERROR, confidence, points=20)
    np.testing.assert_allclose(coverage, np.linspace(0.05, 1, 20))
    for share, value in zip(coverage, risk, strict=True):
        kept = np.argsort(confidence, axis=None)[-round(share * ERROR.size) :]
        assert value == pytest.approx(ERROR.ravel()[kept].mean(), rel=1e-5)


def test_within_a_tie_the_scan_order_does_not_matter() -> None:
    error = np.sort(ERROR.ravel())
    _, flat = risk_coverage(error, np.ones_like(error))
    np.testing.assert_allclose(flat, error.mean(), rtol=1e-5)
    two = np.repeat([0.2, 0.9], 3)
    _, risk = risk_coverage(np.array([5.0, 6, 7, 0, 3, 6]), two, points=6)
    np.testing.assert_allclose(risk, [3, 3, 3, 15 / 4, 21 / 5, 27 / 6])


def test_a_perfect_order_a_random_one_and_a_reversed_one() -> None:
    assert ause(ERROR, -ERROR) == 0
    assert aurg(ERROR, np.ones_like(ERROR)) == pytest.approx(0, abs=1e-9)
    assert aurg(ERROR, -ERROR) > 0.3
    assert aurg(ERROR, ERROR) < -0.3
    assert ause(ERROR, ERROR) > ause(ERROR, RNG.random(ERROR.shape)) > 0.3


def test_areas_agree_with_scikit_learn() -> None:
    confidence = -ERROR + RNG.normal(0, 1, ERROR.shape).astype(np.float32)
    coverage, risk = risk_coverage(ERROR, confidence)
    _, oracle = risk_coverage(ERROR, -ERROR)
    mean = ERROR.mean(dtype=float)
    assert ause(ERROR, confidence) == pytest.approx((auc(coverage, risk) - auc(coverage, oracle)) / mean, rel=1e-6)
    assert aurg(ERROR, confidence) == pytest.approx(0.99 - auc(coverage, risk) / mean, rel=1e-6)


@given(factor=st.floats(0.01, 100), seed=st.integers(0, 50))
def test_areas_ignore_the_unit_of_error_and_any_monotone_scale_of_confidence(factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    error, confidence = rng.gamma(1, 1, 200), rng.random(200)
    assert ause(error * factor, np.exp(confidence)) == pytest.approx(ause(error, confidence), rel=1e-6)


def test_invalid_and_unknown_pixels_do_not_count() -> None:
    error, confidence = ERROR.copy(), RNG.random(ERROR.shape)
    expected = risk_coverage(error[:30], confidence[:30])[1]
    error[30:35] = np.nan
    confidence[30:] = np.nan  # never looked at: those pixels have no error or are not valid
    valid = np.ones(error.shape, bool)
    valid[35:] = False
    np.testing.assert_allclose(risk_coverage(error, confidence, valid)[1], expected)


def test_nothing_to_count_is_nan_not_zero() -> None:
    nothing = np.full((3, 3), np.nan)
    assert np.isnan(risk_coverage(nothing, np.ones((3, 3)))[1]).all()
    assert np.isnan(ause(nothing, np.ones((3, 3))))
    assert np.isnan(ause(np.zeros((3, 3)), np.ones((3, 3))))
    assert np.isnan(aurg(np.zeros((3, 3)), np.ones((3, 3))))


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ConfigError, match="expected at least 2"):
        risk_coverage(ERROR, ERROR, points=1)
    with pytest.raises(ConfigError, match="confidence has shape"):
        risk_coverage(ERROR, ERROR[0])
    with pytest.raises(ConfigError, match="NaN at 2000 counted pixels"):
        risk_coverage(ERROR, np.full_like(ERROR, np.nan))
