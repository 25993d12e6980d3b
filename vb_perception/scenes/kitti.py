"""KITTI's depth selection: street images with the depth of a lidar, gathered over several scans.

One directory, `depth_selection/val_selection_cropped` as it is downloaded::

    image/DATE_drive_NNNN_sync_image_FFFFFFFFFF_image_0C.png                            8-bit colour
    groundtruth_depth/DATE_drive_NNNN_sync_groundtruth_depth_FFFFFFFFFF_image_0C.png    uint16, metres * 256, 0 unknown
    intrinsics/DATE_drive_NNNN_sync_image_FFFFFFFFFF_image_0C.txt                       K, nine numbers row by row

Source: Uhrig et al., "Sparsity invariant CNNs", 3DV 2017, and the readme of its development kit.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import BagError, FrameError
from vb_perception.scenes.picture_file import stored_pixels, stored_rgb
from vb_perception.scenes.sample import Sample

KITTI_UNITS_PER_M = 256
_FOLDERS = ("image", "groundtruth_depth", "intrinsics")
_NUMBERS = 9


def is_kitti(directory: Path) -> bool:
    """Whether the directory has the three folders."""
    return all((directory / name).is_dir() for name in _FOLDERS)


def read_kitti(directory: Path | str) -> Iterator[Sample]:
    """The frames in the order of their names; see `Sample` for shapes and units.

    The lidar's depth is sparse, so normals are unknown; nothing is labelled.

    Raises:
        BagError: No frames, or a file is missing, unreadable or of another size.
    """
    directory = Path(directory)
    pictures = sorted((directory / "image").glob("*_image_*.png"))
    if not pictures:
        msg = f"{directory}: no image/*_image_*.png in it; expected depth_selection/val_selection_cropped of KITTI"
        raise BagError(msg)
    for picture in pictures:
        rgb = stored_rgb(picture)
        height, width = rgb.shape[:2]
        nothing = np.full((height, width), -1, np.int16)
        yield Sample(
            name=f"kitti/{picture.stem}",
            rgb=rgb,
            intrinsics=_camera(directory / "intrinsics" / f"{picture.stem}.txt", width, height),
            depth_m=_depth_m(directory / "groundtruth_depth", picture, (height, width)),
            normals=np.full((height, width, 3), np.nan, np.float32),
            class_ids=nothing,
            instance_ids=nothing.copy(),
            class_names=(),
        )


def _depth_m(folder: Path, picture: Path, size: tuple[int, int]) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    path = folder / picture.name.replace("_sync_image_", "_sync_groundtruth_depth_")
    stored = stored_pixels(path)
    if stored.dtype != np.uint16 or stored.shape != size:
        found = f"{stored.dtype} {stored.shape}"
        msg = f"{path} is {found}; expected uint16 {size[1]}x{size[0]}, metres * {KITTI_UNITS_PER_M}"
        raise BagError(msg)
    return np.where(stored > 0, stored / np.float32(KITTI_UNITS_PER_M), np.float32(np.nan)).astype(np.float32)


def _camera(path: Path, width: int, height: int) -> CameraIntrinsics:
    try:
        k = [float(word) for word in path.read_text(encoding="utf-8").split()]
        if len(k) != _NUMBERS:
            msg = f"{path} holds {len(k)} numbers; expected K, nine of them row by row"
            raise BagError(msg)
        return CameraIntrinsics(width, height, k[0], k[4], k[2], k[5])
    except (OSError, ValueError, FrameError) as error:
        msg = f"{path}: {error}; expected K, nine numbers row by row"
        raise BagError(msg) from error
