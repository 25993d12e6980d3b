"""Tables and furniture on a piece of floor, with something far away behind them: out of doors or in a large hall."""

import math

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes import shapes, textures
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.dice import chance, log_uniform, pick
from vb_perception.scenes.lights import indoor_lighting
from vb_perception.scenes.panorama import COUNT, painted
from vb_perception.scenes.placement import Footprint, Placed, contacts_of, place
from vb_perception.scenes.poses import looking_at, translation
from vb_perception.scenes.scene import Backdrop, Scene, Solid
from vb_perception.scenes.stock import Stock
from vb_perception.scenes.tabletop import clutter, table_solids

_HELD_OUT_FIRST = 1000  # of the painted panoramas


def panorama_scene(
    rng: np.random.Generator, width: int, height: int, name: str = "panorama", assets: SceneAssets | None = None
) -> Scene:
    """A table with objects, or furniture, on a floor 3-14 m wide without walls; seen as a robot or an arm sees it.

    The backdrop is not hung yet; see `any_backdrop`.
    """
    if chance(rng, 0.45):
        return _table_outside(rng, (width, height), name, Stock(assets or SceneAssets.none()))
    return _furniture_outside(rng, (width, height), name, Stock(assets or SceneAssets.none()))


def any_backdrop(rng: np.random.Generator, *, held_out: bool, photographs: NDArray[np.uint8]) -> Backdrop:
    """A random panorama, turned, mirrored and lit at random.

    Args:
        rng: Chance.
        held_out: Whether to choose from those that are kept for evaluation.
        photographs: (P, H, 2 H, 3) uint8 panoramas of the fold; half of the backdrops come from them.
    """
    if len(photographs) and chance(rng, 0.5):
        image = photographs[int(rng.integers(len(photographs)))]
    else:
        image = painted(int(rng.integers(COUNT)) + (_HELD_OUT_FIRST if held_out else 0))
    level, warmth = math.exp(rng.normal(-0.1, 0.3)), rng.normal(0, 0.06)
    return Backdrop(
        image,
        yaw_rad=rng.uniform(0, 2 * np.pi),
        gain=(level * (1 + warmth), level, level * (1 - warmth)),
        mirrored=chance(rng, 0.5),
    )


def _table_outside(rng: np.random.Generator, size_px: tuple[int, int], name: str, stock: Stock) -> Scene:
    top_m, size = rng.uniform(0.6, 0.95), (rng.uniform(0.8, 2.4), rng.uniform(0.6, 1.4))
    placed = clutter(rng, top_m, size, stock=stock)
    centre = np.array([[p.footprint.x_m, p.footprint.y_m, top_m] for p in placed]).mean(axis=0)
    pitch, yaw = math.radians(rng.uniform(5, 50)), rng.uniform(0, 2 * np.pi)
    back = np.array((math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch)))
    eye = centre + (0, 0, rng.uniform(0.0, 0.2)) + rng.uniform(0.6, 2.2) * back
    solids = [*table_solids(rng, top_m, size), _floor(rng, 2 * float(np.abs(eye[:2]).max()))]
    return _scene(rng, size_px, name, (solids, placed), looking_at(eye, centre, math.radians(rng.normal(0, 2))))


def _furniture_outside(rng: np.random.Generator, size_px: tuple[int, int], name: str, stock: Stock) -> Scene:
    half = log_uniform(rng, 1.5, 5.0)
    eye_m, yaw, distance = rng.uniform(0.2, 1.8), rng.uniform(0, 2 * np.pi), half * rng.uniform(0.5, 1.1)
    eye = np.array((math.cos(yaw) * distance, math.sin(yaw) * distance, eye_m))
    taken = [Footprint(float(eye[0]), float(eye[1]), 0.35, 0.35, 0.0)]
    placed = []
    for _ in range(int(rng.integers(1, 9))):
        body = stock.furniture(rng)
        spread = half - math.hypot(body.half_x_m, body.half_y_m)
        foot = place(body, taken, rng, (0, 0), (spread, spread), tries=15) if spread > 0 else None
        if foot is not None:
            taken.append(foot)
            placed.append(Placed(body, foot, 0.0))
    shown = placed[int(rng.integers(len(placed)))] if placed else None
    middle = np.zeros(2) if shown is None else np.array((shown.footprint.x_m, shown.footprint.y_m))
    target = np.array((*(middle + rng.normal(0, 0.15 * half, 2)), rng.uniform(0.2, 1.2)))
    floor = _floor(rng, 2 * max(half, float(np.abs(eye[:2]).max())))
    return _scene(rng, size_px, name, ([floor], placed), looking_at(eye, target, math.radians(rng.normal(0, 2))))


def _floor(rng: np.random.Generator, least_m: float) -> Solid:
    """A slab of floor that ends somewhere beyond what stands on it."""
    width, depth = least_m + 0.6 + rng.exponential(2.0), least_m + 0.6 + rng.exponential(2.0)
    thick = float(pick(rng, {"0.02": 1, "0.15": 1}))
    slab = shapes.box(width, depth, thick)
    return Solid(slab, translation(0, 0, -thick), textures.floor(rng), "floor", casts_shadow=False)


def _scene(
    rng: np.random.Generator,
    size_px: tuple[int, int],
    name: str,
    content: tuple[list[Solid], list[Placed]],
    world_from_camera: NDArray[np.float64],
) -> Scene:
    solids, placed = list(content[0]), content[1]
    for number, one in enumerate(placed, start=1):
        solids += one.solids(number)
    reach = max((math.hypot(p.footprint.x_m, p.footprint.y_m) + p.footprint.radius_m for p in placed), default=1.0)
    return Scene(
        name=name,
        solids=tuple(solids),
        intrinsics=CameraIntrinsics.from_fov(*size_px, rng.uniform(40, 100)),
        world_from_camera=world_from_camera,
        lighting=indoor_lighting(rng, (0.0, 0.0, 0.8), max(1.2, reach)),
        contacts=contacts_of(placed),
    )
