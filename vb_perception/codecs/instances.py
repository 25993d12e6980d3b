"""Instances <-> RGB: a colour of the palette for each, and the paper's five-stage decoder.

Source of the decoder and its constants: Vision Banana (arXiv 2604.20329) version 3, appendix A.
"""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.colours import RGB, expect_rgb
from vb_perception.codecs.flood import flood_fill
from vb_perception.codecs.palette import Colour
from vb_perception.codecs.slots import assign_slots, slot_colours
from vb_perception.errors import ConfigError, FrameError

MAX_INSTANCES = np.iinfo(np.uint16).max
_Ids = NDArray[np.integer]


def encode_instances(ids: _Ids, background: Colour) -> RGB:
    """Paint ids (H, W), 0 background, as (H, W, 3) uint8, each instance in the colour of its slot (`assign_slots`).

    Raises:
        FrameError: an id is negative.
    """
    if int(ids.min(initial=0)) < 0:
        msg = f"instance id {int(ids.min())}: expected 0 or above; paint unlabelled pixels as background"
        raise FrameError(msg)
    height, width = ids.shape
    present, flat, counts = np.unique(ids, return_inverse=True, return_counts=True)
    flat = flat.ravel()
    rows, columns = np.indices(ids.shape)
    u = (np.bincount(flat, columns.ravel(), len(present)) / counts + 0.5) / width
    v = (np.bincount(flat, rows.ravel(), len(present)) / counts + 0.5) / height
    palette = np.full((len(present), 3), background, np.uint8)
    things = present != 0
    palette[things] = np.array(slot_colours(background), np.uint8)[assign_slots(u[things], v[things])]
    rgb: RGB = palette[flat].reshape(height, width, 3)
    return rgb


def decode_instances(
    rgb: RGB,
    background: Colour,
    tau: float = 14.0,
    min_area: float = 2e-4,
    min_erosion: float = 0.1,
    gamma: float = 5.0,
) -> NDArray[np.uint16]:
    """Read (H, W, 3) uint8 as instance ids (H, W) uint16, 0 background, counted in raster order.

    The five stages, with the paper's constants as defaults:

    1. Background: squared distance to `background` below tau^2.
    2. The rest: flood fill from seeds (`flood_fill`), squared distance to the seed's colour at most tau^2.
    3. Drop components of fewer pixels than `min_area` H W.
    4. Drop halos: components that a 3x3 erosion leaves less than `min_erosion` of.  Beyond the image's edge counts as
       inside, so that what the edge cuts off is not thin there (ours; the paper is silent).
    5. Merge every two components whose mean colours are within tau and whose common bounding box is at most `gamma`
       times the sum of their own.  Pairs are judged as they came out of stage 4; merging is transitive (ours).

    Raises:
        FrameError: `rgb` is not (H, W, 3) uint8.
        ConfigError: a constant is out of range.
    """
    expect_rgb(rgb)
    if not (tau > 0 and 1 / MAX_INSTANCES <= min_area <= 1 and 0 <= min_erosion <= 1 and gamma >= 0):
        msg = (
            f"instance decoder with {tau=} {min_area=} {min_erosion=} {gamma=}: expected tau above zero, "
            f"min_area in [1/{MAX_INSTANCES}, 1], min_erosion in [0, 1], gamma not negative"
        )
        raise ConfigError(msg)
    levels = np.moveaxis(rgb, 2, 0).astype(np.float32, order="C")
    labels, count = flood_fill(rgb, _distance2(levels, background) >= tau * tau, tau)
    labels = np.ascontiguousarray(labels)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    keep = sizes >= min_area * labels.size
    keep &= np.bincount(_eroded(labels).ravel(), minlength=count + 1) >= min_erosion * sizes
    keep[0] = False
    labels = np.where(keep, np.cumsum(keep), 0).astype(np.int32)[labels]

    sizes, count = sizes[keep], int(keep.sum())
    member = np.flatnonzero(labels)
    owner = labels.ravel()[member]
    total = np.stack([np.bincount(owner, plane.ravel()[member], count + 1)[1:] for plane in levels], 1)
    pairs = _alike(total / sizes[:, None], _boxes(owner, member, rgb.shape[1], count), tau, gamma)
    _, group = np.unique(_join(count, pairs), return_inverse=True)
    ids: NDArray[np.uint16] = np.concatenate(([0], group + 1)).astype(np.uint16)[labels]
    return ids


def _distance2(levels: NDArray[np.float32], colour: Colour) -> NDArray[np.float32]:
    """Squared distance (H, W) of levels (3, H, W) to a colour."""
    red, green, blue = (np.square(plane - level) for plane, level in zip(levels, colour, strict=True))
    squared: NDArray[np.float32] = red + green + blue
    return squared


def _eroded(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Labels (H, W) where the whole 3x3 neighbourhood has the same one, 0 elsewhere."""
    exact = labels.astype(np.float32)  # cv2 erodes no int32; labels are below 2^24
    square = np.ones((3, 3), np.uint8)
    same = cv2.erode(exact, square) == cv2.dilate(exact, square)
    return np.where(same, labels, 0)


def _boxes(owner: NDArray[np.integer], member: NDArray[np.intp], width: int, count: int) -> NDArray[np.int64]:
    """Bounding boxes (count, 4): top, left, bottom, right, the last two past the end."""
    rows, columns = np.divmod(member, width)
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(1, count + 1))
    if not count:
        return np.zeros((0, 4), np.int64)
    rows, columns = rows[order], columns[order]
    ends = (np.maximum.reduceat(x, starts) + 1 for x in (rows, columns))
    return np.stack((*(np.minimum.reduceat(x, starts) for x in (rows, columns)), *ends), 1)


def _alike(mean: NDArray[np.float64], boxes: NDArray[np.int64], tau: float, gamma: float) -> Iterator[tuple[int, int]]:
    """Stage 5: pairs of components to merge, numbered from 0."""
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    for a in range(len(mean) - 1):
        rest = np.s_[a + 1 :]
        extent = np.maximum(boxes[rest, 2:], boxes[a, 2:]) - np.minimum(boxes[rest, :2], boxes[a, :2])
        alike = np.square(mean[rest] - mean[a]).sum(1) <= tau * tau
        alike &= extent.prod(axis=1) <= gamma * (area[rest] + area[a])
        yield from ((a, a + 1 + int(b)) for b in np.flatnonzero(alike))


def _join(count: int, pairs: Iterable[tuple[int, int]]) -> NDArray[np.intp]:
    """Union-find: for each of 0..count-1 the smallest number that the pairs join it to, (count,)."""
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return np.array([root(i) for i in range(count)], np.intp)
