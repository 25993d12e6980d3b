"""Segments <-> RGB: ids painted from a palette, and the mask of one colour against its background."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.colours import RGB
from vb_perception.codecs.palette import Colour, nearest_colour
from vb_perception.errors import FrameError


def encode_segments(ids: NDArray[np.uint16], colours: Sequence[Colour]) -> RGB:
    """Paint ids (H, W) as (H, W, 3) uint8: pixel = colours[id].

    Raises:
        FrameError: an id has no colour.
    """
    lowest, highest = int(ids.min(initial=0)), int(ids.max(initial=0))
    if lowest < 0 or highest >= len(colours):
        msg = f"segment ids {lowest} to {highest} for {len(colours)} colours: expected 0 to {len(colours) - 1}"
        raise FrameError(msg)
    rgb: RGB = np.array(colours, np.uint8)[ids]
    return rgb


def decode_mask(rgb: RGB, colour: Colour, background: Colour) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Read (H, W, 3) uint8 as the mask (H, W) of pixels nearer to `colour` than to `background`, and confidence.

    The paper gives no threshold for referring masks; nearest of the two is ours.  Confidence as in `nearest_colour`.

    Raises:
        FrameError: `rgb` is not (H, W, 3) uint8.
        ConfigError: the two colours are equal.
    """
    ids, confidence = nearest_colour(rgb, (background, colour))
    return ids == 1, confidence
