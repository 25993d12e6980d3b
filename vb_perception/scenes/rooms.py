"""Rooms and corridors as a mobile robot sees them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.dice import chance, pick
from vb_perception.scenes.furnishing import Furnishing
from vb_perception.scenes.lights import indoor_lighting
from vb_perception.scenes.placement import Footprint, Occupied
from vb_perception.scenes.poses import looking_at
from vb_perception.scenes.scene import Scene
from vb_perception.scenes.stock import THEMES, Stock
from vb_perception.scenes.walls import closed_room

CAMERA_CLEARANCE_M = 0.35
FOV_DEG = (40.0, 100.0)


def room_scene(
    rng: np.random.Generator, width: int, height: int, name: str = "room", assets: SceneAssets | None = None
) -> Scene:
    """A furnished room of 3-8 m seen from 0.15-1.8 m above the floor; every piece is an instance of its own."""
    size = (rng.uniform(3.0, 8.0), rng.uniform(3.0, 8.0))
    density = rng.uniform(0.1, 0.55)  # pieces to a square metre
    count = int(np.clip(round(size[0] * size[1] * density), 2, 16))
    return _furnished(rng, _Plan((width, height), size, count, name), assets or SceneAssets.none())


def corridor_scene(
    rng: np.random.Generator, width: int, height: int, name: str = "corridor", assets: SceneAssets | None = None
) -> Scene:
    """A corridor or hall of 6-15 m, 1.4-4 m wide, seen mostly along its length."""
    size = (rng.uniform(6.0, 15.0), rng.uniform(1.4, 4.0))
    plan = _Plan((width, height), size, int(rng.integers(0, 10)), name, along=True)
    return _furnished(rng, plan, assets or SceneAssets.none())


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be made."""

    size_px: tuple[int, int]
    size_m: tuple[float, float]
    count: int
    name: str
    along: bool = False


def _furnished(rng: np.random.Generator, plan: _Plan, assets: SceneAssets) -> Scene:
    half = np.array(plan.size_m) / 2
    ceiling_m = rng.uniform(2.3, 3.5)
    solids = closed_room(rng, (-half[0], -half[1]), (half[0], half[1]), ceiling_m)
    eye, target = _view(rng, half, along=plan.along)
    camera = Footprint(eye[0], eye[1], CAMERA_CLEARANCE_M, CAMERA_CLEARANCE_M, 0.0)
    taken = [Occupied(camera, 0.0, ceiling_m)]
    taken += [Occupied.of(s) for s in solids if s.class_name in ("door", "window", "picture")]
    stock = Stock(assets, None if plan.along or chance(rng, 0.2) else pick(rng, THEMES))
    furnishing = Furnishing(stock, (half[0], half[1]), ceiling_m, taken)
    placed = furnishing.fill(rng, plan.count, along_walls=0.9 if plan.along else 0.55)
    for number, one in enumerate(placed, start=1):
        solids += one.solids(number)
    return Scene(
        name=plan.name,
        solids=tuple(solids),
        intrinsics=CameraIntrinsics.from_fov(*plan.size_px, rng.uniform(*FOV_DEG)),
        world_from_camera=looking_at(eye, target, math.radians(rng.normal(0, 1.5))),
        lighting=indoor_lighting(rng, (0.0, 0.0, 0.8), float(np.hypot(*half)) + 0.5),
        contacts=np.array([p.contact() for p in furnishing.standing], np.float32).reshape(-1, 4),
    )


def _view(
    rng: np.random.Generator, half_m: NDArray[np.float64], *, along: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eye and target: from anywhere in the room, mostly across it; from one end of a corridor, along it."""
    inner = half_m - CAMERA_CLEARANCE_M
    eye_m = rng.uniform(0.15, 1.8)
    if along:
        eye = np.array((-inner[0] * rng.uniform(0.5, 1.0), rng.uniform(-0.7, 0.7) * inner[1], eye_m))
        yaw = rng.normal(0, 0.2)
    else:
        eye = np.array((*(rng.uniform(-1, 1, 2) * inner), eye_m))
        yaw = math.atan2(-eye[1], -eye[0]) + rng.normal(0, 0.7)
    pitch = math.radians(rng.normal(-4 - 10 * (eye_m - 0.15), 8))
    forward = np.array((math.cos(yaw) * math.cos(pitch), math.sin(yaw) * math.cos(pitch), math.sin(pitch)))
    return eye, eye + forward
