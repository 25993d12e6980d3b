"""Metric depth <-> RGB: Barron's power transform, then a walk along seven edges of the RGB cube.

Sources: Vision Banana (arXiv 2604.20329) section 3 and equation 1; Barron, "A Power Transform" (arXiv 2502.10647).
Depth is z-depth in metres: the distance from the camera plane, not along the ray.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vb_perception.codecs.colour_maps import COLOUR_MAPS, RAINBOW, colours_at, nearest_position, unsure_stops
from vb_perception.codecs.colours import RGB, confidence_from_squared, expect_rgb
from vb_perception.codecs.palette import Colour
from vb_perception.errors import ConfigError, FrameError

Array = NDArray[np.float64]

WALK = (np.array(COLOUR_MAPS[RAINBOW]) // 255).astype(np.uint8)
"""Corners (8, 3): black, red, yellow, green, cyan, blue, magenta, white; neighbours differ in one channel."""
EDGES = len(WALK) - 1
LEVELS = 255
LAST = EDGES * LEVELS
"""Number of the last 8-bit colour on the walk; colours are numbered 0 (black) to LAST (white)."""
_POSITION_BITS = 11
_BLOCK_PX = 16384  # temporaries of 64 KB: they stay in the cache, and malloc does not hand their pages back every time
_LIMIT = 1e-18  # |lambda| below this, or above its inverse: the limit 0 or infinity to within float64 rounding


def power_transform(x: ArrayLike, lam: float) -> Array:
    """Barron's power transform f(x, lambda), root form, float64, for x >= 0 of any shape (no unit).

    f(0) = 0, f'(0) = 1, increasing in x and in lambda; f(., 0) is the identity.  Bounded by lambda / (lambda + 1) for
    lambda < -1; for lambda > 1 it reaches +inf at x = lambda / (lambda - 1) and stays there.  The singular lambdas
    (0, -1, 1, -inf, inf) have closed forms here; -1/2 and 1/2 are ordinary points of the general form.

    Raises:
        ConfigError: lambda is NaN, or an x is negative (NaN in x stays NaN).
    """
    x = np.asarray(x, np.float64)
    if math.isnan(lam):
        msg = "power transform with lambda NaN: expected a number or an infinity"
        raise ConfigError(msg)
    if np.any(x < 0):
        msg = f"power transform of {float(np.nanmin(x))}: defined for values of 0 and above; remove negative ones first"
        raise ConfigError(msg)
    if abs(lam) < _LIMIT:
        return x.copy()
    if abs(lam) > 1 / _LIMIT:
        lam = math.copysign(math.inf, lam)
    # over: exp beyond float64; divide: log1p(-1) at the pole; nothing is invalid, arguments are clamped at the pole
    with np.errstate(divide="ignore", over="ignore"):
        return _compress(x, -lam) if lam < 0 else _expand(x, lam)


def _compress(x: Array, a: float) -> Array:
    """The transform for lambda = -a below zero; expm1 and log1p keep it exact near x = 0 and near a = 1."""
    out: Array
    if a == 1:
        out = np.log1p(x)
    elif math.isinf(a):
        out = -np.expm1(-x)
    else:
        out = a / (1 - a) * np.expm1((1 - a) * np.log1p(x / a))
    return out


def _expand(x: Array, a: float) -> Array:
    """The transform for lambda = a above zero; from the pole a / (a - 1) upwards it is +inf."""
    out: Array
    if a == 1:
        out = np.expm1(x)
    elif math.isinf(a):
        out = -np.log1p(-np.minimum(x, 1.0))
    else:
        out = a * np.expm1(np.log1p(np.maximum((1 - a) / a * x, -1.0)) / (1 - a))
    return out


def inverse_power_transform(y: ArrayLike, lam: float) -> Array:
    """The x with f(x, lambda) = y, which is f(y, -lambda); +inf from the bound of f upwards."""
    return power_transform(y, -lam)


@dataclass(frozen=True, slots=True)
class DepthCodec:
    """Metric depth as a colour on the cube walk.

    `lam` (lambda < -1) and `scale_m` (c, metres) shape the curve; the paper uses -3 and 10/3 in all experiments.  Depth
    beyond `max_range_m` decodes to NaN (unknown, the default) or +inf, as `beyond` says: near white, one level is
    metres and at last infinity (ours).  `colour_map` is what the curve is painted in: the paper's walk, or one of
    `colour_maps.COLOUR_MAPS`, which have fewer colours and are read less exactly.
    """

    lam: float = -3.0
    scale_m: float = 10.0 / 3.0
    max_range_m: float = 80.0
    beyond: Literal["nan", "inf"] = "nan"
    colour_map: str = RAINBOW

    def __post_init__(self) -> None:
        """Refuse curves that are unbounded, and ranges that nothing can lie in."""
        if not self.lam < -1:
            msg = f"depth codec with lambda {self.lam}: expected below -1, as the paper's -3; others are unbounded"
            raise ConfigError(msg)
        if not (0 < self.scale_m < math.inf and 0 < self.max_range_m < math.inf):
            msg = (
                f"depth codec with scale {self.scale_m} m, range {self.max_range_m} m: expected finite ones above zero"
            )
            raise ConfigError(msg)
        if self.beyond not in ("nan", "inf"):
            msg = f"depth codec with beyond={self.beyond!r}: expected 'nan' (unknown) or 'inf' (infinite)"
            raise ConfigError(msg)
        if self.colour_map not in COLOUR_MAPS:
            msg = f"depth codec with colour map {self.colour_map!r}: expected one of {', '.join(COLOUR_MAPS)}"
            raise ConfigError(msg)

    @property
    def stops(self) -> tuple[Colour, ...]:
        """The colours of f = 0 ... 1 in equal steps, in between which colours are mixed."""
        return COLOUR_MAPS[self.colour_map]

    @property
    def unsure_stops(self) -> tuple[Colour, ...]:
        """The colours beside the stops that mean the same with no confidence."""
        return unsure_stops(self.stops)

    @property
    def _bound(self) -> float:
        return float(power_transform(np.inf, self.lam))

    def curve(self, depth_m: ArrayLike) -> Array:
        """Position f in [0, 1) on the walk, float64; 1 at infinite depth.  Eq. 1: 1 - (1 - d / (lam c))^(lam + 1)."""
        return power_transform(np.asarray(depth_m, np.float64) / self.scale_m, self.lam) / self._bound

    def inverse_curve(self, f: ArrayLike) -> Array:
        """Depth in metres, float64, at position f in [0, 1]; +inf at 1."""
        f = np.asarray(f, np.float64)
        depth_m = inverse_power_transform(f * self._bound, self.lam) * self.scale_m
        return np.where(f < 1, depth_m, np.where(np.isnan(f), np.nan, np.inf))

    def encode(self, depth_m: NDArray[np.floating]) -> RGB:
        """Paint depth (H, W) in metres as (H, W, 3) uint8; NaN black, +inf white.

        Raises:
            FrameError: a depth is negative.
        """
        if np.any(depth_m < 0):
            msg = f"depth of {float(np.nanmin(depth_m))} m: expected 0 or more, NaN where unknown"
            raise FrameError(msg)
        f = np.nan_to_num(self.curve(depth_m), nan=0.0)
        if self.colour_map != RAINBOW:
            return colours_at(f, self.stops)
        position = np.rint(LAST * f).astype(np.intp)
        rgb: RGB = _COLOURS[position]
        return rgb

    def decode(self, rgb: RGB) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Read (H, W, 3) uint8 as depth (H, W) float32 in metres and confidence (H, W) float32.

        Every colour is read as the nearest point of the walk; confidence = exp(-distance / 16 levels).  Black is depth
        zero, which no camera can measure and which unknown depth is painted as: it reads as NaN (ours).  Confidence is
        0 wherever depth is NaN.

        Raises:
            FrameError: `rgb` is not (H, W, 3) uint8.
        """
        expect_rgb(rgb)
        table = depth_table(self)
        pixels = rgb.reshape(-1, 3)
        depth_m = np.empty(len(pixels), np.float32)
        confidence = np.empty(len(pixels), np.float32)
        for start in range(0, len(pixels), _BLOCK_PX):
            block = np.s_[start : start + _BLOCK_PX]
            position, distance2 = self._nearest(pixels[block])
            depth_m[block] = table[position]
            confidence[block] = confidence_from_squared(distance2)
        confidence[np.isnan(depth_m)] = 0
        return depth_m.reshape(rgb.shape[:2]), confidence.reshape(rgb.shape[:2])

    def _nearest(self, pixels: RGB) -> tuple[NDArray[np.int32], NDArray[np.generic]]:
        """Position in steps of 1 / LAST and squared distance in levels."""
        if self.colour_map == RAINBOW:
            return nearest_on_walk(pixels)
        f, distance2 = nearest_position(pixels, self.stops)
        return np.rint(LAST * f).astype(np.int32), distance2


