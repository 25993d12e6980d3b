"""Many scenes from a few real frames of one camera: other frames' objects put on the table, and the camera turned.

Forty frames are soon known by heart, and show two or three objects each where a task has fifteen, side by side and on
one another.  Both changes keep depth and normals true; only shadows are missing.
Source: copy and paste as in Ghiasi et al., CVPR 2021, here with depth deciding what is hidden (ours).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, minimum_filter

from vb_perception.scenes.sample import Sample, Samples
from vb_perception.training.augment import GREY

DONOR_SHARES = (0.12, 0.12, 0.11, 0.1, 0.1, 0.09, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.03)
"""How often objects of none, one, two ... twelve other frames are put into one: the table of a task is full."""
TURN_SHARE, EACH_SHARE = 0.6, 0.7
SHIFT_SHARE, STACK_SHARE = 0.45, 0.3
"""How often an object is shifted on the table, and how often it is put on another one; otherwise it stays."""
MOST_SHIFT = (0.3, 0.15)
"""How far to each side an object is put from where its own picture has it, of the picture's width and height."""
MOST_SCALE = 1.2
"""An object is moved along its rays by up to this factor to stand on another table; its picture keeps its size."""
TURN_DEG = (6.0, 7.0, 10.0)
"""Standard deviation of the camera's turn about x (up and down), y (left and right) and z (roll)."""
TOP_COS = 0.95
"""Something can stand where a normal is this near to the table's."""
NEAR_PX, FEWEST_BEFORE_PX, BEFORE = 3, 10, 0.98
"""An object is hidden in part if so many pixels of others, so near to it, have less than this part of its depth."""
FEWEST_TABLE_PX, FEWEST_SEEN = 1000, 0.3
MOST_WITHIN = 0.03
"""Share of its pixels that an object may have before another one, if as many are behind: it would be in the other."""
TINT = 0.2
MIN_Z = 0.05
"""Of a new ray in the old frame: what lies beside or behind the old camera is far outside its picture."""
_Plane = NDArray[np.float64]
_Window = tuple[slice, slice]
_Pixel = tuple[int, int]
_T = TypeVar("_T", np.int16, np.float32)


def compose(sample: Sample, donors: Sequence[Samples], rng: np.random.Generator) -> Sample:
    """`sample` with objects of some donors among its own, and seen by a turned camera; each of it at times.

    Each donor is drawn from one of several sources, all of them alike.  Nothing is put where a table cannot be told.
    """
    sample = crowd(sample, donors, int(rng.choice(len(DONOR_SHARES), p=DONOR_SHARES)), rng)
    if rng.random() < TURN_SHARE:
        sample = turned(sample, np.radians(rng.normal(0, TURN_DEG)))
    return sample


def crowd(sample: Sample, donors: Sequence[Samples], number: int, rng: np.random.Generator) -> Sample:
    """`sample` with objects of so many donors among its own."""
    table = table_plane(sample) if number else None
    if table is None:
        return sample
    sample = replace(sample, **{name: getattr(sample, name).copy() for name in _ARRAYS})
    for _ in range(number):
        source = donors[int(rng.integers(len(donors)))]
        put(sample, table, source[int(rng.integers(len(source)))], rng)
    return sample


_ARRAYS = ("rgb", "depth_m", "normals", "class_ids", "instance_ids")


def put(sample: Sample, table: _Plane, donor: Sample, rng: np.random.Generator) -> None:
    """Put some of the donor's objects on the table of `sample`, whose arrays change; what is nearer hides the rest.

    All are mirrored or none; each stays where it is in its picture, is shifted, or stands on another (`_place`); what
    another hides in part does not come.  Nothing changes where the cameras or classes differ, or the donor's table
    cannot be told.

    Args:
        sample: what they are put into.
        table: its `table_plane`.
        donor: whose objects they are.
        rng: which of them, and where.
    """
    of = table_plane(donor)
    if of is None or (sample.intrinsics, sample.class_names) != (donor.intrinsics, donor.class_names):
        return
    flip = -1 if rng.random() < 0.5 else 1  # noqa: PLR2004
    for instance, window in enumerate(find_objects(np.maximum(donor.instance_ids, 0)), 1):
        if window is None or _hidden(donor, instance, window) or rng.random() > EACH_SHARE:
            continue
        mask = (donor.instance_ids[window] == instance)[:, ::flip]
        row = int(np.flatnonzero(mask.any(1))[-1])
        foot = row, int(mask[row].argmax())
        place, stands_on = _place(sample, table, window, foot, flip, rng)
        _paste(sample, stands_on, _cut_out(donor, of, mask, window, foot, place, flip), rng)


