"""The median, several times as fast as numpy's for the sizes of an image."""

import numpy as np
from numpy.typing import NDArray


def median(values: NDArray[np.floating]) -> float:
    """As `numpy.median` of values (N,) without NaN, N > 0: the middle one, or the mean of the two in the middle.

    One partition instead of numpy's two with a search for NaN: the lower middle is the largest of the smaller half.
    """
    middle = values.size // 2
    parted = np.partition(values, middle)
    upper = float(parted[middle])
    return upper if values.size % 2 else (float(parted[:middle].max()) + upper) / 2