def nearest_on_walk(rgb: RGB) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Number (0 to LAST) of the walk's colour nearest to each of (..., 3), and squared distance in levels; (...) int32.

    Every edge is parallel to an axis and as long as the cube, so the projection of a colour on it is one of the
    colour's own channels and never has to be clamped; the distance is made of the other two.  Distance and number are
    packed in one integer so that a plain minimum finds the nearest edge, the first of equals.
    """
    channels = [rgb[..., i].astype(np.int32) for i in range(3)]
    flipped = [LEVELS - c for c in channels]
    # squares[corner value][channel]: squared distance to the plane where that channel is 0 or LEVELS
    squares = [[(c * c) << _POSITION_BITS for c in side] for side in (channels, flipped)]
    best = np.full(rgb.shape[:-1], np.iinfo(np.int32).max, np.int32)
    for edge in range(EDGES):
        start, end = WALK[edge], WALK[edge + 1]
        axis = int(np.flatnonzero(start != end)[0])
        i, j = (other for other in range(3) if other != axis)
        packed = squares[start[i]][i] + squares[start[j]][j]
        packed += channels[axis] if end[axis] else flipped[axis]
        packed += edge * LEVELS
        np.minimum(best, packed, out=best)
    return best & ((1 << _POSITION_BITS) - 1), best >> _POSITION_BITS


def _walk_colours() -> RGB:
    """The colours of the walk by number, (LAST + 1, 3) uint8."""
    number = np.arange(LAST + 1)
    edge = np.minimum(number // LEVELS, EDGES - 1)
    along = (number - edge * LEVELS)[:, None]
    corners = WALK.astype(np.int64)
    colours: RGB = (corners[edge] * LEVELS + along * (corners[edge + 1] - corners[edge])).astype(np.uint8)
    return colours


_COLOURS = _walk_colours()


@lru_cache(maxsize=32)
def depth_table(codec: DepthCodec) -> NDArray[np.float32]:
    """Depth in metres by number of the walk's colour, (LAST + 1,) float32, the range limit applied; not writeable."""
    depth_m = codec.inverse_curve(np.arange(LAST + 1) / LAST)
    # the colour that max_range_m itself is painted in is still known, although it may stand for a little more;
    # white never is
    last_known = min(round(LAST * float(codec.curve(codec.max_range_m))), LAST - 1)
    table = np.minimum(depth_m, codec.max_range_m).astype(np.float32)
    table[last_known + 1 :] = np.nan if codec.beyond == "nan" else np.inf
    table[0] = np.nan
    table.setflags(write=False)
    return table
