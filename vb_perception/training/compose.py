"""Many scenes from a few real frames of one camera: other frames' objects put on the table, and the camera turned.

Forty frames are soon known by heart.  Both changes keep depth and normals true; only shadows are missing.
Source: copy and paste as in Ghiasi et al., CVPR 2021, here with depth deciding what is hidden (ours).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from vb_perception.scenes.sample import Sample, Samples
from vb_perception.training.augment import GREY, mirrored

DONOR_SHARES = (0.25, 0.3, 0.25, 0.2)
"""How often objects of none, one, two or three other frames are put into one: the table of a task is full."""
TURN_SHARE, EACH_SHARE = 0.6, 0.6
MOST_SCALE = 1.12
"""An object is moved along its rays by up to this factor to stand on another table; its picture keeps its size."""
TURN_DEG = (6.0, 7.0, 10.0)
"""Standard deviation of the camera's turn about x (up and down), y (left and right) and z (roll)."""
FEWEST_TABLE_PX, FEWEST_SEEN = 1000, 0.3
TINT = 0.2
MIN_Z = 0.05
"""Of a new ray in the old frame: what lies beside or behind the old camera is far outside its picture."""
_Plane = NDArray[np.float64]
_T = TypeVar("_T", np.int16, np.float32)


def compose(sample: Sample, donors: Sequence[Samples], rng: np.random.Generator) -> Sample:
    """`sample` with objects of some donors among its own, and seen by a turned camera; each of it at times.

    Each donor is drawn from one of several sources, all of them alike.
    """
    for _ in range(int(rng.choice(len(DONOR_SHARES), p=DONOR_SHARES))):
        source = donors[int(rng.integers(len(donors)))]
        donor = source[int(rng.integers(len(source)))]
        sample = put(sample, mirrored(donor) if rng.random() < 0.5 else donor, rng)  # noqa: PLR2004
    if rng.random() < TURN_SHARE:
        sample = turned(sample, np.radians(rng.normal(0, TURN_DEG)))
    return sample


def put(sample: Sample, donor: Sample, rng: np.random.Generator) -> Sample:
    """Some of the donor's objects where they are in its picture, on the sample's table; what is nearer hides the rest.

    Nothing changes where the cameras or classes differ, or a table cannot be told.
    """
    to, of = table_plane(sample), table_plane(donor)
    alike = (sample.intrinsics, sample.class_names) == (donor.intrinsics, donor.class_names)
    if to is None or of is None or not alike:
        return sample
    out = replace(
        sample,
        rgb=sample.rgb.copy(),
        depth_m=sample.depth_m.copy(),
        normals=sample.normals.copy(),
        class_ids=sample.class_ids.copy(),
        instance_ids=sample.instance_ids.copy(),
    )
    number = int(sample.instance_ids.max()) + 1
    for instance, window in enumerate(find_objects(np.maximum(donor.instance_ids, 0)), 1):
        if window is None:
            continue
        mask = donor.instance_ids[window] == instance
        row = int(np.flatnonzero(mask.any(1))[-1])
        v, u = window[0].start + row, window[1].start + int(mask[row].argmax())
        scale = _inverse_depth(of, u, v) / _inverse_depth(to, u, v)
        stands = sample.class_ids[v, u] > 0 and 1 / MOST_SCALE < scale < MOST_SCALE
        if rng.random() > EACH_SHARE or not stands:
            continue
        moved_m = donor.depth_m[window] * np.float32(scale)
        likely_m = np.where(np.isnan(moved_m), np.nanmedian(moved_m[mask]), moved_m)
        seen = mask & ~(out.depth_m[window] < likely_m)
        if seen.sum() < FEWEST_SEEN * mask.sum():
            continue
        soft = cv2.GaussianBlur(seen.astype(np.float32), (3, 3), 0, borderType=cv2.BORDER_CONSTANT)[..., None]
        rgb = out.rgb[window].astype(np.float32)
        rgb += soft * (donor.rgb[window] * rng.uniform(1 - TINT, 1 + TINT, 3).astype(np.float32) - rgb)
        out.rgb[window] = np.clip(rgb, 0, 255).astype(np.uint8)
        out.depth_m[window][seen], out.normals[window][seen] = moved_m[seen], donor.normals[window][seen]
        out.class_ids[window][seen], out.instance_ids[window][seen] = donor.class_ids[window][seen], number
        number += 1
    return out


def table_plane(sample: Sample) -> _Plane | None:
    """The table as 1 / depth = a u + b v + c, 1/m over px: (a, b, c), by least squares; None if too little is seen."""
    if "table" not in sample.class_names:
        return None
    on_table = (sample.class_ids == sample.class_names.index("table")) & np.isfinite(sample.depth_m)
    if np.count_nonzero(on_table) < FEWEST_TABLE_PX:
        return None
    v, u = np.nonzero(on_table)
    some = slice(None, None, max(1, len(u) // 5000))
    rows = np.stack((u, v, np.ones_like(u)), 1)[some]
    plane, *_ = np.linalg.lstsq(
        rows.astype(np.float64), 1 / sample.depth_m[on_table][some].astype(np.float64), rcond=None
    )
    return plane


def _inverse_depth(plane: _Plane, u: int, v: int) -> float:
    return max(float(plane @ (u, v, 1)), 1e-3)


def turned(sample: Sample, angles_rad: NDArray[np.float64]) -> Sample:
    """What a camera at the same place sees, turned about x, y and z; what was not in the picture is grey and unknown.

    A point X of the old optical frame is at R X in the new one, so its depth there is exact, and normals turn along.
    """
    camera = sample.intrinsics
    new_from_old = np.eye(3)
    for axis, angle in enumerate(angles_rad):
        turn, *_ = cv2.Rodrigues(np.eye(3)[axis] * angle)
        new_from_old = turn @ new_from_old
    rays = np.concatenate((camera.rays(), np.ones((1, camera.height, camera.width), np.float32)))
    x, y, z = np.tensordot(new_from_old.T.astype(np.float32), rays, 1)
    z = np.maximum(z, MIN_Z)
    u, v = x / z * np.float32(camera.fx) + np.float32(camera.cx), y / z * np.float32(camera.fy) + np.float32(camera.cy)

    def nearest(array: NDArray[_T], unknown: float) -> NDArray[_T]:
        moved = cv2.remap(array, u, v, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=[unknown] * 3)
        return np.asarray(moved, array.dtype)

    seen = cv2.remap(sample.rgb, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=[GREY] * 3)
    return replace(
        sample,
        rgb=seen.astype(np.uint8, copy=False),
        depth_m=nearest(sample.depth_m, np.nan) / z,
        normals=nearest(sample.normals, np.nan) @ new_from_old.T.astype(np.float32),
        class_ids=nearest(sample.class_ids, -1),
        instance_ids=nearest(sample.instance_ids, -1),
    )
