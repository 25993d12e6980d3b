"""Where an answer is wrong, as pictures (H, W, 3) uint8 RGB; dark grey where the truth or the answer is unknown."""

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from vb_perception.evaluation.pictures import RGB, UNKNOWN
from vb_perception.metrics.normals import angles_deg

WORST_RELATIVE, WORST_DEG = 0.25, 45.0
_WRONG, _RIGHT_SHARE = (235, 64, 52), 0.35


def depth_error_picture(prediction_m: NDArray[np.float32], truth_m: NDArray[np.float32]) -> RGB:
    """|p - g| / g of depth (H, W), dark to bright from 0 to `WORST_RELATIVE`."""
    with np.errstate(invalid="ignore", divide="ignore"):  # unknown stays unknown
        share: NDArray[np.floating] = np.abs(prediction_m - truth_m) / truth_m / WORST_RELATIVE
    return _heat(share)


def normals_error_picture(prediction: NDArray[np.float32], truth: NDArray[np.float32]) -> RGB:
    """Angle between normals (H, W, 3), dark to bright from 0 to `WORST_DEG`."""
    return _heat(angles_deg(prediction, truth) / WORST_DEG)


def mask_error_picture(rgb: RGB, prediction: NDArray[np.integer], truth: NDArray[np.integer]) -> RGB:
    """Red over the grey image where ids (H, W) differ; dark where the truth is unlabelled (-1)."""
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    picture: RGB = np.rint(grey * _RIGHT_SHARE + 255 * (1 - _RIGHT_SHARE) * 0.25).astype(np.uint8)
    picture[prediction != truth] = _WRONG
    picture[truth < 0] = UNKNOWN
    return picture


def _heat(share: NDArray[np.floating]) -> RGB:
    levels = np.rint(mpl.colormaps["magma"](np.linspace(0.05, 1, 256))[:, :3] * 255).astype(np.uint8)
    picture = np.take(levels, (np.clip(np.nan_to_num(share, posinf=1), 0, 1) * 255).astype(np.uint8), axis=0)
    picture[~np.isfinite(share)] = UNKNOWN
    return np.asarray(picture, np.uint8)
