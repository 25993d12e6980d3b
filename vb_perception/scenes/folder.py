"""A folder of frames -> samples, and the door through which any folder of frames is read.

Layout, per frame `NAME` (frames come in the order of their names)::

    NAME_rgb.jpg | NAME_rgb.png    8-bit colour, not turned by EXIF
    NAME_depth.png                 optional, uint16 millimetres along the optical axis, 0 unknown; size of the colours
    NAME_normals.png               optional, 3 x 16 bit: unit normals in the optical frame, x, y, z as red, green, blue,
                                   -1 as 1 and 1 as 65535, unknown (0, 0, 0); left out: derived from depth
    NAME_classes.png               optional, class ids, 255 unlabelled; 16 bits, 65535 unlabelled, where 255 is a class;
                                   size of the colours; needs classes.json
    NAME_instances.png             optional, 8 or 16 bit instance ids, 0 no object, 65535 unlabelled; of that size too
    NAME_label.png                 in place of these two: 8 or 16 bit instance ids of "object", 0 unlabelled
    classes.json                   {"classes": [name of id 0, name of id 1, ...]}, one for the folder
    camera.json                    optional, one for the folder: {"fx": .., "fy": .., "cx": .., "cy": ..} in pixels,
                                   and "width", "height" if it was calibrated at another size

Without `camera.json` a horizontal field of view of 58 degrees, square pixels and a centred principal point are assumed:
metric depth and clouds are then only as right as that guess.
"""

import json
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import BagError, FrameError
from vb_perception.scenes.normals_from_depth import normals_from_depth
from vb_perception.scenes.osd import OSD_CAMERA, read_osd
from vb_perception.scenes.picture_file import stored_pixels, stored_rgb
from vb_perception.scenes.sample import Sample

_log = logging.getLogger(__name__)
DEFAULT_FOV_DEG = 58.0
"""Horizontal field of view assumed of images whose camera is unknown; about that of a Kinect or a phone."""
FOLDER_CLASSES = ("background", "object")

_COLOUR_SUFFIXES = ("_rgb.jpg", "_rgb.jpeg", "_rgb.png")
_UNLABELLED, _UNLABELLED_WIDE = 255, 65535
_KEYS = ("fx", "fy", "cx", "cy")


def read_frames(directory: Path | str) -> Iterator[Sample]:
    """The frames of a directory: a split of OSD if it looks like one, else the layout of this module.

    OSD is told by NNN_rgb.jpg, NNN_depth.png and NNN_label.png for every frame, a README.md in or above the
    directory, and no camera.json; its labels mean more (table and objects) and its camera is known.

    Raises:
        BagError: No frames, or a file that cannot be used; the message names it.
    """
    directory = Path(directory)
    return read_osd(directory) if is_osd(directory) else read_folder(directory)


def is_osd(directory: Path) -> bool:
    """Whether the directory is a split of the Object Segmentation Database; see `read_frames`."""
    names = [p.name.removesuffix("_rgb.jpg") for p in directory.glob("*_rgb.jpg")]
    told = any((place / "README.md").is_file() for place in (directory, directory.resolve().parent))
    return (
        told
        and bool(names)
        and not (directory / "camera.json").exists()
        and all((directory / f"{n}_{kind}.png").is_file() for n in names for kind in ("depth", "label"))
        and _size(directory / f"{names[0]}_rgb.jpg") == (OSD_CAMERA.width, OSD_CAMERA.height)
    )


def read_folder(directory: Path | str) -> Iterator[Sample]:
    """The frames of a folder in this module's layout.

    Depth and normals are NaN, ids -1, where nothing is known.  NAME_label.png becomes instances of class "object".
    Intrinsics are camera.json's, resized to the frame, or 58 degrees are assumed.

    Raises:
        BagError: No frames, or a file that is unreadable, of another type or of another size than the colours.
    """
    directory = Path(directory)
    pictures = pictures_in(directory)
    names = _class_names(directory / "classes.json")
    if not (directory / "camera.json").exists():
        words = (
            "%s has no camera.json: a horizontal field of view of %g degrees is assumed, so depth is a guess in scale"
        )
        _log.warning(words, directory, DEFAULT_FOV_DEG)
    for picture in pictures:
        name = picture.stem.removesuffix("_rgb")
        rgb = stored_rgb(picture)
        camera = _camera(directory / "camera.json", rgb.shape[1], rgb.shape[0])
        depth_m = _depth_m(directory / f"{name}_depth.png", rgb)
        normals = _normals(directory / f"{name}_normals.png", rgb)
        class_ids, instance_ids = _masks(directory, name, rgb, names)
        yield Sample(
            name=f"{directory.name}/{name}",
            rgb=rgb,
            intrinsics=camera,
            depth_m=depth_m,
            normals=normals_from_depth(depth_m, camera) if normals is None else normals,
            class_ids=class_ids,
            instance_ids=instance_ids,
            class_names=names or FOLDER_CLASSES,
        )


def pictures_in(directory: Path) -> list[Path]:
    """The colours of a folder's frames, in order.

    Raises:
        BagError: There are none, or no such folder.
    """
    pictures = sorted(p for p in directory.glob("*_rgb.*") if p.name.lower().endswith(_COLOUR_SUFFIXES))
    if not pictures:
        missing = "does not exist" if not directory.exists() else "is no folder"
        found = "holds no NAME_rgb.jpg or NAME_rgb.png" if directory.is_dir() else missing
        msg = f"{directory} {found}; expected a folder of frames, laid out as docs/frames.md says"
        raise BagError(msg)
    return pictures


