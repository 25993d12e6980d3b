"""A kitchen's counter against a wall: cupboards below and above, a hob, a sink with a tap, an oven."""

import math

import numpy as np

from vb_perception.scenes import shapes, textures
from vb_perception.scenes.dice import chance
from vb_perception.scenes.poses import rotation, translation
from vb_perception.scenes.scene import Material, Mesh, Solid

DEPTH_M = 0.6
"""Of the worktop, whose middle is the world's origin; the wall is on its +y side."""
_WALL_M, _WALL_HEIGHT_M = 0.1, 2.6
_TOP_M, _UPPER_DEPTH_M = 0.04, 0.35


def counter_solids(rng: np.random.Generator, top_m: float, length_m: float) -> list[Solid]:
    """The counter and its wall; all of it is instance 0."""
    front, worktop, metal = textures.surface(rng, ("plain",), shine=0.2), textures.table_top(rng), _metal(rng)
    front = textures.wood(rng) if chance(rng, 0.4) else front
    wall = shapes.box(length_m + rng.uniform(0.2, 2.0), _WALL_M, _WALL_HEIGHT_M)
    out = [
        Solid(wall, translation(0, DEPTH_M / 2 + _WALL_M / 2, 0), textures.wall(rng), "wall", casts_shadow=False),
        Solid(shapes.box(length_m, DEPTH_M, _TOP_M), translation(0, 0, top_m - _TOP_M), worktop, "table"),
    ]
    out += _cupboards(rng, length_m, (DEPTH_M - 0.03, 0.08, top_m - _TOP_M), front, metal)
    if chance(rng, 0.75):
        low = top_m + rng.uniform(0.42, 0.62)
        out += _cupboards(rng, length_m, (_UPPER_DEPTH_M, low, low + rng.uniform(0.45, 0.8)), front, metal)
    places = list(rng.permutation(np.linspace(-0.36, 0.36, 3)) * length_m)
    if chance(rng, 0.7):
        out += _hob(rng, places[0], top_m)
    if chance(rng, 0.7):
        out += _sink(rng, places[1], top_m, metal)
    if chance(rng, 0.6):
        out += _oven(rng, places[2], top_m, metal)
    return out


def _cupboards(
    rng: np.random.Generator, length_m: float, span_m: tuple[float, float, float], front: Material, metal: Material
) -> list[Solid]:
    """A row of them; `span_m` is their depth from the wall and their lower and upper end."""
    deep, low, high = span_m
    y = DEPTH_M / 2 - deep / 2
    count = max(1, round(length_m / rng.uniform(0.4, 0.7)))
    wide = length_m / count
    bars, at_top = chance(rng, 0.6), low < 0.5  # noqa: PLR2004 (below the worktop)
    out = [Solid(shapes.box(length_m, deep - 0.02, high - low), translation(0, y + 0.01, low), front, "cabinet")]
    for i in range(count):
        x, face = -length_m / 2 + (i + 0.5) * wide, y - deep / 2
        door = shapes.box(wide - 0.01, 0.02, high - low - 0.01)
        out.append(Solid(door, translation(x, face + 0.01, low + 0.005), front, "cabinet"))
        z = high - 0.09 if at_top else low + 0.09
        if bars:
            half = wide * rng.uniform(0.15, 0.35)
            bar = shapes.tube(np.array(((-half, 0, 0), (half, 0, 0))), 0.008)
            out.append(Solid(bar, translation(x, face - 0.03, z), metal, "cabinet"))
        else:
            out.append(Solid(shapes.ball(0.016), translation(x + 0.35 * wide, face - 0.016, z), metal, "cabinet"))
    return out


