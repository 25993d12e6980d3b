"""Surface normals <-> RGB, in the sign convention of Vision Banana (arXiv 2604.20329, section 3, normals).

The paper's camera frame is x right, y up, z towards the viewer, and red is (1 - x) / 2, green (1 + y) / 2, blue
(1 + z) / 2.  In the optical frame (x right, y down, z forward) all three are (1 - n) / 2: what is computed here.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.colours import RGB, expect_rgb
from vb_perception.errors import FrameError

LEVELS = 255
UNKNOWN_LEVEL = 128
MIN_LENGTH = 0.1
"""Decoded length below which there is no direction: 13 levels from mid grey, as far as a good generator's noise."""

_Normals = NDArray[np.float32]


def paper_from_optical(normals: _Normals) -> _Normals:
    """(x, -y, -z) of (..., 3): optical frame to the paper's camera frame."""
    paper: _Normals = normals * np.array((1, -1, -1), normals.dtype)
    return paper


def optical_from_paper(normals: _Normals) -> _Normals:
    """(x, -y, -z) of (..., 3): the paper's camera frame to the optical frame."""
    return paper_from_optical(normals)  # its own inverse


def encode_normals(normals: _Normals) -> RGB:
    """Paint unit normals (H, W, 3), optical frame, as (H, W, 3) uint8; a pixel with NaN is mid grey.

    Raises:
        FrameError: `normals` is not (H, W, 3).
    """
    if normals.ndim != 3 or normals.shape[2] != 3:  # noqa: PLR2004 - rows, columns, x y z
        msg = f"normals of shape {normals.shape}: expected (height, width, 3)"
        raise FrameError(msg)
    unknown = np.isnan(normals).any(axis=2)
    level = np.rint((1 - np.nan_to_num(normals, nan=0.0)) * (LEVELS / 2))
    rgb: RGB = np.clip(level, 0, LEVELS).astype(np.uint8)
    rgb[unknown] = UNKNOWN_LEVEL
    return rgb


def decode_normals(rgb: RGB) -> tuple[_Normals, NDArray[np.float32]]:
    """Read (H, W, 3) uint8 as unit normals (H, W, 3) float32, optical frame, and confidence (H, W) float32.

    Confidence = 1 - min(1, |length - 1|) of the vector before it is normalised (ours): an image of normals lies on a
    sphere.  Where the length is below `MIN_LENGTH` the normal is NaN and confidence 0.

    Raises:
        FrameError: `rgb` is not (H, W, 3) uint8.
    """
    expect_rgb(rgb)
    normals: _Normals = np.asarray(cv2.LUT(rgb, _COMPONENT))
    length = cv2.sqrt(cv2.transform(cv2.multiply(normals, normals), _SUM))
    unknown = length < MIN_LENGTH
    length[unknown] = np.nan
    cv2.divide(normals, cv2.cvtColor(length, cv2.COLOR_GRAY2RGB), dst=normals)
    confidence: NDArray[np.float32] = 1 - np.minimum(np.abs(length - 1), 1)
    confidence[unknown] = 0
    return normals, confidence


_COMPONENT = (1 - np.arange(LEVELS + 1) * (2 / LEVELS)).astype(np.float32)
_SUM = np.ones((1, 3), np.float32)
