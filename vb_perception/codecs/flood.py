"""Seeded flood fill with 16-connectivity: stage 2 of the paper's instance decoder, exact and of bounded cost."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.colours import RGB

SMALL_PX = 32
"""Components up to this many pixels are walked pixel by pixel; larger ones are found by whole-array operations."""
MOST_MOVES = 8
"""Knight's moves in a row, from piece to piece of a large component, after which it is walked all the same."""

_PAD = 2  # as far as a knight jumps, so that no neighbour needs a bounds check
_HALF = ((0, 1), (1, -1), (1, 0), (1, 1), (1, -2), (1, 2), (2, -1), (2, 1))
"""(row, column) steps to 8 of the 16 neighbours; the other 8 are their opposites."""
_KNIGHT_MOVES = np.array([abs(y * x) == 2 for y in range(-2, 3) for x in range(-2, 3)], np.uint8).reshape(5, 5)  # noqa: PLR2004


def flood_fill(rgb: RGB, foreground: NDArray[np.bool_], tau: float) -> tuple[NDArray[np.int32], int]:
    """Split the foreground (H, W) into components by colour: labels (H, W) int32 from 1, 0 elsewhere, and how many.

    The first free pixel in raster order is the seed; a free pixel next to the component joins it if its colour is
    within `tau` levels of the SEED's (Euclidean, RGB).  Next to: the 8 surrounding pixels and the 8 a knight's move
    away, which is how we read the paper's "16-connectivity".

    Work: walking takes 16 looks a pixel; besides, each component above `SMALL_PX` pixels, of which there are at most
    H W / SMALL_PX, costs at most `MOST_MOVES` passes over a few windows of about its own size.
    """
    height, width = foreground.shape
    stride = width + 2 * _PAD
    padded = np.zeros((height + 2 * _PAD, stride, 3), np.uint8)
    padded[_PAD:-_PAD, _PAD:-_PAD] = rgb
    inside = np.zeros(padded.shape[:2], np.uint8)
    inside[_PAD:-_PAD, _PAD:-_PAD] = foreground
    kin = _kin(padded, inside, tau)
    look = _looks(stride)

    free = bytearray(inside.tobytes())
    # the same memory: both ways to walk see what the other took
    free_map = np.frombuffer(free, np.uint8).reshape(inside.shape)
    red, green, blue = (padded[..., i].tobytes() for i in range(3))
    planes = np.moveaxis(padded, 2, 0).astype(np.float32)
    labels = np.zeros(free_map.shape, np.int32)
    limit = tau * tau
    walked: list[int] = []  # members of all small components, and how many each has: labelled at the end, all at once
    sizes: list[int] = []
    count = 0
    seed = free.find(1)
    while seed >= 0:
        count += 1
        r, g, b = red[seed], green[seed], blue[seed]
        free[seed] = 0
        members = [seed]
        patience = SMALL_PX
        for here in members:  # grows while it is walked
            for step in look[kin[here]]:
                there = here + step
                if free[there]:
                    dr, dg, db = red[there] - r, green[there] - g, blue[there] - b
                    if dr * dr + dg * dg + db * db <= limit:
                        free[there] = 0
                        members.append(there)
            if len(members) > patience:
                free_map.ravel()[members] = 1
                found = _component(planes, free_map, divmod(seed, stride), limit)
                if found is not None:
                    window, joined = found
                    labels[window][joined] = count
                    free_map[window][joined] = 0
                    members = []
                    break
                free_map.ravel()[members] = 0
                patience = labels.size
        walked += members
        sizes.append(len(members))
        seed = free.find(1, seed + 1)
    labels.ravel()[walked] = np.repeat(np.arange(1, count + 1), sizes)
    return labels[_PAD:-_PAD, _PAD:-_PAD], count


