"""Surface normals: the angle between the predicted and the true direction."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.metrics.blocks import blocks
from vb_perception.metrics.depth import total, total_of_squares
from vb_perception.metrics.median import median
from vb_perception.metrics.valid import Mask, expect_shape, valid_pixels

Floats = NDArray[np.float32]
SHARES_DEG = {"share_5": 5.0, "share_11_25": 11.25, "share_22_5": 22.5, "share_30": 30.0}
ERRORS = ("mean_deg", "median_deg", "rmse_deg")


def angles_deg(prediction: NDArray[np.floating], truth: NDArray[np.floating]) -> Floats:
    """Angle (...,) in [0, 180] between vectors (..., 3) of any length; NaN where either is not finite or has no length.

    atan2(|u x v|, u . v): unlike arccos of the dot product it keeps float32 precision at 0 and at 180 degrees.
    Source: W. Kahan, "How Futile are Mindless Assessments of Roundoff", section 12.
    """
    u, v = (vectors.reshape(-1, 3) for vectors in (prediction, truth))
    angle_deg = np.empty(len(u), np.float32)
    for part in blocks(len(u)):
        angle_deg[part] = _angles_deg(_planes(u[part]), _planes(v[part]))
    return angle_deg.reshape(truth.shape[:-1])


def _angles_deg(u: Sequence[Floats], v: Sequence[Floats]) -> Floats:
    """Angles (N,) between vectors given as x, y, z, each (N,)."""
    one, other = np.empty_like(u[0]), np.empty_like(u[0])
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf: no direction, NaN is the answer
        along = u[0] * v[0]
        for i in (1, 2):
            along += np.multiply(u[i], v[i], out=one)
        across = np.zeros_like(along)
        for j, k in ((1, 2), (2, 0), (0, 1)):
            np.multiply(u[j], v[k], out=one)
            one -= np.multiply(u[k], v[j], out=other)
            across += np.multiply(one, one, out=one)
    np.sqrt(across, out=across)
    angle_deg: Floats = np.arctan2(across, along, out=one)
    angle_deg *= np.float32(180 / np.pi)
    nowhere = along == 0
    if nowhere.any():
        angle_deg[nowhere & (across == 0)] = np.nan
    return angle_deg


def _planes(vectors: NDArray[np.floating]) -> Sequence[Floats]:
    """x, y and z of vectors (N, 3), each contiguous."""
    return list(np.ascontiguousarray(vectors.T, np.float32))


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
    valid = valid_pixels(valid, truth.shape[:-1]).reshape(-1)
    u, v = (vectors.reshape(-1, 3) for vectors in (prediction, truth))
    count, summed, squared, errors = 0, 0.0, 0.0, []
    for part in blocks(len(u)):
        planes = _planes(v[part])
        with np.errstate(over="ignore"):
            length2 = planes[0] * planes[0] + planes[1] * planes[1] + planes[2] * planes[2]
        known = valid[part] & np.isfinite(length2) & (length2 > 0)
        count += int(np.count_nonzero(known))
        error_deg = _angles_deg(_planes(u[part]), planes)
        known &= np.isfinite(error_deg)
        errors.append(error_deg if known.all() else error_deg[known])
        summed += total(errors[-1])
        squared += total_of_squares(errors[-1])
    error_deg = np.concatenate([np.zeros(0, np.float32), *errors])
    n = error_deg.size
    if not n:
        unknown = dict.fromkeys((*ERRORS, *SHARES_DEG), np.nan)
        return unknown | {"coverage": 0.0 if count else np.nan}
    return {
        "mean_deg": summed / n,
        "median_deg": median(error_deg),
        "rmse_deg": math.sqrt(squared / n),
        **{name: int(np.count_nonzero(error_deg < limit)) / n for name, limit in SHARES_DEG.items()},
        "coverage": n / count,
    }
