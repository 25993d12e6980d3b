"""Chance, spelt so that a scene maker reads like a description."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate

import numpy as np


def chance(rng: np.random.Generator, share: float) -> bool:
    """True in this share (0..1) of the calls."""
    return bool(rng.random() < share)


def pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """One of the names, by weight (they need not sum to 1)."""
    bounds = list(accumulate(weights.values()))
    return list(weights)[bisect_right(bounds, rng.random() * bounds[-1])]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """As likely between 1 and 2 as between 2 and 4."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
