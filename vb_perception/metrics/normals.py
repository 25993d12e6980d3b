"""Surface normals: the angle between the predicted and the true direction."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.metrics.median import median
from vb_perception.metrics.valid import Mask, expect_shape, valid_pixels

Angles = NDArray[np.float32]
SHARES_DEG = {"share_5": 5.0, "share_11_25": 11.25, "share_22_5": 22.5, "share_30": 30.0}
ERRORS = ("mean_deg", "median_deg", "rmse_deg")


def angles_deg(prediction: NDArray[np.floating], truth: NDArray[np.floating]) -> Angles:
    """Angle (...,) in [0, 180] between vectors (..., 3) of any length; NaN where either is not finite or has no length.

    atan2(|u x v|, u . v): unlike arccos of the dot product it keeps float32 precision at 0 and at 180 degrees.
    Source: W. Kahan, "How Futile are Mindless Assessments of Roundoff", section 12.
    """
    u, v = (_planes(vectors) for vectors in (prediction, truth))
    across2, along = np.zeros_like(u[0]), np.zeros_like(u[0])
    one, other = np.empty_like(across2), np.empty_like(across2)  # scratch: fresh arrays of this size cost page faults
    with np.errstate(invalid="ignore"):  # inf - inf: no direction, NaN is the answer
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            np.multiply(u[j], v[k], out=one)
            np.multiply(u[k], v[j], out=other)
            one -= other
            np.multiply(one, one, out=one)
            across2 += one
            np.multiply(u[i], v[i], out=other)
            along += other
    across = np.sqrt(across2, out=one)
    nowhere = (across == 0) & (along == 0)
    angle_deg: Angles = np.arctan2(across, along, out=other)
    angle_deg *= np.float32(180 / np.pi)
    angle_deg[nowhere] = np.nan
    return angle_deg


def _planes(vectors: NDArray[np.floating]) -> list[Angles]:
    """x, y and z of vectors (..., 3), each contiguous."""
    if vectors.ndim == 3:  # noqa: PLR2004 -- an image, which OpenCV takes apart faster
        return [np.asarray(plane, np.float32) for plane in cv2.split(vectors.astype(np.float32, copy=False))]
    return list(np.ascontiguousarray(np.moveaxis(vectors, -1, 0), np.float32))


def normal_scores(
    prediction: NDArray[np.floating], truth: NDArray[np.floating], valid: Mask | None = None
) -> dict[str, float]:
    """The usual figures of one normal map (H, W, 3), both in the same frame; `valid` is (H, W).

    `mean_deg` and `median_deg` of the angular error a (what Vision Banana reports, Table 7), `rmse_deg` sqrt mean a^2,
    `share_5`, `share_11_25`, `share_22_5`, `share_30`: share of pixels with an error below so many degrees (Fouhey et
    al., ICCV 2013; 5 as Bae and Davison, CVPR 2024), and `coverage`: usable predictions / pixels with a true normal
    (ours).

    A truth or prediction that is NaN, infinite or of zero length is unknown: unknown truth is not counted, an unknown
    prediction is left out of the errors and lowers `coverage`.  Without a true normal all figures are NaN; with true
    normals but no usable prediction `coverage` is 0 and the others are NaN.

    Raises:
        ConfigError: shapes differ, the last axis is not 3, or `valid` is not bool.
    """
    if truth.ndim < 1 or truth.shape[-1] != 3:  # noqa: PLR2004 -- x, y, z
        msg = f"true normals have shape {truth.shape}, expected (H, W, 3)"
        raise ConfigError(msg)
    expect_shape("prediction", prediction, truth.shape)
    x, y, z = _planes(truth)
    with np.errstate(over="ignore"):
        length2 = x * x + y * y + z * z
    known = valid_pixels(valid, length2.shape) & np.isfinite(length2) & (length2 > 0)
    count = int(np.count_nonzero(known))
    error_deg = angles_deg(prediction, truth)
    error_deg = error_deg[known & np.isfinite(error_deg)]
    if not error_deg.size:
        unknown = dict.fromkeys((*ERRORS, *SHARES_DEG), np.nan)
        return unknown | {"coverage": 0.0 if count else np.nan}
    return {
        "mean_deg": float(error_deg.mean(dtype=np.float64)),
        "median_deg": median(error_deg),
        "rmse_deg": float(np.sqrt(np.mean(error_deg * error_deg, dtype=np.float64))),
        **{name: int(np.count_nonzero(error_deg < limit)) / error_deg.size for name, limit in SHARES_DEG.items()},
        "coverage": error_deg.size / count,
    }
