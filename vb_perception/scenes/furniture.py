"""Furniture of boxes, cushions and cylinders; each piece is a `Body` that stands on the floor."""

from collections.abc import Callable

import numpy as np

from vb_perception.scenes import shapes, textures
from vb_perception.scenes.dice import chance
from vb_perception.scenes.objects import Body, Part
from vb_perception.scenes.poses import standing, translation
from vb_perception.scenes.scene import Material, Mesh

_REACH_M = 1.2  # what is higher than this holds nothing on its top
_TWO_SEATS_M = 0.7
_CLOTHS = ("plain", "cloth", "cloth", "stripes", "checker", "speckle")


def random_furniture(rng: np.random.Generator) -> Body:
    """A random piece."""
    names = list(MAKERS)
    return MAKERS[names[rng.integers(len(names))]](rng)


def table(rng: np.random.Generator) -> Body:
    """A dining table, desk or coffee table."""
    x, y, top = (
        rng.uniform(0.6, 2.0),
        rng.uniform(0.45, 1.0),
        float(rng.choice((rng.uniform(0.35, 0.5), rng.uniform(0.68, 0.78)))),
    )
    thick, leg = rng.uniform(0.02, 0.06), rng.uniform(0.02, 0.05)
    look, legs = textures.table_top(rng), textures.wood(rng)
    parts = [_part(shapes.box(x, y, thick), (0, 0, top - thick), look)]
    parts += [
        _part(shapes.box(2 * leg, 2 * leg, top - thick), (sx * (x / 2 - leg), sy * (y / 2 - leg), 0), legs)
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    return Body("table", tuple(parts), x / 2, y / 2, top, flat_top=True)


def chair(rng: np.random.Generator) -> Body:
    """Four legs or a swivel foot, a seat, mostly a back."""
    x, y, seat = rng.uniform(0.36, 0.52), rng.uniform(0.36, 0.5), rng.uniform(0.4, 0.5)
    thick, leg = rng.uniform(0.03, 0.08), rng.uniform(0.012, 0.025)
    frame = textures.wood(rng) if chance(rng, 0.6) else textures.surface(rng, ("plain",))
    cover = textures.surface(rng, _CLOTHS, shine=0.05) if chance(rng, 0.6) else frame
    parts = [_part(shapes.cushion(x, y, thick, 0.25), (0, 0, seat - thick), cover)]
    if chance(rng, 0.7):
        parts += [
            _part(shapes.cylinder(leg, seat - thick / 2, 10), (sx * (x / 2 - 0.03), sy * (y / 2 - 0.03), 0), frame)
            for sx in (-1, 1)
            for sy in (-1, 1)
        ]
    else:
        foot = textures.surface(rng, ("plain",), colours=((rng.uniform(0.03, 0.7),) * 3,) * 3)
        parts.append(_part(shapes.cylinder(0.03, seat - thick / 2, 12), (0, 0, 0), foot))
        for turn in range(5):
            arm = standing(0, 0, 0, turn * 2 * np.pi / 5) @ translation(0.13, 0, 0.03)
            parts.append(Part(shapes.box(0.26, 0.04, 0.03), arm, foot))
    height = seat
    if chance(rng, 0.85):
        height = seat + rng.uniform(0.3, 0.55)
        low = seat + rng.uniform(0.0, 0.15)
        back = shapes.cushion(x, 0.05, height - low, 0.25)
        parts.append(_part(back, (0, y / 2 - 0.025, low), cover))
        parts += [
            _part(shapes.cylinder(leg, low + 0.1 - seat, 10), (s * x * 0.35, y / 2 - 0.025, seat - 0.02), frame)
            for s in (-1, 1)
        ]
    return Body("chair", tuple(parts), x / 2, y / 2, height)


def sofa(rng: np.random.Generator) -> Body:
    """A seat, a back, two arms, cushions."""
    x, y, seat, back = rng.uniform(0.8, 2.2), rng.uniform(0.75, 0.95), rng.uniform(0.36, 0.46), rng.uniform(0.65, 0.95)
    cover = textures.surface(rng, _CLOTHS, shine=0.0)
    soft = rng.uniform(0.12, 0.3)
    parts = [
        _part(shapes.cushion(x, y, seat, soft), (0, 0, 0.03), cover),
        _part(shapes.cushion(x, 0.24, back, soft), (0, y / 2 - 0.12, 0.02), cover),
    ]
    parts += [_part(shapes.cushion(0.2, y, seat + 0.18, soft), (s * (x / 2 - 0.1), 0, 0.02), cover) for s in (-1, 1)]
    pillow = textures.surface(rng, _CLOTHS, shine=0.0)
    for _ in range(int(rng.integers(0, 3))):
        at = rng.uniform(-x / 2 + 0.3, x / 2 - 0.3) if x > _TWO_SEATS_M else 0.0
        parts.append(_part(shapes.cushion(0.4, 0.16, 0.36, 0.5), (at, y / 2 - 0.3, seat + 0.02), pillow))
    return Body("sofa", tuple(parts), x / 2, y / 2, back + 0.02)


def cabinet(rng: np.random.Generator) -> Body:
    """A closed cupboard with doors or drawers and knobs on its -y side."""
    x, y, z = (
        rng.uniform(0.4, 1.6),
        rng.uniform(0.35, 0.6),
        float(rng.choice((rng.uniform(0.5, 1.0), rng.uniform(1.4, 2.1)))),
    )
    body = textures.wood(rng) if chance(rng, 0.6) else textures.surface(rng, ("plain",), shine=0.2)
    front = body if chance(rng, 0.5) else textures.surface(rng, ("plain",), shine=0.2)
    knobs = textures.surface(rng, ("plain",))
    columns, rows = max(1, round(x / 0.5)), int(rng.integers(1, 5)) if z < _REACH_M else 1
    wide, tall, depth = x / columns, (z - 0.06) / rows, y - 0.02
    parts = [_part(shapes.box(x, depth, z), (0, 0.01, 0), body)]
    for column in range(columns):
        for row in range(rows):
            at = -x / 2 + (column + 0.5) * wide, 0.03 + row * tall
            parts.append(
                _part(shapes.box(wide - 0.012, 0.018, tall - 0.012), (at[0], -y / 2 + 0.009, at[1] + 0.006), front)
            )
            parts.append(
                _part(shapes.ball(0.016), (at[0] + wide * 0.35 * (rows == 1), -y / 2 - 0.01, at[1] + tall / 2), knobs)
            )
    return Body("cabinet", tuple(parts), x / 2, y / 2 + 0.03, z, flat_top=z < _REACH_M)


def shelf(rng: np.random.Generator) -> Body:
    """Boards between two sides, with books, boxes and pots on them (they belong to the shelf's instance)."""
    x, y, z = rng.uniform(0.5, 1.4), rng.uniform(0.25, 0.4), rng.uniform(0.8, 2.1)
    look, thick = textures.wood(rng) if chance(rng, 0.7) else textures.surface(rng, ("plain",)), 0.02
    parts = [_part(shapes.box(thick, y, z), (s * (x - thick) / 2, 0, 0), look) for s in (-1, 1)]
    levels = np.linspace(0.03, z - thick, max(2, round(z / rng.uniform(0.28, 0.45))))
    parts += [_part(shapes.box(x - 2 * thick, y, thick), (0, 0, float(level)), look) for level in levels]
    if chance(rng, 0.7):
        parts.append(_part(shapes.box(x, 0.008, z), (0, y / 2 - 0.004, 0), look))
    gap = float(levels[1] - levels[0]) - thick
    for level in levels[:-1]:
        at = -x / 2 + thick + 0.01
        while at < x / 2 - 0.08 and chance(rng, 0.93):
            wide, tall, deep = rng.uniform(0.015, 0.06), gap * rng.uniform(0.5, 0.9), y * rng.uniform(0.5, 0.8)
            parts.append(
                _part(shapes.box(wide, deep, tall), (at + wide / 2, 0, float(level) + thick), textures.carton(rng, 0.2))
            )
            at += wide + float(rng.choice((0.001, 0.001, 0.001, 0.1)))
    return Body("shelf", tuple(parts), x / 2, y / 2, z)


def pillar(rng: np.random.Generator) -> Body:
    """A round or square post, up to a lamp post's thickness or a column's."""
    radius, z = rng.uniform(0.04, 0.3), rng.uniform(1.0, 2.3)
    mesh = shapes.cylinder(radius, z) if chance(rng, 0.6) else shapes.box(2 * radius, 2 * radius, z)
    return Body("pillar", (_part(mesh, (0, 0, 0), textures.wall(rng)),), radius, radius, z)


def crate(rng: np.random.Generator) -> Body:
    """A large box on the floor."""
    x, y, z = rng.uniform(0.25, 0.8), rng.uniform(0.25, 0.6), rng.uniform(0.15, 0.7)
    return Body(
        "box", (_part(shapes.box(x, y, z), (0, 0, 0), textures.carton(rng, x)),), x / 2, y / 2, z, flat_top=True
    )


def _part(mesh: Mesh, at_m: tuple[float, float, float], material: Material) -> Part:
    return Part(mesh, translation(*at_m), material)


MAKERS: dict[str, Callable[[np.random.Generator], Body]] = {
    "table": table,
    "chair": chair,
    "sofa": sofa,
    "cabinet": cabinet,
    "shelf": shelf,
    "pillar": pillar,
    "crate": crate,
}
