"""The median against numpy's, for every way that values can lie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vb_perception.metrics.median import median

FINITE = st.floats(-1000, 1000, width=32)


@given(arrays(np.float32, st.integers(1, 60), elements=FINITE))
def test_agrees_with_numpy(values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    assert median(values) == np.median(values.astype(np.float64))
    assert median(np.abs(values)) == np.median(np.abs(values).astype(np.float64))


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9_999, 10_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_many_values_and_many_that_are_equal(size: int, dtype: type[np.floating]) -> None:
    rng = np.random.default_rng(size)
    for values in (rng.exponential(3, size), np.round(rng.exponential(3, size)), np.full(size, 0.25), np.zeros(size)):
        shown = values.astype(dtype)
        assert median(shown) == np.median(shown.astype(np.float64))
    far_apart = np.where(np.arange(size) < size // 2, 1e-3, 1e3).astype(dtype)  # none between the middle two
    assert median(far_apart) == np.median(far_apart.astype(np.float64))
    assert median(far_apart[::-1]) == np.median(far_apart.astype(np.float64))
