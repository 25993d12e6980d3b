"""The maps that undo a lens: from each pixel of the rectified image to where the lens imaged it."""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError

Unseen = NDArray[np.bool_]
FISHEYE = ("equidistant", "fisheye")
BROWN = ("plumb_bob", "rational_polynomial")
HALF_PX = np.float32(0.5)
OUTSIDE_PX = -2.0
"""A place that no interpolation brings back into an image."""
TURN_TOLERANCE = 0.05
"""How far R times its transpose may be from the identity: files round it to a few digits."""
RADII = 4096
"""So many distances from the axis are looked at to find where a polynomial turns round."""
LEAST_SEEN = 0.01
"""Share of a rectified picture that the lens saw, below which its coefficients are taken for nonsense."""


class Maps(NamedTuple):
    """OpenCV's fixed-point maps from the rectified image to the distorted one, and where they lead out of it.

    `unseen` (H, W) is True where the lens saw nothing; None: it saw something everywhere.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    unseen: Unseen | None


def rectification_maps(model: str, d: list[float], k: list[float], r: list[float], target: CameraIntrinsics) -> Maps:
    """The maps that make what `target` sees of a camera with this distortion; camera_info's d, k and r.

    Raises:
        FrameError: a distortion model that OpenCV does not have, too few coefficients for it, or values that no camera
            has.
    """
    # In floating point: fixed-point numbers wrap around, and what lies far outside would seem to lie in the image.
    turn = _checked_turn(r)
    x, y = _float_maps(model, d, _checked_camera(k, target), turn, target)
    folded = folded_back(model, d, turn, target)
    x[folded] = y[folded] = OUTSIDE_PX
    # A pixel spans half a pixel around its centre; what is no number is in none.
    inside = (x + HALF_PX >= 0) & (x + HALF_PX < target.width) & (y + HALF_PX >= 0) & (y + HALF_PX < target.height)
    if inside.mean() < LEAST_SEEN:
        msg = (
            f"d in camera_info is {d} ({model}): rectified by it the image would show next to nothing; expected the "
            "coefficients of a lens: calibrate the camera again, or set rectification to assume_rectified if its "
            "images are rectified already"
        )
        raise FrameError(msg)
    return Maps(*cv2.convertMaps(x, y, cv2.CV_16SC2), None if inside.all() else _fixed(~inside))


def folded_back(model: str, d: list[float], turn: NDArray[np.float64], target: CameraIntrinsics) -> NDArray[np.bool_]:
    """Where (H, W) the polynomial of a lens no longer goes outwards, so that it leads back to what was seen already.

    It is fitted to the picture that was taken; farther out a polynomial of any sign turns round sooner or later.
    """
    rays = np.concatenate((target.rays(), np.ones((1, target.height, target.width), np.float32)))
    along = np.tensordot(turn.T, rays, 1)
    ahead = along[2] > 0
    radius = np.hypot(along[0], along[1]) / np.where(ahead, along[2], 1)
    reach = np.linspace(0, radius.max(initial=0, where=ahead), RADII)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        outwards = np.diff(_distorted(model, d, reach)) > 0
    first = int(outwards.argmin()) if not outwards.all() else RADII - 1
    back: NDArray[np.bool_] = ~ahead | (radius > reach[first])
    return back


def _distorted(model: str, d: list[float], radius: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where a lens images the rays of these distances from its axis (z is 1), without tangential parts."""
    if model in FISHEYE:
        angle = np.arctan(radius)
        return np.asarray(angle * np.polynomial.Polynomial([1, *d[:4]])(angle**2))
    k1, k2, _, _, k3, k4, k5, k6 = (*d[:8], *[0.0] * (8 - len(d[:8])))
    squared = radius**2
    above, below = np.polynomial.Polynomial([1, k1, k2, k3]), np.polynomial.Polynomial([1, k4, k5, k6])
    return np.asarray(radius * above(squared) / below(squared))


def _fixed(mask: Unseen) -> Unseen:
    mask.flags.writeable = False  # frames share it
    return mask


def _checked_camera(k: list[float], target: CameraIntrinsics) -> NDArray[np.float64]:
    """K as a matrix; raises FrameError if it is no camera's."""
    CameraIntrinsics(target.width, target.height, k[0], k[4], k[2], k[5])
    return np.array(k).reshape(3, 3)


def _checked_turn(r: list[float]) -> NDArray[np.float64]:
    """R as a matrix, the identity where it is not set; raises FrameError if it is no rotation."""
    turn = np.array(r, np.float64).reshape(3, 3)
    if not turn.any():
        return np.eye(3)
    if not (np.allclose(turn @ turn.T, np.eye(3), atol=TURN_TOLERANCE) and np.linalg.det(turn) > 0):
        msg = f"r in camera_info is {r}: expected a rotation (or zeros for none); calibrate the camera again"
        raise FrameError(msg)
    return turn


def _float_maps(
    model: str, d: list[float], matrix: NDArray[np.float64], turn: NDArray[np.float64], target: CameraIntrinsics
) -> tuple[NDArray[Any], NDArray[Any]]:
    if not np.isfinite(d).all():
        msg = f"d in camera_info is {d}: expected finite coefficients; calibrate the camera again"
        raise FrameError(msg)
    wanted = np.array([[target.fx, 0, target.cx], [0, target.fy, target.cy], [0, 0, 1]])
    size = (target.width, target.height)
    if model in FISHEYE and len(d) >= 4:  # noqa: PLR2004 - k1 to k4
        return cv2.fisheye.initUndistortRectifyMap(matrix, np.array(d[:4]), turn, wanted, size, cv2.CV_32FC1)
    if not any(d) or (model in BROWN and len(d) in (4, 5, 8, 12, 14)):
        return cv2.initUndistortRectifyMap(matrix, np.array(d), turn, wanted, size, cv2.CV_32FC1)
    known = ", ".join((*BROWN, *FISHEYE))
    msg = (
        f"distortion model {model!r} with {len(d)} coefficients cannot be undone here: expected one of {known}; "
        "rectify the image before (image_proc) and remap ~/input/image to image_rect"
    )
    raise FrameError(msg)
