"""Borders of what is painted, moved to where the camera's picture has its own.

Source: the guided filter (He, Sun, Tang, "Guided Image Filtering", TPAMI 2013), its coefficients found on a reduced
picture (He, Sun, "Fast Guided Filter", arXiv 1505.00996), here over one map of ones and zeros an id.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.colours import RGB, expect_rgb
from vb_perception.errors import FrameError

Float = NDArray[np.float32]
Double = NDArray[np.float64]

EPSILON = 1e-5
"""Variance of colours in [0, 1] below which a square of the picture counts as flat."""
COARSE_RADIUS_PX = 3
"""The picture is reduced until the radius is no more than this."""
MOST_LOST = 0.75
"""Share of a thing from which on it has not moved but vanished."""
FLAT_LEVELS = 5.0
"""Standard deviation up to which the picture around a thing shows but a camera's noise, as in glare or the dark."""
LEVELS = np.float32(255)


def follow_picture(ids: NDArray[np.uint16], picture: RGB, radius_px: int) -> NDArray[np.uint16]:
    """Ids (H, W), each pixel of the id that is likeliest by the colours of the picture near it.

    Within each square the map of an id, 1 where it is and 0 elsewhere, is fitted as a linear function of red, green and
    blue; a pixel's share of an id is the mean of what the squares around it say, and the largest share wins.  So a
    border that runs beside an edge of the picture moves there, and where there is none it is smoothed.  A piece of an
    id none of which was that id's is left as it was: print on a box makes no hole in it.  So is what would be all but
    gone: something small where the picture is flat, as in glaring light.

    Args:
        ids: (H, W), 0 background, which counts like any other.
        picture: (H, W, 3) uint8, what the camera saw.
        radius_px: how far the squares reach to each side; 0 changes nothing.

    Raises:
        FrameError: the picture is not (H, W, 3) uint8.
    """
    expect_rgb(picture)
    if picture.shape[:2] != ids.shape:
        msg = f"picture of {picture.shape[:2]} beside ids of {ids.shape}: expected one size; resize the picture first"
        raise FrameError(msg)
    sizes = np.bincount(ids.ravel())
    present = np.flatnonzero(sizes)
    if radius_px < 1 or len(present) < 2:  # noqa: PLR2004 - one alone has no borders
        return ids
    guide = _Guide(picture, radius_px)
    # Shares sum to one: the largest id's is what the others leave, so that only small parts are computed.
    *others, largest = present[np.argsort(sizes[present], kind="stable")].astype(ids.dtype)
    winner, most, left = (np.full(guide.shape, value) for value in (largest, np.float32(-np.inf), np.float32(1)))
    for one in others:
        part, share = guide.share(ids == one)
        left[part] -= share
        ahead = share > most[part]
        winner[part][ahead] = one
        np.maximum(most[part], share, out=most[part])
    winner[left >= most] = largest
    moved = _without_islands(ids, winner[: ids.shape[0], : ids.shape[1]])
    return _with_what_was_lost(ids, moved, picture, radius_px)


