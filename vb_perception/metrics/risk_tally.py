"""The risk-coverage curve of any number of frames, in memory that does not grow."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from vb_perception.metrics.calibration import Curve

LEVELS = 1 << 12
_LEAST_ERROR, _LARGEST_ERROR = 1e-7, 1e4  # a bin of errors is 0.6 % wide


class RiskTally:
    """Pixels of many frames counted by confidence (and by error, for the best possible order), in `LEVELS` bins each.

    Pixels of one bin are a tie: see `calibration.risk_coverage`, whose figures these are.  Confidence that was recorded
    as 8 bits loses nothing; any other is rounded to 1/4095.
    """

    def __init__(self) -> None:
        self.by_confidence = np.zeros((2, LEVELS))  # how many, sum of their errors
        self.by_error = np.zeros((2, LEVELS))

    def add(self, error: NDArray[np.floating], confidence: NDArray[np.floating]) -> None:
        """Count pixels (N,): their error, finite and >= 0, and their confidence in [0, 1]."""
        level = np.rint(np.clip(confidence, 0, 1) * (LEVELS - 1)).astype(np.intp)
        span = np.log(_LARGEST_ERROR / _LEAST_ERROR)
        size = np.log(np.clip(error, _LEAST_ERROR, _LARGEST_ERROR) / _LEAST_ERROR) / span
        rank = np.minimum(size * LEVELS, LEVELS - 1).astype(np.intp)
        for table, bins in ((self.by_confidence, level), (self.by_error, rank)):
            table[0] += np.bincount(bins, minlength=LEVELS)
            table[1] += np.bincount(bins, error, LEVELS)

    def state(self) -> dict[str, NDArray[np.float64]]:
        """All of it as arrays, to be kept in a file."""
        return {"by_confidence": self.by_confidence, "by_error": self.by_error}

    def merge(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Add the pixels of another's `state`."""
        self.by_confidence += state["by_confidence"].astype(np.float64)
        self.by_error += state["by_error"].astype(np.float64)

    def curve(self, points: int = 100) -> tuple[Curve, Curve]:
        """`coverage` (K,) and `risk` (K,), as `calibration.risk_coverage`."""
        return self._curve(self.by_confidence[:, ::-1], points)

    def ause(self, points: int = 100) -> float:
        """As `calibration.ause`."""
        coverage, risk = self.curve(points)
        _, oracle = self._curve(self.by_error, points)
        return float(trapezoid(risk - oracle, coverage)) / float(risk[-1]) if risk[-1] > 0 else float("nan")

    def aurg(self, points: int = 100) -> float:
        """As `calibration.aurg`."""
        coverage, risk = self.curve(points)
        return float(trapezoid(risk[-1] - risk, coverage)) / float(risk[-1]) if risk[-1] > 0 else float("nan")

    @staticmethod
    def _curve(table: NDArray[np.float64], points: int) -> tuple[Curve, Curve]:
        coverage = np.arange(1, points + 1) / points
        count, total = table[:, table[0] > 0].cumsum(1)
        if not count.size:
            return coverage, np.full(points, np.nan)
        kept = coverage * count[-1]
        return coverage, np.interp(kept, np.append(0.0, count), np.append(0.0, total)) / kept
