"""Two sets of figures of the same frames: how different are they, and could it be chance?"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

RESAMPLES = 4000
LEVEL = 0.95
FEWEST_FRAMES, FEWEST_BLOCKS = 8, 5
SEED = 20260422


class PairedDifference(NamedTuple):
    """Mean of the differences (second minus first), its confidence interval, and how many frames were paired.

    The interval is NaN where there are too few of them for one.
    """

    mean: float
    low: float
    high: float
    frames: int

    @property
    def is_too_few(self) -> bool:
        """Whether the frames are too few to tell a difference from chance."""
        return math.isnan(self.low)

    @property
    def is_clear(self) -> bool:
        """Whether there is an interval and it leaves out zero."""
        return self.low > 0 or self.high < 0


def paired_difference(
    differences: NDArray[np.float64], block: int | None = None, resamples: int = RESAMPLES, seed: int = SEED
) -> PairedDifference:
    """Bootstrap interval, `LEVEL` wide, of the mean of paired differences (N,) in the order of the frames.

    Frames of a video are alike, so single frames drawn at random would promise too much: blocks of consecutive frames
    are drawn (they may run over the end to the start).  `block` None: N^(1/3) frames, rounded; 1: the ordinary
    bootstrap.  The interval is that of percentiles, made wider for what few blocks hide: with n blocks, by the root of
    n / (n - 1) and as Student's t of n - 1 degrees of freedom is wider than the normal distribution.  Of fewer than
    `FEWEST_FRAMES` frames or `FEWEST_BLOCKS` blocks there is no interval (NaN).

    Source: Efron, Annals of Statistics 1979; blocks: Politis and Romano 1992 (circular block bootstrap), their length
    by the rate of Hall, Horowitz and Jing, Biometrika 1995; the width: the expanded
    percentile interval of Hesterberg, The American Statistician 2015.
    """
    count = len(differences)
    if not count:
        return PairedDifference(math.nan, math.nan, math.nan, 0)
    mean = float(differences.mean())
    length = block or max(1, round(count ** (1 / 3)))
    blocks = count / length
    if count < FEWEST_FRAMES or blocks < FEWEST_BLOCKS:
        return PairedDifference(mean, math.nan, math.nan, count)
    rng = np.random.default_rng(seed)
    sums = np.append(0.0, np.cumsum(np.concatenate([differences, differences[: length - 1]])))
    block_means = (sums[length : length + count] - sums[:count]) / length
    drawn = math.ceil(blocks)
    means = np.array([block_means[rng.integers(0, count, drawn)].mean() for _ in range(resamples)])
    outer = (1 + LEVEL) / 2
    wider = float(t.ppf(outer, blocks - 1) / norm.ppf(outer)) * math.sqrt(drawn / (blocks - 1))
    low, high = mean + wider * (np.percentile(means, (100 * (1 - outer), 100 * outer)) - mean)
    return PairedDifference(mean, float(low), float(high), count)
