"""Where an arm works: a table or a kitchen's counter, seen from its wrist, its head and from across the room.

Half of them look like a simulator's: plain colours, hard light, nothing around.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes import shapes, textures
from vb_perception.scenes.arm import robot_arm
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.counter import DEPTH_M, counter_solids
from vb_perception.scenes.dice import chance, log_uniform, pick
from vb_perception.scenes.dressing import with_materials
from vb_perception.scenes.lights import indoor_lighting
from vb_perception.scenes.placement import Occupied, contacts_of
from vb_perception.scenes.poses import looking_at, translation
from vb_perception.scenes.scene import Backdrop, Lighting, Material, Scene, Solid
from vb_perception.scenes.stock import Stock
from vb_perception.scenes.tabletop import clutter, surroundings, table_solids

_FAMILIES = {"wrist": 0.3, "head": 0.45, "far": 0.25}
_DISTANCE_M = {"wrist": (0.3, 0.7), "head": (0.7, 1.5), "far": (1.5, 2.8)}
_ELEVATION_DEG = {"table": (8.0, 78.0), "counter": (-8.0, 60.0)}
_AZIMUTH_DEG = {"table": 180.0, "counter": 60.0}
CLEAR_M = 0.1
TRIES = 40
PLAIN_SHARE = 0.75
"""Of the materials of a scene that looks like a simulator's."""


def workcell_scene(
    rng: np.random.Generator, width: int, height: int, name: str = "workcell", assets: SceneAssets | None = None
) -> Scene:
    """A table or a counter with up to seven objects and, mostly, an arm, 40 to 80 degrees wide from 0.3 to 2.8 m.

    Arms are instances as objects are, numbered after them; the table is instance 0.
    """
    stock = Stock(assets or SceneAssets.none())
    place = "table" if chance(rng, 0.5) else "counter"
    simulated = chance(rng, 0.5)
    if place == "table":
        top_m, size = rng.uniform(0.4, 0.95), (rng.uniform(0.8, 1.9), rng.uniform(0.6, 1.3))
        fixed = table_solids(rng, top_m, size)
        if chance(rng, 0.4):
            fixed += _rim(rng, top_m, size)
    else:
        top_m, size = rng.uniform(0.8, 0.95), (rng.uniform(1.4, 3.2), DEPTH_M)
        fixed = counter_solids(rng, top_m, size[0])
    placed = clutter(rng, top_m, size, int(rng.integers(1, 8)), stock, spread_m=0.4 * size[0])
    reaches = [
        _reach(rng, top_m, size, beside=place == "counter" or chance(rng, 0.5))
        for _ in range(int(rng.choice(3, p=(0.2, 0.65, 0.15))))
    ]
    feet = [Occupied.around(foot, 0.1, 0.0) for foot, _, _ in reaches]
    placed = [p for p in placed if not any(p.occupied.meets(foot) for foot in feet)]
    arms: list[Solid] = []
    for number, (foot, tip, floor_m) in enumerate(reaches, len(placed) + 1):
        arms += robot_arm(rng, foot, tip, floor_m, number)
    near = fixed + arms + [s for i, p in enumerate(placed, 1) for s in p.solids(i)]
    eye, target = _clear_view(rng, place, size, top_m, [Occupied.of(s) for s in near])
    open_air = simulated and chance(rng, 0.6)
    solids = near + ([_ground(rng, eye)] if open_air else surroundings(rng, size, eye, stock))
    scene = Scene(
        name=name,
        solids=tuple(solids),
        intrinsics=CameraIntrinsics.from_fov(width, height, rng.uniform(40, 80)),
        world_from_camera=looking_at(eye, target, math.radians(rng.normal(0, 4.0))),
        lighting=_lighting(rng, top_m, hard=simulated),
        contacts=contacts_of(placed),
        backdrop=_empty(rng) if open_air else None,
    )
    return _made_plain(rng, scene) if simulated else scene


