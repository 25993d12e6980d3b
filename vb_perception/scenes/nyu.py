"""NYU Depth v2, the labelled frames: rooms seen by a Kinect, with filled depth, classes and instances.

One file, `nyu_depth_v2_labeled.mat` (MATLAB 7.3, which is HDF5), whose arrays are stored column by column:

- `images` (N, 3, 640, 480) uint8; `depths` (N, 640, 480) float32 metres, filled in; `rawDepths` the same, 0 unknown
- `labels` (N, 640, 480) uint16 index into `names` from 1, 0 unlabelled; `instances` uint8, a number each
- `names` (1, C) references to strings

Silberman et al., "Indoor segmentation and support inference from RGBD images", ECCV 2012.  Reading it needs h5py.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import BagError
from vb_perception.scenes.normals_from_depth import normals_from_depth
from vb_perception.scenes.sample import Sample

NYU_CAMERA = CameraIntrinsics(640, 480, 518.857901, 519.469611, 325.582449 - 1, 253.736166 - 1)
"""Of the colour camera, from the toolbox's camera_params.m, whose pixels count from 1."""
EIGEN_CROP = np.s_[45:471, 41:601]
"""Rows and columns that are scored by custom: the rest is a white frame.  Eigen et al., NeurIPS 2014."""
SUFFIX = ".mat"
_ARRAYS = ("images", "depths", "labels", "instances", "names")


def read_nyu(path: Path | str, *, crop: bool = True) -> Iterator[Sample]:
    """The frames in order; see `Sample` for shapes and units.

    With `crop`, truth outside of `EIGEN_CROP` is unknown.  Class names are those of the file behind "background", which
    no pixel is; instances of all classes are numbered through.  Normals: `normals_from_depth`.

    Raises:
        BagError: h5py is missing, the file cannot be read, or its arrays are not NYU's.
    """
    try:
        import h5py  # noqa: PLC0415 -- for this data set alone
    except ImportError as error:
        msg = f"{path}: reading it needs h5py ({error}); install it with `pip install h5py`"
        raise BagError(msg) from error
    try:
        with h5py.File(path, "r") as file:
            missing = [name for name in _ARRAYS if name not in file]
            if missing:
                msg = f"{path} has no {', '.join(missing)}; expected nyu_depth_v2_labeled.mat"
                raise BagError(msg)
            names = ("background", *(_text(file[reference]) for reference in np.ravel(file["names"])))
            for i in range(len(file["images"])):
                yield _sample(i, names, {name: file[name][i] for name in _ARRAYS[:4]}, crop=crop)
    except (OSError, KeyError) as error:
        msg = f"{path} cannot be read ({error}); expected nyu_depth_v2_labeled.mat, whole"
        raise BagError(msg) from error


def _sample(index: int, names: tuple[str, ...], stored: dict[str, NDArray[Any]], *, crop: bool) -> Sample:
    size = (NYU_CAMERA.height, NYU_CAMERA.width)
    depth_m, labels, instances = (stored[name].T for name in ("depths", "labels", "instances"))
    rgb = stored["images"].transpose(2, 1, 0)
    if rgb.shape != (*size, 3) or any(array.shape != size for array in (depth_m, labels, instances)):
        msg = f"NYU frame {index} is {rgb.shape}; expected images of 640x480 with depth and labels of that size"
        raise BagError(msg)
    inside = np.zeros(size, np.bool_)
    inside[EIGEN_CROP if crop else np.s_[:, :]] = True
    depth_m = np.where(depth_m > 0, depth_m, np.float32(np.nan)).astype(np.float32)
    normals = normals_from_depth(depth_m, NYU_CAMERA)
    depth_m[~inside], normals[~inside] = np.nan, np.nan
    labelled = inside & (labels > 0)
    _, numbered = np.unique(labels.astype(np.int64) << 8 | instances, return_inverse=True)
    is_instance = labelled & (instances > 0)
    return Sample(
        name=f"nyu/{index:04d}",
        rgb=np.ascontiguousarray(rgb, np.uint8),
        intrinsics=NYU_CAMERA,
        depth_m=depth_m,
        normals=normals,
        class_ids=np.where(labelled, labels.astype(np.int16), -1).astype(np.int16),
        instance_ids=np.where(is_instance, numbered.reshape(size) + 1, np.where(labelled, 0, -1)).astype(np.int16),
        class_names=names,
    )


def _text(characters: Any) -> str:  # noqa: ANN401 -- h5py has no types
    return "".join(chr(code) for code in np.ravel(characters))
