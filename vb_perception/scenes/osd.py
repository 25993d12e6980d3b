"""The Object Segmentation Database: real Kinect frames of a robot's table, with depth and object labels.

One directory holds `NNN_rgb.jpg`, `NNN_depth.png` (uint16 mm, 0 no reading) and `NNN_label.png` (uint16: 0 unlabelled,
1-9 parts of the table, 20-29 parts of object 1, 30-39 parts of object 2, ...), all 640x480 from one camera.
Richtsfeld et al., "Segmentation of Unknown Objects in Indoor Environments", IROS 2012.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import BagError
from vb_perception.scenes.normals_from_depth import normals_from_depth
from vb_perception.scenes.picture_file import stored_pixels, stored_rgb
from vb_perception.scenes.sample import Sample

OSD_CLASSES = ("background", "table", "object")
OSD_CAMERA = CameraIntrinsics(640, 480, 525.0, 525.0, 319.5, 239.5)

_Pixel = TypeVar("_Pixel", np.uint8, np.uint16)
_TABLE, _OBJECT = 1, 2
_PARTS_PER_OBJECT = 10
_FIRST_OBJECT_LABEL = 20


def read_osd(directory: Path | str) -> Iterator[Sample]:
    """The frames of one split, in the order of their numbers; see `Sample` for shapes and units.

    Class ids index `OSD_CLASSES` (table, object), -1 where the labellers left the pixel out.  Instance ids: the table
    0, the parts of one object one number from 1 on, -1 unlabelled.  Normals: `normals_from_depth`.

    Raises:
        BagError: The directory holds no such frame, or a file is missing, unreadable or of another size.
    """
    directory = Path(directory)
    names = sorted(p.name.removesuffix("_rgb.jpg") for p in directory.glob("*_rgb.jpg"))
    if not names:
        msg = f"{directory}: no NNN_rgb.jpg in it; expected a split of OSD such as .../osd/test"
        raise BagError(msg)
    for name in names:
        yield _frame(directory, name)


def _frame(directory: Path, name: str) -> Sample:
    colours = directory / f"{name}_rgb.jpg"
    rgb = _fitting(colours, stored_rgb(colours), np.uint8)
    depth_mm, label = (
        _fitting(path, stored_pixels(path), np.uint16)
        for path in (directory / f"{name}_depth.png", directory / f"{name}_label.png")
    )
    depth_m = np.where(depth_mm > 0, depth_mm / np.float32(1000), np.float32(np.nan)).astype(np.float32)
    is_object = label >= _FIRST_OBJECT_LABEL
    class_ids = np.where(label == 0, -1, np.where(is_object, _OBJECT, _TABLE)).astype(np.int16)
    group = label.astype(np.int16) // _PARTS_PER_OBJECT - 1
    instance_ids = np.where(label == 0, -1, np.where(is_object, group, 0)).astype(np.int16)
    return Sample(
        name=f"osd/{directory.name}/{name}",
        rgb=rgb,
        intrinsics=OSD_CAMERA,
        depth_m=depth_m,
        normals=normals_from_depth(depth_m, OSD_CAMERA),
        class_ids=class_ids,
        instance_ids=instance_ids,
        class_names=OSD_CLASSES,
    )


def _fitting(path: Path, image: NDArray[Any], dtype: type[_Pixel]) -> NDArray[_Pixel]:
    """An image of the camera's size and the given dtype."""
    size = (OSD_CAMERA.height, OSD_CAMERA.width)
    if image.dtype != dtype or image.shape[:2] != size:
        msg = f"{path} is {image.dtype} {image.shape}; expected {np.dtype(dtype)} {size[1]}x{size[0]} as OSD has it"
        raise BagError(msg)
    return image.astype(dtype, copy=False)
