"""Closed rooms: floor, ceiling and walls with doors, windows and pictures."""

import math

import numpy as np

from vb_perception.scenes import shapes, textures
from vb_perception.scenes.dice import chance, pick
from vb_perception.scenes.poses import standing, translation
from vb_perception.scenes.scene import Material, Solid

THICK_M = 0.1


def closed_room(
    rng: np.random.Generator, low_m: tuple[float, float], high_m: tuple[float, float], height_m: float
) -> list[Solid]:
    """A room between the corners (x, y) `low_m` and `high_m`; its floor is z = 0.  Nothing of it casts shadows."""
    x, y = (low_m[0] + high_m[0]) / 2, (low_m[1] + high_m[1]) / 2
    size = (high_m[0] - low_m[0], high_m[1] - low_m[1])
    slab = shapes.box(size[0] + 2 * THICK_M, size[1] + 2 * THICK_M, THICK_M)
    pale = textures.colour(rng, (0.0, 0.08), (0.75, 0.97))
    white = textures.surface(rng, ("plain",), colours=(pale, pale, pale), shine=0.0, grain=0.05)
    out = [
        Solid(slab, translation(x, y, -THICK_M), textures.floor(rng), "floor", casts_shadow=False),
        Solid(slab, translation(x, y, height_m), white, "ceiling", casts_shadow=False),
    ]
    paint, skirting = textures.wall(rng), textures.wood(rng)
    for side in range(4):
        yaw = side * math.pi / 2  # the wall's body: along x, the room on its -y side, its face at y = 0
        length = size[side % 2]
        reach = size[1 - side % 2] / 2
        centre = (x - math.sin(yaw) * reach, y + math.cos(yaw) * reach)
        look = paint if chance(rng, 0.75) else textures.wall(rng)
        out += _wall(rng, (*centre, yaw), (length, height_m), look, skirting)
    return out


def _wall(
    rng: np.random.Generator,
    place: tuple[float, float, float],
    size_m: tuple[float, float],
    paint: Material,
    skirting: Material,
) -> list[Solid]:
    """One wall with what hangs on it and what leads through it; `place` is x, y and yaw of the middle of its foot."""
    (x, y, yaw), (length, height) = place, size_m
    world_from_wall = standing(x, y, 0, yaw)

    def flat(width: float, tall: float, at: tuple[float, float], thick: float, look: Material, name: str) -> Solid:
        """A board on the wall's face; `at` is its middle along the wall and its lower edge."""
        pose = world_from_wall @ translation(at[0], -thick / 2, at[1])
        return Solid(shapes.box(width, thick, tall), pose, look, name, casts_shadow=False)

    wall = Solid(
        shapes.box(length + 2 * THICK_M, THICK_M, height),
        world_from_wall @ translation(0, THICK_M / 2, 0),
        paint,
        "wall",
        casts_shadow=False,
    )
    out = [wall]
    if chance(rng, 0.6):
        out.append(flat(length, rng.uniform(0.05, 0.12), (0, 0), 0.015, skirting, "wall"))
    kind = pick(rng, {"door": 30, "window": 20, "pictures": 35, "bare": 15})
    half = length / 2 - 0.6
    if half <= 0:
        return out
    if kind == "door":
        wide, tall, at = rng.uniform(0.75, 1.0), rng.uniform(1.95, 2.1), rng.uniform(-half, half)
        frame = textures.wood(rng) if chance(rng, 0.5) else textures.surface(rng, ("plain",))
        leaf = textures.wood(rng) if chance(rng, 0.5) else textures.surface(rng, ("plain",), shine=0.2)
        out.append(flat(wide + 0.16, tall + 0.08, (at, 0), 0.03, frame, "door"))
        out.append(flat(wide, tall, (at, 0), 0.045, leaf, "door"))
        knob = world_from_wall @ translation(at + wide * 0.4, -0.08, 1.02)
        out.append(Solid(shapes.ball(0.03), knob, frame, "door", casts_shadow=False))
    elif kind == "window":
        wide, tall, at = rng.uniform(0.6, 1.6), rng.uniform(0.7, 1.4), rng.uniform(-half, half) * 0.8
        frame = textures.surface(rng, ("plain",), colours=((rng.uniform(0.6, 0.95),) * 3,) * 3)
        bright = textures.colour(rng, (0.0, 0.3), (0.7, 1.0))
        pane = textures.surface(
            rng, ("marble", "plain"), colours=(bright, (0.6, 0.7, 0.6), bright), glow=0.8, repeat_m=0.6
        )
        out.append(flat(wide + 0.14, tall + 0.14, (at, 0.83), 0.03, frame, "window"))
        out += [flat(wide / 2 - 0.03, tall, (at + s * wide / 4, 0.9), 0.04, pane, "window") for s in (-1, 1)]
    elif kind == "pictures":
        for _ in range(int(rng.integers(1, 3))):
            wide, tall, at = rng.uniform(0.25, 1.0), rng.uniform(0.25, 0.9), rng.uniform(-half, half)
            base = rng.uniform(0.9, max(height - tall - 0.2, 0.95))
            art = textures.surface(
                rng, ("print", "marble", "speckle", "plain", "bands"), repeat_m=rng.uniform(0.1, 0.5)
            )
            out.append(
                flat(wide + 0.05, tall + 0.05, (at, base - 0.025), 0.02, textures.surface(rng, ("plain",)), "picture")
            )
            out.append(flat(wide, tall, (at, base), 0.025, art, "picture"))
    return out
