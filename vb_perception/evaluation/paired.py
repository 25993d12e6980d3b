"""Two sets of figures of the same frames: how different are they, and could it be chance?"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 4000
LEVEL = 0.95
SEED = 20260422


class PairedDifference(NamedTuple):
    """Mean of the differences (second minus first), its confidence interval, and how many frames were paired."""

    mean: float
    low: float
    high: float
    frames: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def paired_difference(
    differences: NDArray[np.float64], block: int | None = None, resamples: int = RESAMPLES, seed: int = SEED
) -> PairedDifference:
    """Bootstrap interval, `LEVEL` wide, of the mean of paired differences (N,) in the order of the frames.

    Frames of a video are alike, so single frames drawn at random would promise too much: blocks of consecutive frames
    are drawn (they may run over the end to the start).  `block` None: N^(1/3) frames, rounded; 1: the ordinary
    bootstrap.  The interval is that of percentiles.  NaN without a frame; of one frame the interval is that frame.

    Source: Efron, Annals of Statistics 1979; blocks: Politis and Romano 1992 (circular block bootstrap), their length
    by the rate of Hall, Horowitz and Jing, Biometrika 1995.
    """
    count = len(differences)
    if not count:
        return PairedDifference(math.nan, math.nan, math.nan, 0)
    length = block or max(1, round(count ** (1 / 3)))
    rng = np.random.default_rng(seed)
    sums = np.append(0.0, np.cumsum(np.concatenate([differences, differences[: length - 1]])))
    block_means = (sums[length : length + count] - sums[:count]) / length
    blocks = math.ceil(count / length)
    means = np.array([block_means[rng.integers(0, count, blocks)].mean() for _ in range(resamples)])
    low, high = np.percentile(means, (50 * (1 - LEVEL), 50 * (1 + LEVEL)))
    return PairedDifference(float(differences.mean()), float(low), float(high), count)
