"""The median, several times as fast as numpy's for the sizes of an image."""

import numpy as np
from numpy.typing import NDArray

_EVERY = 61  # of the values are looked at first; a prime, so that it is no column of an image
_FEW = 64 * _EVERY  # of fewer, all are put in order at once
_MARGIN = 0.04  # of the sample on each side of its middle, where the true middle is sought


def median(values: NDArray[np.floating]) -> float:
    """As `numpy.median` of values (N,) without NaN, N > 0: the middle one, or the mean of the two in the middle.

    A sample tells between which two values the middle lies; only what lies between them is put in order.  If it told
    wrong, all are.  Source: Floyd and Rivest, CACM 1975 ("Expected time bounds for selection").
    """
    middle = values.size // 2
    if values.size > _FEW:
        sample = np.sort(values[::_EVERY])
        low, high = sample[[int((0.5 - _MARGIN) * sample.size), int((0.5 + _MARGIN) * sample.size)]]
        place = middle - int(np.count_nonzero(values < low))
        between = values[(values >= low) & (values <= high)]
        if 0 < place < between.size:
            return _middle(between, place, values.size)
    return _middle(values, middle, values.size)


def _middle(values: NDArray[np.floating], place: int, size: int) -> float:
    """The value at `place` in ascending order, or its mean with the one before where `size` is even.

    One partition instead of numpy's two with a search for NaN: the lower middle is the largest of the smaller half.
    """
    parted = np.partition(values, place)
    upper = float(parted[place])
    return upper if size % 2 else (float(parted[:place].max()) + upper) / 2
