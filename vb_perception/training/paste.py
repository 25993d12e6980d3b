"""An object of one picture, cut out, as another picture shows it: exact in depth and normals wherever it is put.

Source: copy and paste as in Ghiasi et al., CVPR 2021, here with depth deciding what is hidden (ours).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

from vb_perception.scenes.sample import Sample
from vb_perception.training.tables import Plane, inverse_depth

MOST_SCALE = 1.2
"""An object is moved along its rays by up to this factor to stand on another table; its picture keeps its size."""
FEWEST_SEEN = 0.3
"""Of an object: what is hidden more is not put at all."""
NEAR_PX, FEWEST_BEFORE_PX, BEFORE = 3, 10, 0.98
"""An object is hidden in part if so many pixels of others, so near to it, have less than this part of its depth."""
MOST_WITHIN = 0.03
"""Share of its pixels that an object may have before another one, if as many are behind: it would be in the other."""
FOOT_ROWS = 3
"""The lowest rows of an object, which say how far away it stood."""
TINT = 0.2
Window = tuple[slice, slice]
Pixel = tuple[int, int]


@dataclass(frozen=True, slots=True)
class CutOut:
    """An object as it comes to be at `place`, before its depth is scaled: `mask` (h, w) and what is known there."""

    place: Window
    mask: NDArray[np.bool_]
    foot: Pixel
    """Row and column, in the whole picture, of a pixel of it that stands on something,"""
    inverse_depth: float
    """and 1 / depth of what the donor's object stood on there: the table, or another object."""
    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    normals: NDArray[np.float32]
    class_ids: NDArray[np.int16]


def cut_out(
    donor: Sample, table: Plane, mask: NDArray[np.bool_], window: Window, foot: Pixel, place: Window, flip: int
) -> CutOut:
    """The donor's object at `window`, mirrored where `flip` is -1, as a camera sees it that has it at `place`.

    `mask` and `foot`, a row and column of it, are of the object as it is seen then.
    """
    camera = donor.intrinsics
    row, column = foot
    was_column = column if flip > 0 else mask.shape[1] - 1 - column
    # In a mirror column u comes to 2 cx - u.
    across_px = place[1].start - window[1].start if flip > 0 else place[1].start + window[1].stop - 1 - 2 * camera.cx
    slope = np.array((across_px / camera.fx, (place[0].start - window[0].start) / camera.fy), np.float32)
    return CutOut(
        place,
        mask,
        (place[0].start + row, place[1].start + column),
        _stood_at(donor, table, mask[:, ::flip], window, (row, was_column)),
        donor.rgb[window][:, ::flip],
        donor.depth_m[window][:, ::flip],
        _sheared(donor.normals[window][:, ::flip], flip, slope),
        donor.class_ids[window][:, ::flip],
    )


def paste(sample: Sample, stands_on: Plane, thing: CutOut, rng: np.random.Generator) -> None:
    """Put it where it stands on that plane and can be seen: moved along its rays, and tinted."""
    v, u = thing.foot
    scale = thing.inverse_depth / inverse_depth(stands_on, v, u)
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


def hidden(donor: Sample, instance: int, window: Window) -> bool:
    """Whether a part of the donor's `instance`, at `window`, is behind another of its objects."""
    rows, columns = (slice(max(side.start - NEAR_PX, 0), side.stop + NEAR_PX) for side in window)
    near = rows, columns
    ids, depth_m = donor.instance_ids[near], donor.depth_m[near]
    own_m = np.where((ids == instance) & np.isfinite(depth_m), depth_m, np.inf)
    nearest_m = minimum_filter(own_m, 2 * NEAR_PX + 1)
    before = (ids > 0) & (ids != instance) & (depth_m < BEFORE * nearest_m) & np.isfinite(nearest_m)
    return bool(np.count_nonzero(before) > FEWEST_BEFORE_PX)


def _stood_at(donor: Sample, table: Plane, mask: NDArray[np.bool_], window: Window, foot: Pixel) -> float:
    """1 / depth, in 1/m, where the donor's object at `window` stood at its `foot`: its own, or the table's if unknown.

    An object on another is nearer than the table behind its foot.  The depth of a foot that the picture cuts off below
    is unknown.
    """
    row, column = foot
    lowest = slice(max(row + 1 - FOOT_ROWS, 0), row + 1)
    depth_m = donor.depth_m[window][lowest]
    own = mask[lowest] & (depth_m > 0)
    if window[0].stop == len(donor.depth_m) or not own.any():
        return inverse_depth(table, window[0].start + row, window[1].start + column)
    # Its other columns stood as much nearer or farther as the table is there.
    aside = table[0] * (column - np.nonzero(own)[1])
    return float(np.median(1 / depth_m[own] + aside))


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
