"""Many scenes from a few real frames of one camera: other frames' objects put on the table, and the camera turned.

Forty frames are soon known by heart, and show two or three objects each where a task has fifteen, side by side and on
one another.  Both changes keep depth and normals true; only shadows are missing.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from vb_perception.scenes.sample import Sample, Samples
from vb_perception.training.augment import GREY
from vb_perception.training.paste import Pixel, Window, cut_out, hidden, paste
from vb_perception.training.tables import Plane, inverse_depth, level_tops, table_plane

DONOR_SHARES = (0.12, 0.12, 0.11, 0.1, 0.1, 0.09, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.03)
"""How often objects of none, one, two ... twelve other frames are put into one: the table of a task is full."""
TURN_SHARE, EACH_SHARE = 0.6, 0.7
SHIFT_SHARE, STACK_SHARE = 0.45, 0.3
"""How often an object is shifted on the table, and how often it is put on another one; otherwise it stays."""
MOST_SHIFT = (0.3, 0.15)
"""How far to each side an object is put from where its own picture has it, of the picture's width and height."""
TURN_DEG = (6.0, 7.0, 10.0)
"""Standard deviation of the camera's turn about x (up and down), y (left and right) and z (roll)."""
MIN_Z = 0.05
"""Of a new ray in the old frame: what lies beside or behind the old camera is far outside its picture."""
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


def put(sample: Sample, table: Plane, donor: Sample, rng: np.random.Generator) -> None:
    """Put some of the donor's objects on the table of `sample`, whose arrays change; what is nearer hides the rest.

    All are mirrored or none; each stays where it is in its picture, is shifted, or stands on another (`_place`), with
    its foot on what is there, whatever it stood on before; what another hides in part does not come.  Nothing changes
    where the cameras or classes differ, or the donor's table cannot be told.

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
        if window is None or hidden(donor, instance, window) or rng.random() > EACH_SHARE:
            continue
        mask = (donor.instance_ids[window] == instance)[:, ::flip]
        row = int(np.flatnonzero(mask.any(1))[-1])
        foot = row, int(mask[row].argmax())
        place, stands_on = _place(sample, table, window, foot, flip, rng)
        paste(sample, stands_on, cut_out(donor, of, mask, window, foot, place, flip), rng)


def _place(
    sample: Sample, table: Plane, window: Window, foot: Pixel, flip: int, rng: np.random.Generator
) -> tuple[Window, Plane]:
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
        tops, lefts = (at - within for at, within in zip(np.nonzero(level_tops(sample, table)), foot, strict=True))
        near = (np.abs(tops - top) <= reach_v) & (np.abs(lefts - left) <= reach_u)
        near &= (tops >= 0) & (lefts >= 0) & (tops <= height - rows) & (lefts <= width - columns)
        if near.any():
            chosen = rng.choice(np.flatnonzero(near))
            top, left = int(tops[chosen]), int(lefts[chosen])
            v, u = top + foot[0], left + foot[1]
            table = table / (inverse_depth(table, v, u) * sample.depth_m[v, u])
    return (slice(top, top + rows), slice(left, left + columns)), table


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