def _kin(padded: RGB, inside: NDArray[np.uint8], tau: float) -> memoryview:
    """For each padded pixel 16 bits, one a neighbour: both inside, and near enough that one component may hold both.

    Two pixels within tau of one seed are within 2 tau of each other in every channel.
    """
    reach = int(2 * tau)
    kin = np.zeros(inside.shape, np.uint16)
    for bit, (dy, dx) in enumerate(_HALF):
        here, there = _both_ends(dy, dx, *inside.shape)
        near = cv2.inRange(cv2.absdiff(padded[here], padded[there]), (0, 0, 0), (reach, reach, reach))
        near = cv2.bitwise_and(cv2.bitwise_and(near, inside[here]), inside[there])
        bits = near.astype(np.uint16) * np.uint16(1 << bit)
        kin[here] |= bits
        kin[there] |= bits << np.uint16(len(_HALF))
    return kin.ravel().data


@lru_cache(maxsize=8)
def _looks(stride: int) -> "_Looks":
    return _Looks(stride)


class _Looks(dict[int, tuple[int, ...]]):
    """The steps, in flat indices, that the bits of `_kin` stand for; filled as they are asked for, at most 65536."""

    def __init__(self, stride: int) -> None:
        steps = [dy * stride + dx for dy, dx in _HALF]
        self.steps = (*steps, *(-step for step in steps))

    def __missing__(self, kin: int) -> tuple[int, ...]:
        self[kin] = looks = tuple(step for bit, step in enumerate(self.steps) if kin >> bit & 1)
        return looks


def _component(
    planes: NDArray[np.float32], free: NDArray[np.uint8], seed: tuple[int, int], limit: float
) -> tuple[tuple[slice, slice], NDArray[np.bool_]] | None:
    """The component of `seed` (row, column): a window of the padded image, and the mask of the component within it.

    The window doubles until the component no longer reaches the frame of two pixels along its sides.  Nothing is free
    above the seed's row, which is the first in raster order.  None where the component is better walked.
    """
    height, width = free.shape
    top, column = seed
    bottom, left, right = min(height, top + SMALL_PX), max(0, column - SMALL_PX), min(width, column + SMALL_PX)
    colour = planes[:, top, column]
    while True:
        window = np.s_[top:bottom, left:right]
        red, green, blue = (plane[window] - level for plane, level in zip(planes, colour, strict=True))
        near = red * red + green * green + blue * blue <= limit
        near &= free[window].view(np.bool_)
        joined = _connected(near, (0, column - left))
        if joined is None:
            return None
        grow_down = bottom < height and joined[-_PAD:].any()
        grow_left = left > 0 and joined[:, :_PAD].any()
        grow_right = right < width and joined[:, -_PAD:].any()
        if not (grow_down or grow_left or grow_right):
            return window, joined
        size = max(bottom - top, right - left)
        bottom = min(height, bottom + size * bool(grow_down))
        left, right = max(0, left - size * bool(grow_left)), min(width, right + size * bool(grow_right))


def _connected(mask: NDArray[np.bool_], start: tuple[int, int]) -> NDArray[np.bool_] | None:
    """The pixels of `mask` (H, W) that are 16-connected to the one at `start` (row, column).

    8-connected pieces first, then those that a knight's move joins to the one with `start`, until there are no more.
    None where `MOST_MOVES` did not reach the end: a long chain of small pieces.
    """
    count, pieces = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    joined = np.asarray(pieces == pieces[start])
    for _ in range(MOST_MOVES):
        landed = pieces[cv2.dilate(joined.view(np.uint8), _KNIGHT_MOVES).view(np.bool_) & mask & ~joined]
        if not landed.size:
            return joined
        reached = np.zeros(count, np.bool_)
        reached[landed] = True
        joined |= reached[pieces]
    return None


def _both_ends(dy: int, dx: int, height: int, width: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a step down by dy >= 0 and across by dx starts, and where it ends, for all pixels at once."""
    left, right = max(0, -dx), max(0, dx)
    return np.s_[: height - dy, left : width - right], np.s_[dy:, right : width - left]
