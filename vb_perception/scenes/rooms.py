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
from vb_perception.scenes.placement import Footprint, Occupied, Placed
from vb_perception.scenes.poses import looking_at
from vb_perception.scenes.scene import Scene
from vb_perception.scenes.stock import THEMES, Stock
from vb_perception.scenes.walls import closed_room

CAMERA_CLEARANCE_M = 0.35
FOV_DEG = (40.0, 100.0)
_WORTH_SEEING_M, _OVERHEAD_M = 0.3, 1.6


def room_scene(
    rng: np.random.Generator, width: int, height: int, name: str = "room", assets: SceneAssets | None = None
) -> Scene:
    """A furnished room of 3-8 m seen from 0.15-1.8 m above the floor; every piece is an instance of its own."""
    size = (rng.uniform(3.0, 8.0), rng.uniform(3.0, 8.0))
    density = rng.uniform(0.15, 0.7)  # pieces to a square metre
    count = int(np.clip(round(size[0] * size[1] * density), 3, 18))
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
    eye = _eye(rng, half, along=plan.along)
    clear_m = rng.uniform(CAMERA_CLEARANCE_M, 0.9)
    camera = Footprint(eye[0], eye[1], clear_m, clear_m, 0.0)
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
        world_from_camera=looking_at(
            eye, eye + _forward(rng, eye, placed, along=plan.along), math.radians(rng.normal(0, 1.5))
        ),
        lighting=indoor_lighting(rng, (0.0, 0.0, 0.8), float(np.hypot(*half)) + 0.5),
        contacts=np.array([p.contact() for p in furnishing.standing], np.float32).reshape(-1, 4),
    )


def _eye(rng: np.random.Generator, half_m: NDArray[np.float64], *, along: bool) -> NDArray[np.float64]:
    """Anywhere in a room; at one end of a corridor."""
    inner = half_m - CAMERA_CLEARANCE_M
    eye_m = rng.uniform(0.15, 1.8)
    if along:
        return np.array((-inner[0] * rng.uniform(0.5, 1.0), rng.uniform(-0.7, 0.7) * inner[1], eye_m))
    return np.array((*(rng.uniform(-1, 1, 2) * inner), eye_m))


def _forward(
    rng: np.random.Generator, eye: NDArray[np.float64], placed: list[Placed], *, along: bool
) -> NDArray[np.float64]:
    """Half of the time towards a piece of furniture, else across the room or along the corridor."""
    yaw, pitch_deg = rng.normal(0, 0.2), rng.normal(-4 - 10 * (eye[2] - 0.15), 8)
    if not along:
        yaw = math.atan2(-eye[1], -eye[0]) + rng.normal(0, 0.7)
        seen = [p for p in placed if p.body.height_m > _WORTH_SEEING_M and p.z_m < _OVERHEAD_M]
        if seen and chance(rng, 0.5):
            one = seen[int(rng.integers(len(seen)))]
            way = np.array((one.footprint.x_m, one.footprint.y_m, one.z_m + one.body.height_m / 2)) - eye
            yaw = math.atan2(way[1], way[0]) + rng.normal(0, 0.2)
            pitch_deg = math.degrees(math.atan2(way[2], math.hypot(way[0], way[1]))) + rng.normal(0, 6)
    pitch = math.radians(min(max(pitch_deg, -60.0), 25.0))
    return np.array((math.cos(yaw) * math.cos(pitch), math.sin(yaw) * math.cos(pitch), math.sin(pitch)))
