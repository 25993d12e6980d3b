"""Does the confidence say where the errors are?"""

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from vb_perception.errors import ConfigError
from vb_perception.metrics.valid import Mask, expect_shape, valid_pixels

Curve = NDArray[np.float64]


def risk_coverage(
    error: NDArray[np.floating], confidence: NDArray[np.floating], valid: Mask | None = None, points: int = 100
) -> tuple[Curve, Curve]:
    """Mean error of the most confident pixels, as ever more of them are kept.

    `coverage` (K,) = 1/K, 2/K, ... 1 is the share of counted pixels kept, `risk` (K,) their mean error.  Where
    confidence ties, `risk` is its expectation over a random order within the tie: the image's scan order never decides.
    Pixels without a finite error are not counted; without any counted pixel `risk` is NaN.

    Source: El-Yaniv and Wiener, JMLR 2010, definitions 1-3 (there: classification; here the risk is any error).

    Args:
        error: of each pixel, >= 0, any unit; NaN where truth or prediction is unknown.
        confidence: of each pixel, larger is surer, any scale.
        valid: pixels to count.
        points: K.

    Raises:
        ConfigError: shapes differ, `points` < 2, or a counted pixel's confidence is NaN.
    """
    if points < 2:  # noqa: PLR2004 -- one point is no curve
        msg = f"risk-coverage curve of {points} points: expected at least 2"
        raise ConfigError(msg)
    expect_shape("confidence", confidence, error.shape)
    counted = valid_pixels(valid, error.shape) & np.isfinite(error)
    errors, sureness = error[counted].astype(np.float64), confidence[counted]
    coverage = np.arange(1, points + 1) / points
    if not errors.size:
        return coverage, np.full(points, np.nan)
    if np.isnan(sureness).any():
        msg = f"confidence is NaN at {int(np.isnan(sureness).sum())} counted pixels: give 0 where nothing is known"
        raise ConfigError(msg)
    order = np.argsort(-sureness)
    sureness, total = sureness[order], np.cumsum(errors[order])
    ends = np.flatnonzero(np.append(sureness[1:] != sureness[:-1], True))  # the last pixel of each tie
    kept = coverage * errors.size
    return coverage, np.interp(kept, np.append(0, ends + 1), np.append(0.0, total[ends])) / kept


def ause(
    error: NDArray[np.floating], confidence: NDArray[np.floating], valid: Mask | None = None, points: int = 100
) -> float:
    """Area under the sparsification error: how far the order by confidence is from the order by true error.

    Both risk-coverage curves are divided by the mean error of all counted pixels; this is the area between them over
    coverage 1/K to 1.  0: perfect order; larger is worse.  NaN without counted pixels, and where all errors are 0,
    since then there is no order to find.

    Source: Ilg et al., ECCV 2018 ("Uncertainty estimates and multi-hypotheses networks for optical flow"), section 4.2.
    Raises as `risk_coverage`.
    """
    coverage, risk = risk_coverage(error, confidence, valid, points)
    _, oracle = risk_coverage(error, -error, valid, points)
    return _area(coverage, risk - oracle, risk[-1])


def aurg(
    error: NDArray[np.floating], confidence: NDArray[np.floating], valid: Mask | None = None, points: int = 100
) -> float:
    """Area under the random gain: how much better than chance the confidence orders the errors.

    The area between the flat curve of a random order and the curve of the confidence, normalised as `ause`.  Above 0:
    confidence helps; 0: it says nothing; below 0: it misleads.  NaN as `ause`.

    Source: Poggi et al., CVPR 2020 ("On the uncertainty of self-supervised monocular depth estimation"), section 4.2.
    Raises as `risk_coverage`.
    """
    coverage, risk = risk_coverage(error, confidence, valid, points)
    return _area(coverage, risk[-1] - risk, risk[-1])


def _area(coverage: Curve, height: Curve, mean_error: float) -> float:
    return float(trapezoid(height, coverage)) / mean_error if mean_error > 0 else float("nan")
