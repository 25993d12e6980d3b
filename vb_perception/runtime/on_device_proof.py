"""Does the device's way give what the host's way gives?  Asked of the first frame of every camera and set of tasks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.runtime.on_device import Array

MOST_LEVELS = 2.0
"""Mean difference of what is painted, of 255: the camera's image is rounded once less on its way to the network."""
MOST_SHARE = 0.005
"""Of the pixels whose meaning differs by more than rounding: those where two colours are equally near."""
REL, DEPTH_M, CONFIDENCE = 1e-3, 1e-3, 1e-2


def disproof(
    painted: Sequence[NDArray[np.uint8]],
    host_painted: Sequence[NDArray[np.uint8]],
    read: Sequence[Prediction | None],
    host_read: Sequence[Prediction | None],
) -> list[str]:
    """What differs by more than rounding, measured, in words; nothing if the device may be believed.

    `host_painted` is the host's own way from the same camera image; `host_read` what the host reads in `painted`.
    """
    wrong = []
    for i, (ours, theirs) in enumerate(zip(painted, host_painted, strict=True)):
        levels = float(np.abs(ours.astype(np.int16) - theirs).mean())
        if not levels <= MOST_LEVELS:
            wrong.append(f"picture {i} is {levels:.1f} levels off, allowed {MOST_LEVELS}")
    for found, expected in zip(read, host_read, strict=True):
        if found is None or expected is None:
            continue
        share = differing(found, expected)
        if not share <= MOST_SHARE:
            kind = type(found).__name__
            wrong.append(f"{share:.1%} of the pixels of a {kind} are read otherwise, allowed {MOST_SHARE:.1%}")
    return wrong


def differing(found: Prediction, expected: Prediction) -> float:
    """The share of pixels at which two predictions of one kind and size are not the same but for rounding."""
    alike = np.abs(found.confidence - expected.confidence) <= CONFIDENCE
    if isinstance(expected, SegmentMap):
        alike &= _values(found) == _values(expected)
    else:
        same = np.isclose(_values(found), _values(expected), REL, DEPTH_M, equal_nan=True)
        alike &= same.reshape(*alike.shape, -1).all(-1)
    return float(1 - alike.mean())


def _values(prediction: Prediction) -> Array:
    if isinstance(prediction, DepthMap):
        return prediction.depth_m
    return prediction.normals if isinstance(prediction, NormalMap) else prediction.ids
