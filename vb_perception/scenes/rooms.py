"""Rooms and corridors as a mobile robot sees them."""

import math

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes import furniture
from vb_perception.scenes.dice import chance
from vb_perception.scenes.lights import indoor_lighting
from vb_perception.scenes.objects import MAKERS, random_object
from vb_perception.scenes.placement import Footprint, Placed, place
from vb_perception.scenes.poses import looking_at
from vb_perception.scenes.scene import Scene
from vb_perception.scenes.walls import closed_room

CAMERA_CLEARANCE_M = 0.35


def room_scene(rng: np.random.Generator, width: int, height: int, name: str = "room") -> Scene:
    """A furnished room of 3-8 m seen from 0.15-1.8 m above the floor; every piece is an instance of its own."""
    size = (rng.uniform(3.0, 8.0), rng.uniform(3.0, 8.0))
    return _furnished(rng, (width, height), size, int(rng.integers(2, 11)), name)


def corridor_scene(rng: np.random.Generator, width: int, height: int, name: str = "corridor") -> Scene:
    """A corridor or hall of 6-15 m, 1.4-4 m wide, seen mostly along its length."""
    size = (rng.uniform(6.0, 15.0), rng.uniform(1.4, 4.0))
    return _furnished(rng, (width, height), size, int(rng.integers(0, 8)), name, along=True)


def _furnished(
    rng: np.random.Generator,
    size_px: tuple[int, int],
    size_m: tuple[float, float],
    count: int,
    name: str,
    *,
    along: bool = False,
) -> Scene:
    half = np.array(size_m) / 2
    ceiling_m = rng.uniform(2.3, 3.5)
    solids = closed_room(rng, (-half[0], -half[1]), (half[0], half[1]), ceiling_m)
    eye, target = _view(rng, half, along=along)
    placed = _pieces(rng, half, count, [Footprint(eye[0], eye[1], CAMERA_CLEARANCE_M, CAMERA_CLEARANCE_M, 0.0)])
    for number, one in enumerate(placed, start=1):
        solids += one.solids(number)
    return Scene(
        name=name,
        solids=tuple(solids),
        intrinsics=CameraIntrinsics.from_fov(*size_px, rng.uniform(50, 100)),
        world_from_camera=looking_at(eye, target, math.radians(rng.normal(0, 1.5))),
        lighting=indoor_lighting(rng, (0.0, 0.0, 0.8), float(np.hypot(*half)) + 0.5),
        contacts=np.array([p.contact() for p in placed], np.float32).reshape(-1, 4),
    )


def _pieces(rng: np.random.Generator, half_m: NDArray[np.float64], count: int, taken: list[Footprint]) -> list[Placed]:
    """Furniture, half of it with its back to a wall, and small things on flat tops and on the floor."""
    out: list[Placed] = []
    for _ in range(count):
        body = furniture.random_furniture(rng)
        reach = math.hypot(body.half_x_m, body.half_y_m)
        if chance(rng, 0.55):
            foot = _at_a_wall(rng, half_m, body.half_x_m, body.half_y_m)
            if foot is not None and any(foot.overlaps(other, 0.02) for other in taken):
                foot = None
        else:
            spread = half_m - reach - 0.02
            foot = place(body, taken, rng, (0, 0), (spread[0], spread[1]), tries=15) if spread.min() > 0 else None
        if foot is None:
            continue
        taken.append(foot)
        out.append(Placed(body, foot, 0.0))
        if body.flat_top:
            out += _on_top(rng, out[-1])
    return out


def _on_top(rng: np.random.Generator, below: Placed) -> list[Placed]:
    """Up to five small things on a table, a cabinet or a crate."""
    foot = below.footprint
    feet: list[Footprint] = []
    out: list[Placed] = []
    for _ in range(int(rng.integers(0, 6))):
        body = random_object(str(rng.choice(list(MAKERS))), rng)
        spread = np.array((foot.half_x_m, foot.half_y_m)) - math.hypot(body.half_x_m, body.half_y_m)
        if spread.min() <= 0:
            continue
        local = place(body, feet, rng, (0.0, 0.0), (spread[0], spread[1]), tries=10)
        if local is None:
            continue
        feet.append(local)
        x, y = np.array((local.x_m, local.y_m)) @ foot.axes + (foot.x_m, foot.y_m)
        turned = Footprint(float(x), float(y), local.half_x_m, local.half_y_m, local.yaw_rad + foot.yaw_rad)
        out.append(Placed(body, turned, below.z_m + below.body.height_m))
    return out


def _at_a_wall(
    rng: np.random.Generator, half_m: NDArray[np.float64], half_x_m: float, half_y_m: float
) -> Footprint | None:
    """A place whose +y side (the piece's back) touches one of the four walls."""
    side = int(rng.integers(4))
    yaw = side * math.pi / 2
    length, reach = (half_m[0], half_m[1]) if side % 2 == 0 else (half_m[1], half_m[0])
    free = length - half_x_m - 0.02
    if free <= 0 or reach <= half_y_m:
        return None
    along, out = rng.uniform(-free, free), reach - half_y_m - 0.02
    x = along * math.cos(yaw) - out * math.sin(yaw)
    y = along * math.sin(yaw) + out * math.cos(yaw)
    return Footprint(x, y, half_x_m, half_y_m, yaw)


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