def _hob(rng: np.random.Generator, x_m: float, top_m: float) -> list[Solid]:
    """A glass plate with four rings, and knobs before it now and then."""
    black, ring = _dark(rng), _metal(rng)
    out = [Solid(shapes.box(0.56, 0.5, 0.008), translation(x_m, 0, top_m), black, "oven")]
    for sx in (-1, 1):
        for sy in (-1, 1):
            radius, at = rng.uniform(0.06, 0.11), (x_m + sx * 0.13, sy * 0.12)
            outer = _annulus(radius, radius * rng.uniform(0.8, 0.93))
            out.append(Solid(outer, translation(*at, top_m + 0.008), ring, "oven", casts_shadow=False))
    return out


def _annulus(outer_m: float, inner_m: float) -> Mesh:
    return shapes.lathe(((outer_m, 0.0), (outer_m, 0.001), (inner_m, 0.001)))


def _sink(rng: np.random.Generator, x_m: float, top_m: float, metal: Material) -> list[Solid]:
    """A rim around a darker floor, and a tap that bends over it."""
    wide, deep, thick = rng.uniform(0.4, 0.7), rng.uniform(0.34, 0.44), 0.03
    basin = textures.surface(rng, ("plain",), shine=0.4) if chance(rng, 0.4) else metal
    out = [Solid(shapes.box(wide, deep, 0.003), translation(x_m, -0.03, top_m), basin, "sink")]
    for sx, sy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        rim = shapes.box(thick, deep, 0.02) if sx else shapes.box(wide, thick, 0.02)
        at = (x_m + sx * (wide - thick) / 2, -0.03 + sy * (deep - thick) / 2)
        out.append(Solid(rim, translation(*at, top_m), metal, "sink"))
    high, reach, radius = rng.uniform(0.18, 0.4), rng.uniform(0.12, 0.2), rng.uniform(0.01, 0.02)
    bend = np.linspace(0, math.pi * rng.uniform(0.5, 1.0), 9)
    curve = np.stack((reach / 2 * (1 - np.cos(bend)), np.zeros(9), high + reach / 2 * np.sin(bend)), axis=1)
    tap = shapes.tube(np.concatenate((((0.0, 0.0, 0.0),), curve)), radius, 12)
    pose = translation(x_m, DEPTH_M / 2 - 0.08, top_m) @ rotation(2, -math.pi / 2 + rng.normal(0, 0.3))
    return [*out, Solid(tap, pose, metal, "sink")]


def _oven(rng: np.random.Generator, x_m: float, top_m: float, metal: Material) -> list[Solid]:
    """A microwave oven: a box with a door of glass and a bar to open it."""
    wide, deep, high = rng.uniform(0.42, 0.6), rng.uniform(0.3, 0.42), rng.uniform(0.24, 0.36)
    y = DEPTH_M / 2 - deep / 2 - rng.uniform(0.0, 0.06)
    body = _dark(rng) if chance(rng, 0.6) else textures.surface(rng, ("plain",), shine=0.2)
    face = y - deep / 2
    door = shapes.box(wide * 0.7, 0.012, high * 0.85)
    bar = shapes.tube(np.array(((0, 0, 0.15 * high), (0, 0, 0.85 * high))), 0.01)
    return [
        Solid(shapes.box(wide, deep, high), translation(x_m, y, top_m), body, "oven"),
        Solid(door, translation(x_m - 0.1 * wide, face - 0.006, top_m + 0.07 * high), _dark(rng), "oven"),
        Solid(bar, translation(x_m + 0.26 * wide, face - 0.035, top_m), metal, "oven"),
    ]


def _metal(rng: np.random.Generator) -> Material:
    grey = textures.colour(rng, (0.0, 0.08), (0.35, 0.95))
    return textures.surface(rng, ("plain",), colours=(grey, grey, grey), grain=0.05, shine=rng.uniform(0.3, 0.9))


def _dark(rng: np.random.Generator) -> Material:
    black = textures.colour(rng, (0.0, 0.15), (0.02, 0.2))
    return textures.surface(rng, ("plain",), colours=(black, black, black), grain=0.0, shine=rng.uniform(0.0, 0.6))