@dataclass(frozen=True, slots=True)
class _CutOut:
    """An object as it comes to be at `place`, before its depth is scaled: `mask` (h, w) and what is known there."""

    place: _Window
    mask: NDArray[np.bool_]
    foot: tuple[int, int]
    """Row and column, in the whole picture, of a pixel of it that stands on something,"""
    inverse_depth: float
    """and 1 / depth of the donor's table where that pixel was."""
    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    normals: NDArray[np.float32]
    class_ids: NDArray[np.int16]


def _cut_out(
    donor: Sample, table: _Plane, mask: NDArray[np.bool_], window: _Window, foot: _Pixel, place: _Window, flip: int
) -> _CutOut:
    """The donor's object at `window`, mirrored where `flip` is -1, as a camera sees it that has it at `place`.

    `mask` and `foot`, a row and column of it, are of the object as it is seen then.
    """
    camera = donor.intrinsics
    row, column = foot
    was_v, was_u = window[0].start + row, window[1].start + (column if flip > 0 else mask.shape[1] - 1 - column)
    # In a mirror column u comes to 2 cx - u.
    across_px = place[1].start - window[1].start if flip > 0 else place[1].start + window[1].stop - 1 - 2 * camera.cx
    slope = np.array((across_px / camera.fx, (place[0].start - window[0].start) / camera.fy), np.float32)
    return _CutOut(
        place,
        mask,
        (place[0].start + row, place[1].start + column),
        _inverse_depth(table, was_v, was_u),
        donor.rgb[window][:, ::flip],
        donor.depth_m[window][:, ::flip],
        _sheared(donor.normals[window][:, ::flip], flip, slope),
        donor.class_ids[window][:, ::flip],
    )


def _paste(sample: Sample, stands_on: _Plane, thing: _CutOut, rng: np.random.Generator) -> None:
    """Put it where it stands on that plane and can be seen: moved along its rays, and tinted."""
    v, u = thing.foot
    scale = thing.inverse_depth / _inverse_depth(stands_on, v, u)
    if sample.class_ids[v, u] <= 0 or not 1 / MOST_SCALE < scale < MOST_SCALE:
        return
    place, mask = thing.place, thing.mask
    moved_m = thing.depth_m * np.float32(scale)
    likely_m = np.where(np.isnan(moved_m), np.nanmedian(moved_m[mask]), moved_m)
    seen = mask & ~(sample.depth_m[place] < likely_m)
    if seen.sum() < FEWEST_SEEN * mask.sum() or _within(seen, mask, sample.instance_ids[place]):
        return
    soft = cv2.GaussianBlur(seen.astype(np.float32), (3, 3), 0, borderType=cv2.BORDER_CONSTANT)[..., None]
    rgb = sample.rgb[place].astype(np.float32)
    rgb += soft * (thing.rgb * rng.uniform(1 - TINT, 1 + TINT, 3).astype(np.float32) - rgb)
    number = int(sample.instance_ids.max()) + 1
    sample.rgb[place] = np.clip(rgb, 0, 255).astype(np.uint8)
    for known, of in (
        (sample.depth_m, moved_m),
        (sample.normals, thing.normals),
        (sample.class_ids, thing.class_ids),
        (sample.instance_ids, np.full_like(thing.class_ids, number)),
    ):
        known[place][seen] = of[seen]


def _hidden(donor: Sample, instance: int, window: _Window) -> bool:
    """Whether a part of the donor's `instance`, at `window`, is behind another of its objects."""
    rows, columns = (slice(max(side.start - NEAR_PX, 0), side.stop + NEAR_PX) for side in window)
    near = rows, columns
    ids, depth_m = donor.instance_ids[near], donor.depth_m[near]
    own_m = np.where((ids == instance) & np.isfinite(depth_m), depth_m, np.inf)
    nearest_m = minimum_filter(own_m, 2 * NEAR_PX + 1)
    before = (ids > 0) & (ids != instance) & (depth_m < BEFORE * nearest_m) & np.isfinite(nearest_m)
    return bool(np.count_nonzero(before) > FEWEST_BEFORE_PX)