def _reach(
    rng: np.random.Generator, top_m: float, size_m: tuple[float, float], *, beside: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Where an arm stands, on the table's edge or a post of its own before it, what it reaches for, and its floor."""
    x = rng.uniform(-0.4, 0.4) * size_m[0]
    away_m = rng.uniform(0.12, 0.4) if beside else -rng.uniform(0.08, 0.16)
    low = rng.uniform(-0.4, 0.1) if beside else 0.0
    foot = np.array((x, -size_m[1] / 2 - away_m, max(top_m + low, 0.1)))
    tip = np.array((x + rng.normal(0, 0.3), rng.uniform(-0.35, 0.45) * size_m[1], top_m + log_uniform(rng, 0.02, 0.5)))
    return foot, tip, 0.0 if beside else float(foot[2])


def _clear_view(
    rng: np.random.Generator, place: str, size_m: tuple[float, float], top_m: float, near: list[Occupied]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eye and target of a camera that is inside of nothing; from above, if none is found."""
    for _ in range(TRIES):
        distance_m = rng.uniform(*_DISTANCE_M[pick(rng, _FAMILIES)])
        up = rng.uniform(0.0, 0.2) if place == "table" else rng.uniform(-0.1, 0.7) * float(chance(rng, 0.6))
        target = np.array((*(rng.uniform(-0.45, 0.45, 2) * size_m), top_m + up))
        elevation = math.radians(rng.uniform(*_ELEVATION_DEG[place]))
        azimuth = math.radians(rng.uniform(-1, 1) * _AZIMUTH_DEG[place])
        back = np.array((math.sin(azimuth), -math.cos(azimuth))) * math.cos(elevation)
        eye = target + distance_m * np.array((*back, math.sin(elevation)))
        if eye[2] > CLEAR_M and not any(Occupied.around(eye, CLEAR_M).meets(o) for o in near):
            return eye, target
    return np.array((0.0, -size_m[1], top_m + 1.6)), np.array((0.0, 0.0, top_m))


def _rim(rng: np.random.Generator, top_m: float, size_m: tuple[float, float]) -> list[Solid]:
    """Walls along the table's edges, of which now and then one is left out."""
    high, thick = rng.uniform(0.03, 0.16), rng.uniform(0.015, 0.05)
    material = textures.surface(rng, ("plain",)) if chance(rng, 0.6) else textures.wood(rng)
    out = []
    for axis in (0, 1):
        long = shapes.box(size_m[0], thick, high) if axis else shapes.box(thick, size_m[1], high)
        for side in (-1, 1):
            out_m = side * (size_m[axis] - thick) / 2
            pose = translation(0, out_m, top_m) if axis else translation(out_m, 0, top_m)
            if chance(rng, 0.9):
                out.append(Solid(long, pose, material, "table"))
    return out


def _ground(rng: np.random.Generator, eye_m: NDArray[np.float64]) -> Solid:
    half = float(np.abs(eye_m[:2]).max()) + rng.uniform(1.0, 6.0)
    slab = shapes.box(2 * half, 2 * half, 0.05)
    return Solid(slab, translation(0, 0, -0.05), textures.floor(rng), "floor", casts_shadow=False)


def _empty(rng: np.random.Generator) -> Backdrop:
    """A sky of one colour, or fading to another."""
    first, second = (np.array(textures.any_colour(rng)) for _ in range(2))
    if chance(rng, 0.5):
        second = first if chance(rng, 0.5) else np.ones(3)
    fade = np.linspace(0, 1, 16)[:, None, None]
    image = np.broadcast_to(255 * (first * (1 - fade) + second * fade), (16, 32, 3))
    return Backdrop(np.ascontiguousarray(image).astype(np.uint8))


def _lighting(rng: np.random.Generator, top_m: float, *, hard: bool) -> Lighting:
    light = indoor_lighting(rng, (0.0, 0.0, top_m), 1.6)
    if not hard:
        return light
    level = rng.uniform(0.25, 0.7)
    grey = (level, level, level)
    return replace(light, sky=grey, ground=grey, sun=(1.1 - level,) * 3)


def _made_plain(rng: np.random.Generator, scene: Scene) -> Scene:
    """Most materials in one colour, without grain."""

    def plain(solid: Solid) -> Material:
        paint = _paint(rng)
        new = Material("plain", (paint, paint, paint), grain=0.0, shine=rng.uniform(0, 0.5))
        return new if chance(rng, PLAIN_SHARE) else solid.material

    return with_materials(scene, plain)


def _paint(rng: np.random.Generator) -> tuple[float, float, float]:
    kind = pick(rng, {"white": 3, "grey": 3, "black": 3, "any": 4})
    span = {"white": (0.85, 1.0), "grey": (0.25, 0.75), "black": (0.02, 0.2)}.get(kind)
    return textures.any_colour(rng) if span is None else textures.colour(rng, (0.0, 0.2), span)
