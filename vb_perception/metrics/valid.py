"""Which pixels a figure counts."""

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError

Mask = NDArray[np.bool_]


def expect_shape(name: str, array: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    """Raise ConfigError unless `array` has `shape`: numpy would broadcast and give a wrong figure."""
    if array.shape != shape:
        msg = f"{name} has shape {array.shape}, the truth gives {shape}: bring both to one size before scoring"
        raise ConfigError(msg)


def valid_pixels(valid: Mask | None, shape: tuple[int, ...]) -> Mask:
    """`valid` itself, checked, or a mask of all pixels where it is None.

    Raises:
        ConfigError: `valid` is not bool (weights are not masks) or not of `shape`.
    """
    if valid is None:
        return np.ones(shape, np.bool_)
    if valid.dtype != np.bool_:
        msg = f"valid is {valid.dtype}, expected bool: write the condition out, such as `depth_m > 0`"
        raise ConfigError(msg)
    expect_shape("valid", valid, shape)
    return valid