def _place(
    sample: Sample, table: _Plane, window: _Window, foot: _Pixel, flip: int, rng: np.random.Generator
) -> tuple[_Window, _Plane]:
    """Where an object that is at `window` (rows, columns) comes to be: mirrored or not, shifted, or on another.

    What its own picture cuts off stays at that border.  `foot` is the row and column in it where it stands.  With the
    place comes the plane that it stands on: what is level with the table is so many times its 1 / depth.
    """
    height, width = sample.instance_ids.shape
    top, left = window[0].start, window[1].start
    rows, columns = window[0].stop - top, window[1].stop - left
    if flip < 0:
        left = width - left - columns
    cut = top == 0 or left == 0 or top + rows == height or left + columns == width
    draw = 1.0 if cut else rng.random()
    reach_v, reach_u = MOST_SHIFT[1] * height, MOST_SHIFT[0] * width
    if draw < SHIFT_SHARE:
        down, right = rng.uniform(-1, 1, 2)
        top = int(np.clip(top + round(down * reach_v), 0, height - rows))
        left = int(np.clip(left + round(right * reach_u), 0, width - columns))
    elif draw < SHIFT_SHARE + STACK_SHARE:
        tops, lefts = (at - within for at, within in zip(np.nonzero(_tops(sample, table)), foot, strict=True))
        near = (np.abs(tops - top) <= reach_v) & (np.abs(lefts - left) <= reach_u)
        near &= (tops >= 0) & (lefts >= 0) & (tops <= height - rows) & (lefts <= width - columns)
        if near.any():
            chosen = rng.choice(np.flatnonzero(near))
            top, left = int(tops[chosen]), int(lefts[chosen])
            v, u = top + foot[0], left + foot[1]
            table = table / (_inverse_depth(table, v, u) * sample.depth_m[v, u])
    return (slice(top, top + rows), slice(left, left + columns)), table


def _tops(sample: Sample, table: _Plane) -> NDArray[np.bool_]:
    """Where the objects of `sample` are flat and level as the table is, (H, W): something can stand on them there."""
    camera = sample.intrinsics
    # Where 1 / depth = a u + b v + c, points X have n X = 1 for n = (a fx, b fy, a cx + b cy + c), which points away.
    away = np.array((table[0] * camera.fx, table[1] * camera.fy, table @ (camera.cx, camera.cy, 1)))
    up = (-away / np.linalg.norm(away)).astype(np.float32)
    return (sample.instance_ids > 0) & np.isfinite(sample.depth_m) & (sample.normals @ up > TOP_COS)


def _within(seen: NDArray[np.bool_], mask: NDArray[np.bool_], others: NDArray[np.int16]) -> bool:
    """Whether an object, `seen` of its `mask` in front, would stand in one of the `others` (ids); all (h, w)."""
    behind = np.bincount(others[mask & ~seen & (others > 0)])
    before = np.bincount(others[seen & (others > 0)], minlength=len(behind))[: len(behind)]
    return bool((np.minimum(behind, before) > MOST_WITHIN * mask.sum()).any())


def _sheared(normals: NDArray[np.float32], flip: int, slope: NDArray[np.float32]) -> NDArray[np.float32]:
    """Normals (..., 3) of what is mirrored, then moved aside by `slope` times its depth, as a shifted picture is.

    A point (x, y, z) comes to (x + slope_x z, y + slope_y z, z): just this is what a picture shows whose pixels are all
    shifted alike.  Normals follow by the inverse transpose.
    """
    out = normals * np.array((flip, 1, 1), np.float32)
    out[..., 2] -= out[..., :2] @ slope
    out /= np.linalg.norm(out, axis=-1, keepdims=True)
    return out


def table_plane(sample: Sample) -> _Plane | None:
    """The table as 1 / depth = a u + b v + c, 1/m over px: (a, b, c), by least squares; None if too little is seen."""
    if "table" not in sample.class_names:
        return None
    on_table = (sample.class_ids == sample.class_names.index("table")) & np.isfinite(sample.depth_m)
    if np.count_nonzero(on_table) < FEWEST_TABLE_PX:
        return None
    some = np.flatnonzero(on_table)
    some = some[:: max(1, len(some) // 5000)]
    v, u = np.divmod(some, on_table.shape[1])
    rows = np.stack((u, v, np.ones_like(u)), 1).astype(np.float64)
    inverse_depth = 1 / sample.depth_m.ravel()[some].astype(np.float64)
    return np.asarray(np.linalg.lstsq(rows, inverse_depth, rcond=None)[0], np.float64)


def _inverse_depth(plane: _Plane, v: int, u: int) -> float:
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
