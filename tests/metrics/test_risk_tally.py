"""The bounded tally against the exact curve over all pixels at once."""

import numpy as np
import pytest

from vb_perception.metrics.calibration import aurg, ause, risk_coverage
from vb_perception.metrics.risk_tally import RiskTally


def _pixels(count: int = 60_000) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...]:
    rng = np.random.default_rng(0)
    confidence = np.rint(255 * rng.beta(4, 2, count)) / 255  # as recorded
    return rng.gamma(1.5, 0.1 * (1.2 - confidence)), confidence


def test_recorded_confidence_gives_the_exact_curve() -> None:
    error, confidence = _pixels()
    tally = RiskTally()
    for part in np.array_split(np.arange(error.size), 7):
        tally.add(error[part], confidence[part])
    coverage, risk = risk_coverage(error, confidence)
    np.testing.assert_array_equal(tally.curve()[0], coverage)
    np.testing.assert_allclose(tally.curve()[1], risk, rtol=1e-9)
    assert tally.ause() == pytest.approx(ause(error, confidence), abs=1e-4)
    assert tally.aurg() == pytest.approx(aurg(error, confidence), rel=1e-9)


def test_counted_apart_and_together_are_the_same() -> None:
    error, confidence = _pixels(2000)
    whole, parts = RiskTally(), [RiskTally(), RiskTally()]
    whole.add(error, confidence)
    for i, part in enumerate(parts):
        part.add(error[i::2], confidence[i::2])
    joined = RiskTally()
    for part in parts:
        joined.merge(part.state())
    np.testing.assert_allclose(joined.curve()[1], whole.curve()[1], rtol=1e-12)


def test_without_pixels_and_without_errors() -> None:
    tally = RiskTally()
    assert np.isnan(tally.curve()[1]).all()
    assert np.isnan(tally.ause())
    tally.add(np.zeros(10), np.linspace(0, 1, 10))
    assert np.isnan(tally.aurg())
    assert (tally.curve()[1] == 0).all()