def _depth_m(path: Path, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    if not path.exists():
        return np.full(rgb.shape[:2], np.nan, np.float32)
    depth_mm = _fitting(path, rgb)
    if depth_mm.dtype != np.uint16:
        msg = f"{path} is {depth_mm.dtype}; expected 16 bits of millimetres, 0 unknown"
        raise BagError(msg)
    return np.where(depth_mm > 0, depth_mm / np.float32(1000), np.float32(np.nan)).astype(np.float32)


def _normals(path: Path, rgb: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    if not path.exists():
        return None
    stored = stored_pixels(path)
    if stored.dtype != np.uint16 or stored.shape != rgb.shape:
        msg = f"{path} is {stored.dtype} {stored.shape}; expected three channels of 16 bits, {rgb.shape}"
        raise BagError(msg)
    normals = ((stored[..., ::-1].astype(np.float32) - 1) / np.float32(32767) - 1).astype(np.float32)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    normals /= np.maximum(length, np.float32(1e-6))
    normals[~stored.any(-1)] = np.nan
    return normals


def _masks(
    directory: Path, name: str, rgb: NDArray[np.uint8], names: tuple[str, ...]
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Class ids and instance ids, -1 unlabelled."""
    classes, instances = directory / f"{name}_classes.png", directory / f"{name}_instances.png"
    label = directory / f"{name}_label.png"
    if label.exists() and not (classes.exists() or instances.exists()):
        ids = _ids(label, rgb, np.iinfo(np.int16).max)
        return np.where(ids > 0, 1, -1).astype(np.int16), np.where(ids > 0, ids, -1).astype(np.int16)
    nothing = np.full(rgb.shape[:2], -1, np.int16)
    if classes.exists() and not names:
        msg = f'{classes} needs {directory / "classes.json"}: {{"classes": [name of id 0, name of id 1, ...]}}'
        raise BagError(msg)
    # 255 is a class only of 16 bits, and where there are so many: masks of few classes come in 16 bits too.
    wide = len(names) > _UNLABELLED and classes.exists() and _fitting(classes, rgb).dtype == np.uint16
    unlabelled = (_UNLABELLED_WIDE,) if wide else (_UNLABELLED, _UNLABELLED_WIDE)
    class_ids = _ids(classes, rgb, len(names) - 1, unlabelled) if classes.exists() else nothing
    most = np.iinfo(np.int16).max
    return class_ids, _ids(instances, rgb, most, (_UNLABELLED_WIDE,)) if instances.exists() else nothing.copy()


def _ids(path: Path, rgb: NDArray[np.uint8], most: int, unlabelled: tuple[int, ...] = ()) -> NDArray[np.int16]:
    """Ids of 0 to `most`, -1 where the file says one of `unlabelled`."""
    stored = _fitting(path, rgb)
    known = ~np.isin(stored, unlabelled)
    if stored.dtype not in (np.uint8, np.uint16) or stored.max(initial=0, where=known) > most:
        msg = f"{path} is {stored.dtype} up to {stored.max()}; expected ids of 8 or 16 bits, at most {most}"
        raise BagError(msg)
    return np.where(known, stored, 0).astype(np.int16) - np.where(known, 0, 1).astype(np.int16)


def _class_names(path: Path) -> tuple[str, ...]:
    if not path.exists():
        return ()
    try:
        return tuple(str(name) for name in json.loads(path.read_text(encoding="utf-8"))["classes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f'{path}: {error!r}; expected {{"classes": [name of id 0, name of id 1, ...]}}'
        raise BagError(msg) from error


def _fitting(path: Path, rgb: NDArray[np.uint8]) -> NDArray[Any]:
    """An image of one channel and of the colours' size."""
    image = stored_pixels(path)
    if image.shape != rgb.shape[:2]:
        msg = f"{path} has shape {image.shape}; expected one channel of {rgb.shape[1]}x{rgb.shape[0]}, as its colours"
        raise BagError(msg)
    return image


def _size(path: Path) -> tuple[int, int]:
    """Width and height."""
    image = stored_rgb(path)
    return image.shape[1], image.shape[0]


def _camera(path: Path, width: int, height: int) -> CameraIntrinsics:
    """The folder's camera at the size of a frame."""
    if not path.exists():
        return CameraIntrinsics.from_fov(width, height, DEFAULT_FOV_DEG)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        fx, fy, cx, cy = (float(stored[key]) for key in _KEYS)
        size = int(stored.get("width", width)), int(stored.get("height", height))
        camera = CameraIntrinsics(*size, fx, fy, cx, cy)
    except (ValueError, TypeError, KeyError, AttributeError, FrameError) as error:
        msg = f"{path}: {error!r}; expected an object with numbers {', '.join(_KEYS)} (and width, height) in pixels"
        raise BagError(msg) from error
    if not math.isclose(size[0] * height, size[1] * width, rel_tol=0.01):
        msg = f"{path} is for {size[0]}x{size[1]}, the frames are {width}x{height}; expected the same aspect"
        raise BagError(msg)
    return camera.resized(width, height)