def _without_islands(ids: NDArray[np.uint16], moved: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """`moved`, but as in `ids` where it has a piece of an id none of which was there: borders move, nothing is new."""
    out = moved.copy()
    changed = moved != ids
    for one in np.flatnonzero(np.bincount(moved[changed])):
        left, top, width, height = cv2.boundingRect((changed & (moved == one)).view(np.uint8))
        # A pixel more to each side: what a piece hangs together with, if not all of it is new.
        near = np.s_[max(top - 1, 0) : top + height + 1, max(left - 1, 0) : left + width + 1]
        count, piece = cv2.connectedComponents((moved[near] == one).view(np.uint8), connectivity=4)
        was_there = np.zeros(count, np.bool_)
        was_there[piece[~changed[near]]] = True
        was_there[0] = True  # all that is another id
        island = ~was_there[piece]
        out[near][island] = ids[near][island]
    return out


def _with_what_was_lost(
    ids: NDArray[np.uint16], moved: NDArray[np.uint16], picture: RGB, radius_px: int
) -> NDArray[np.uint16]:
    """`moved`, but with the pieces of `ids` that have all but gone where the picture shows nothing, not even them."""
    lost = (moved != ids) & (ids > 0)
    # What is thinner than this is moved or no thing; most ids need not be looked at further.
    broadly = cv2.erode(lost.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1).view(np.bool_)
    for one in np.flatnonzero(np.bincount(ids[broadly])):
        count, piece, boxes, _ = cv2.connectedComponentsWithStats((ids == one).view(np.uint8), connectivity=4)
        gone = np.bincount(piece[lost], minlength=count) >= MOST_LOST * boxes[:, cv2.CC_STAT_AREA]
        for number in np.flatnonzero(gone[1:]) + 1:
            left, top, width, height = boxes[number, :4]
            rows, columns = (
                slice(max(start - radius_px, 0), start + size + radius_px)
                for start, size in ((top, height), (left, width))
            )
            if picture[rows, columns].std((0, 1)).max() <= FLAT_LEVELS:
                moved[piece == number] = one
    return moved


class _Guide:
    """A picture, and the inverse covariance of its colours around each pixel of its reduced form."""

    def __init__(self, picture: RGB, radius_px: int) -> None:
        height, width = picture.shape[:2]
        self._factor = factor = -(-radius_px // COARSE_RADIUS_PX)
        self._radius = round(radius_px / factor)
        whole = cv2.copyMakeBorder(picture, 0, -height % factor, 0, -width % factor, cv2.BORDER_REPLICATE)
        self.shape = whole.shape[:2]
        self._fine = [plane / LEVELS for plane in cv2.split(whole)]
        # In double precision: of a picture that is nearly grey the covariance is nearly singular.
        self._coarse = [self._reduced(plane).astype(np.float64) for plane in self._fine]
        self._means = [self._mean(plane) for plane in self._coarse]
        rr, rg, rb, gg, gb, bb = (
            self._covariance(i, j) + (EPSILON if i == j else 0) for i in range(3) for j in range(i, 3)
        )
        xx, xy, xz = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
        yy, yz, zz = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
        determinant = rr * xx + rg * xy + rb * xz
        self._inverse = [[entry / determinant for entry in row] for row in ((xx, xy, xz), (xy, yy, yz), (xz, yz, zz))]

    def share(self, member: NDArray[np.bool_]) -> tuple[tuple[slice, slice], Float]:
        """How much of an id the colours around each pixel say it is, where it is any at all: which part, and that."""
        ones = np.zeros(self.shape, np.float32)
        ones[: member.shape[0], : member.shape[1]] = member
        coarse = self._reduced(ones).astype(np.float64)
        part = self._reach(coarse)
        coarse = coarse[part]
        colours, means = ([plane[part] for plane in planes] for planes in (self._coarse, self._means))
        mean = self._mean(coarse)
        together = [self._mean(colour * coarse) - of * mean for colour, of in zip(colours, means, strict=True)]
        slopes = [np.asarray(sum(a[part] * b for a, b in zip(row, together, strict=True))) for row in self._inverse]
        offset = mean - sum(a * b for a, b in zip(slopes, means, strict=True))
        size = (mean.shape[1] * self._factor, mean.shape[0] * self._factor)
        *grown, share = (cv2.resize(self._mean(plane).astype(np.float32), size) for plane in (*slopes, offset))
        rows, columns = (
            slice(s.start * self._factor, s.start * self._factor + n) for s, n in zip(part, size[::-1], strict=True)
        )
        for slope, colour in zip(grown, self._fine, strict=True):
            share = share + slope * colour[rows, columns]
        return (rows, columns), np.asarray(share)

    def _reach(self, ones: Double) -> tuple[slice, slice]:
        """The rows and columns of the reduced picture in which `ones` count."""
        reach = 2 * self._radius + 1
        spans = (np.flatnonzero(ones.any(axis)) for axis in (1, 0))
        rows, columns = (slice(max(int(at[0]) - reach, 0), int(at[-1]) + reach + 1) for at in spans)
        return rows, columns

    def _covariance(self, i: int, j: int) -> Double:
        return self._mean(self._coarse[i] * self._coarse[j]) - self._means[i] * self._means[j]

    def _mean(self, values: Double) -> Double:
        return np.asarray(cv2.blur(values, (2 * self._radius + 1,) * 2))

    def _reduced(self, values: Float) -> Float:
        size = (values.shape[1] // self._factor, values.shape[0] // self._factor)
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA))
