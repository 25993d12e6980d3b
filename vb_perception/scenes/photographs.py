"""Photographs that the scikit-image wheel carries; one of them, a motorcycle, has metric depth.

Nothing is downloaded: a file that the wheel lacks is an error.  The motorcycle is from the Middlebury 2014 stereo sets
(Scharstein et al., GCPR 2014): depth = baseline * f / (disparity + doffs).
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import BagError, ConfigError
from vb_perception.scenes.folder import DEFAULT_FOV_DEG
from vb_perception.scenes.normals_from_depth import normals_from_depth
from vb_perception.scenes.sample import Sample

MOTORCYCLE_F_PX, MOTORCYCLE_BASELINE_M, MOTORCYCLE_DOFFS_PX = 994.978, 0.193001, 31.086
MOTORCYCLE_CX_PX, MOTORCYCLE_CY_PX = 311.193, 254.877
PHOTOGRAPHS = ("coffee", "astronaut", "chelsea", "rocket", "motorcycle")

_FILES = {"rocket": "rocket.jpg", "motorcycle": "motorcycle_left.png"}
_DISPARITY = "motorcycle_disp.npz"


def read_photographs(names: tuple[str, ...] = PHOTOGRAPHS) -> Iterator[Sample]:
    """The named photographs; all but the motorcycle have no truth (depth and normals NaN, ids -1).

    The motorcycle's intrinsics are those of its data set; the others are assumed to have a horizontal field of view of
    `DEFAULT_FOV_DEG` (58), since their cameras are unknown.

    Raises:
        ConfigError: A name that is not in `PHOTOGRAPHS`.
        BagError: scikit-image is not installed, or its wheel lacks a file.
    """
    for name in names:
        if name not in PHOTOGRAPHS:
            msg = f"unknown photograph {name!r}: expected one of {', '.join(PHOTOGRAPHS)}"
            raise ConfigError(msg)
    directory = _directory()
    for name in names:
        rgb = _picture(directory / _FILES.get(name, f"{name}.png"))
        height, width = rgb.shape[:2]
        if name == "motorcycle":
            focal = MOTORCYCLE_F_PX
            camera = CameraIntrinsics(width, height, focal, focal, MOTORCYCLE_CX_PX, MOTORCYCLE_CY_PX)
            depth_m = _motorcycle_depth_m(directory / _DISPARITY)
        else:
            camera = CameraIntrinsics.from_fov(width, height, DEFAULT_FOV_DEG)
            depth_m = np.full((height, width), np.nan, np.float32)
        unlabelled = np.full((height, width), -1, np.int16)
        yield Sample(
            name=f"photograph/{name}",
            rgb=rgb,
            intrinsics=camera,
            depth_m=depth_m,
            normals=normals_from_depth(depth_m, camera),
            class_ids=unlabelled,
            instance_ids=unlabelled.copy(),
            class_names=("background",),
        )


def _directory() -> Path:
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        msg = "the photographs are files of scikit-image, which is not installed; `pip install scikit-image`"
        raise BagError(msg)
    return Path(spec.origin).parent / "data"


def _existing(path: Path) -> Path:
    if not path.is_file():
        msg = f"{path} is missing from the installed scikit-image; `pip install --force-reinstall scikit-image`"
        raise BagError(msg)
    return path


def _picture(path: Path) -> NDArray[np.uint8]:
    bgr = cv2.imread(str(_existing(path)), cv2.IMREAD_COLOR)
    if bgr is None:
        msg = f"{path} cannot be read as an image; `pip install --force-reinstall scikit-image`"
        raise BagError(msg)
    return np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8, copy=False)


def _motorcycle_depth_m(path: Path) -> NDArray[np.float32]:
    """Metres along the optical axis, NaN where the disparity is unknown."""
    with np.load(_existing(path)) as stored:
        disparity_px = stored["arr_0"].astype(np.float64)
    known = np.isfinite(disparity_px) & (disparity_px > 0)
    reach = np.where(known, disparity_px + MOTORCYCLE_DOFFS_PX, np.nan)
    return (MOTORCYCLE_BASELINE_M * MOTORCYCLE_F_PX / reach).astype(np.float32)
