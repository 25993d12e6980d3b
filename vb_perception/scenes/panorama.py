"""Equirectangular panoramas painted from noise: open land, streets and halls, as backdrops behind a scene."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes.dice import chance, pick

HEIGHT_PX, WIDTH_PX = 384, 768
COUNT = 24
"""Different painted panoramas of a fold; yaw, mirroring and light make more of them."""
_TILE_PX = 256
_HAZE_M = 120.0

Map = NDArray[np.float32]
AnyMap = NDArray[np.floating]


@lru_cache(maxsize=2 * COUNT)
def painted(number: int) -> NDArray[np.uint8]:
    """Panorama `number` (HEIGHT_PX, WIDTH_PX, 3) uint8 sRGB; row 0 is the zenith, the horizon in the middle.

    Column 0 and the last one meet.  The same number always gives the same picture; it is read-only.
    """
    rng = np.random.default_rng((77, number))
    kind = pick(rng, {"land": 4, "street": 3, "hall": 4})
    image = _hall(rng) if kind == "hall" else _open_air(rng, built_up=kind == "street")
    out = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    out.flags.writeable = False
    return out


def _directions() -> tuple[Map, Map, Map]:
    """Unit directions x, y, z (up) of every pixel, each (HEIGHT_PX, WIDTH_PX)."""
    longitude = ((np.arange(WIDTH_PX) + 0.5) / WIDTH_PX * 2 * np.pi).astype(np.float32)[None]
    latitude = ((0.5 - (np.arange(HEIGHT_PX) + 0.5) / HEIGHT_PX) * np.pi).astype(np.float32)[:, None]
    return np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude) + 0 * longitude


def _tile(rng: np.random.Generator, roughness: float) -> Map:
    """Fractal noise (256, 256) of mean 0 and unit deviation that repeats without a seam.

    Its spectrum falls as frequency ** -roughness.
    """
    frequency = np.hypot(np.fft.fftfreq(_TILE_PX)[:, None], np.fft.rfftfreq(_TILE_PX)[None]) * _TILE_PX
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((_TILE_PX, _TILE_PX))) / frequency**roughness
    spectrum[0, 0] = 0.0
    tile = np.fft.irfft2(spectrum)
    return np.asarray(tile / tile.std(), np.float32)


def _sampled(tile: Map, u: AnyMap, v: AnyMap) -> Map:
    """The tile at (u, v) in periods, repeating; coarser where neighbouring pixels are far apart."""
    across = np.maximum(np.abs(np.gradient(v, axis=0)), np.abs(np.gradient(u, axis=0))) * _TILE_PX
    fade = np.clip(1.5 / np.maximum(across, 1e-3), 0, 1).astype(np.float32)
    column, row = (np.asarray(_fraction(w) * _TILE_PX, np.float32) for w in (u, v))
    out = cv2.remap(tile, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return np.asarray(out * fade, np.float32)


def _fraction(value: AnyMap) -> AnyMap:
    return value - np.floor(value)


def _colour(rng: np.random.Generator, low: tuple[float, ...], high: tuple[float, ...]) -> Map:
    """One between two sRGB colours, a little to either side."""
    share = rng.random()
    mixed = np.array(low) * (1 - share) + np.array(high) * share + rng.normal(0, 0.03, 3)
    return np.clip(mixed, 0, 1).astype(np.float32)


def _blend(below: AnyMap, above: AnyMap, share: AnyMap) -> Map:
    return np.asarray(below + (above - below) * share[..., None], np.float32)


def _open_air(rng: np.random.Generator, *, built_up: bool) -> Map:
    """Sky with clouds, ground to the horizon, and hills, trees or houses between them."""
    x, y, z = _directions()
    horizon, zenith = (
        _colour(rng, (0.75, 0.8, 0.85), (0.95, 0.88, 0.8)),
        _colour(rng, (0.2, 0.4, 0.75), (0.6, 0.65, 0.7)),
    )
    up = np.clip(z, 0, 1) ** np.float32(0.5)
    image = _blend(np.broadcast_to(horizon, (*z.shape, 3)), zenith, up)
    cover = rng.uniform(-0.8, 1.6)
    high = np.maximum(z, 0.02)
    clouds = _sampled(_tile(rng, 1.7), x / high * np.float32(0.11), y / high * np.float32(0.11))
    white = _colour(rng, (0.75, 0.76, 0.8), (0.98, 0.98, 0.98))
    image = _blend(image, white, np.clip(clouds * 0.5 + cover - 0.6, 0, 0.9) * np.clip(z * 8, 0, 1))
    sun = rng.normal((0, 0, 1.2), 1)
    glow = np.clip((x * sun[0] + y * sun[1] + z * sun[2]) / np.linalg.norm(sun), 0, 1).astype(np.float32)
    image = image + (np.float32(0.35) * glow**60 + np.float32(0.8) * glow**900)[..., None]
    image = _blend(image, _ground(rng, x, y, z, horizon, built_up=built_up), np.clip(-z * HEIGHT_PX, 0, 1))
    for distance in sorted(rng.uniform(0.0, 0.85, int(rng.integers(2, 5))), reverse=True):
        image = _skyline(rng, image, z, horizon, float(distance), built_up=built_up)
    return image


def _ground(rng: np.random.Generator, x: Map, y: Map, z: Map, horizon: Map, *, built_up: bool) -> Map:
    """A plane 1.5 m below the eye: grass, earth, sand or paving, lost in haze."""
    down = np.maximum(-z, 1e-3)
    east, north, far_m = x / down * 1.5, y / down * 1.5, 1.5 / down
    low, high = ((0.3, 0.3, 0.3), (0.6, 0.57, 0.53)) if built_up else ((0.2, 0.3, 0.1), (0.62, 0.54, 0.38))
    first, second = _colour(rng, low, high), _colour(rng, low, high)
    patches = _sampled(_tile(rng, 1.5), east / np.float32(23), north / np.float32(23))
    blades = _sampled(_tile(rng, 0.7), east / np.float32(2.2), north / np.float32(2.2))
    image = _blend(np.broadcast_to(first, (*z.shape, 3)), second, np.clip(0.5 + 0.4 * patches, 0, 1))
    image = image * (1 + np.float32(rng.uniform(0.04, 0.16)) * blades)[..., None]
    if built_up and chance(rng, 0.7):
        period = rng.uniform(0.4, 1.5)
        sharp = np.clip(2.5 / far_m, 0, 1)
        joint = np.maximum(_fraction(east / period), _fraction(north / period)) > 0.96  # noqa: PLR2004
        image = np.asarray(image * (1 - 0.25 * joint * sharp)[..., None], np.float32)
    return _blend(image, 0.75 * horizon, 1 - np.exp(-far_m / _HAZE_M))


def _skyline(rng: np.random.Generator, below: Map, z: Map, horizon: Map, distance: float, *, built_up: bool) -> Map:
    """Hills, trees or houses over a picture; distance 0 (near) to 1 (pale and low)."""
    column = np.arange(WIDTH_PX) / WIDTH_PX
    near = 1 - distance
    kind = pick(rng, {"houses": 6 if built_up else 1, "trees": 3, "hills": 0.5 if built_up else 3})
    row = np.interp(column * _TILE_PX, np.arange(_TILE_PX + 1), np.resize(_tile(rng, 1.2)[0], _TILE_PX + 1))
    if kind == "hills":
        top = 0.03 + 0.05 * near + 0.04 * row
        colour = _colour(rng, (0.25, 0.35, 0.2), (0.5, 0.45, 0.4))
    elif kind == "trees":
        fine = np.interp(column * 1024 % _TILE_PX, np.arange(_TILE_PX + 1), np.resize(_tile(rng, 0.6)[0], _TILE_PX + 1))
        top = (0.02 + 0.16 * near) * (1 + 0.7 * row + 0.25 * fine) - 0.02
        colour = _colour(rng, (0.08, 0.2, 0.05), (0.3, 0.38, 0.18))
    else:
        edges = np.sort(rng.random(int(rng.integers(6, 24))))
        house = np.searchsorted(edges, column) % len(edges)
        top = rng.uniform(-0.02, 0.1 + 0.4 * near, len(edges))[house]
        colour = np.stack([_colour(rng, (0.4, 0.35, 0.32), (0.85, 0.8, 0.72)) for _ in edges])[house]
    covered = np.clip((np.sin(top)[None] - z) * 180, 0, 1) * (z > -0.004)  # noqa: PLR2004
    wall = np.broadcast_to(colour, (*z.shape, 3)) * (1 + 0.12 * _sampled(_tile(rng, 0.9), *_grid(6, 3)))[..., None]
    if kind == "houses":
        u, v = _grid(float(rng.integers(60, 160)), rng.uniform(30, 70))
        window = (np.abs(_fraction(u) - 0.5) < 0.27) & (np.abs(_fraction(v) - 0.5) < 0.3)  # noqa: PLR2004
        wall = wall * (1 - np.float32(rng.uniform(0.3, 0.7)) * window)[..., None]
    return _blend(
        below, _blend(wall, horizon, np.full(z.shape, 0.8 * distance, np.float32)), covered.astype(np.float32)
    )


def _grid(across: float, down: float) -> tuple[Map, Map]:
    """Column and row of every pixel in periods, `across` of them around."""
    u, v = np.meshgrid(np.arange(WIDTH_PX) / WIDTH_PX * across, np.arange(HEIGHT_PX) / HEIGHT_PX * down)
    return u.astype(np.float32), v.astype(np.float32)


def _hall(rng: np.random.Generator) -> Map:
    """The inside of a large box: tiled or plain floor, walls with panels, doors and windows, lamps in rows above."""
    x, y, z = _directions()
    half = rng.uniform(6, 25, 2).tolist()
    centre = [reach * rng.uniform(-0.5, 0.5) for reach in half]
    low, high = -1.5, rng.uniform(2.5, 9)
    reach = [
        np.where(d > 0, (b - c) / np.where(d == 0, 1e-6, d), (-b - c) / np.where(d == 0, -1e-6, d))
        for d, b, c in ((x, half[0], centre[0]), (y, half[1], centre[1]))
    ]
    vertical = np.where(z > 0, high, low) / np.where(np.abs(z) < 1e-4, 1e-4, z)  # noqa: PLR2004
    side = np.minimum(*reach)
    far_m = np.minimum(side, vertical).astype(np.float32)
    east, north, height = x * far_m + centre[0], y * far_m + centre[1], z * far_m
    pale = _colour(rng, (0.6, 0.58, 0.55), (0.92, 0.92, 0.9))
    level = np.where(vertical < side, np.where(z > 0, 1, -1), 0)
    along = np.where(reach[0] < reach[1], north, east).astype(np.float32)
    image = _hall_wall(rng, along, (height - np.float32(low)) / np.float32(high - low), pale)
    image = np.where((level == -1)[..., None], _hall_floor(rng, east, north), image)
    image = np.where((level == 1)[..., None], _hall_ceiling(rng, east, north, pale), image)
    corner = np.exp(-np.abs(vertical - side) / 0.8)
    return np.asarray(image * (1 - 0.35 * corner)[..., None], np.float32)


def _hall_wall(rng: np.random.Generator, along: Map, height: Map, pale: Map) -> Map:
    image = (
        np.broadcast_to(pale, (*along.shape, 3)) * (1 + 0.03 * _sampled(_tile(rng, 1.2), along / 6, height))[..., None]
    )
    for _ in range(int(rng.integers(2, 5))):
        period, width = rng.uniform(1.5, 7), rng.uniform(0.1, 0.7)
        bottom, top = sorted(rng.uniform(0, 1, 2))
        if chance(rng, 0.4):
            bottom = 0.0
        colour = (
            _colour(rng, (0.1, 0.1, 0.12), (1.0, 1.0, 1.0)) if chance(rng, 0.6) else rng.random(3).astype(np.float32)
        )
        phase = rng.random()
        cell = np.floor(along / period + phase)
        inside = (_fraction(along / period + phase) < width) & (height > bottom) & (height < top)
        inside &= _fraction(cell * 0.618) < rng.uniform(0.4, 1.2)
        image = np.where(inside[..., None], colour, image)
    return image


def _hall_floor(rng: np.random.Generator, east: Map, north: Map) -> Map:
    first = _colour(rng, (0.25, 0.2, 0.16), (0.8, 0.75, 0.7))
    period = rng.uniform(0.3, 1.5)
    checks = (np.floor(east / period) + np.floor(north / period)) % 2 if chance(rng, 0.4) else 0 * east
    noise = _sampled(_tile(rng, 1.0), (east / 9).astype(np.float32), (north / 9).astype(np.float32))
    return first * (1 - rng.uniform(0.05, 0.4) * checks + 0.06 * noise)[..., None]


def _hall_ceiling(rng: np.random.Generator, east: Map, north: Map, pale: Map) -> Map:
    period, size = rng.uniform(1.5, 5, 2).tolist(), rng.uniform(0.05, 0.4, 2).tolist()
    lit = (_fraction(east / period[0]) < size[0]) & (_fraction(north / period[1]) < size[1])
    beams = _fraction(east / rng.uniform(1.0, 4.0)) < rng.uniform(0.0, 0.15)
    dark = pale * rng.uniform(0.4, 1.0) * (1 - 0.3 * beams)[..., None]
    return np.where(lit[..., None], np.float32(1.0), dark)
