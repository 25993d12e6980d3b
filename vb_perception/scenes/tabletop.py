"""Table-top scenes as a manipulator's camera sees them."""

import math

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes import shapes, textures
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.dice import chance
from vb_perception.scenes.lights import indoor_lighting
from vb_perception.scenes.objects import MAKERS, Body, box_object, random_object
from vb_perception.scenes.placement import Footprint, Placed, place, place_on_top
from vb_perception.scenes.poses import looking_at, standing
from vb_perception.scenes.scene import Scene, Solid
from vb_perception.scenes.stock import Stock
from vb_perception.scenes.walls import closed_room

KINECT_FOV_DEG = 57.0
MOST_OBJECTS = 12
_WEIGHTS = {"box": 6.0, "can": 2.5, "bowl": 1.5, "cup": 2.0, "bottle": 1.5, "ball": 1.0, "plate": 1.0, "book": 1.0}


def tabletop_scene(
    rng: np.random.Generator, width: int, height: int, name: str = "tabletop", assets: SceneAssets | None = None
) -> Scene:
    """A table with 1-12 objects in a closed room, seen from 0.5-1.6 m at -15..-70 degrees of pitch.

    Two thirds of the cameras have a Kinect's field of view, the others 40-100 degrees.  The table is instance 0, as the
    support is in OSD; every object has an instance of its own, counted from 1.
    """
    top_m = rng.uniform(0.6, 0.95)
    size = (rng.uniform(0.8, 2.4), rng.uniform(0.6, 1.4))
    stock = Stock(assets or SceneAssets.none())
    placed = clutter(rng, top_m, size, stock=stock)
    centre = np.array([[p.footprint.x_m, p.footprint.y_m, top_m] for p in placed]).mean(axis=0)
    eye, target = _view(rng, centre)
    world_from_camera = looking_at(eye, target, math.radians(rng.normal(0, 2.0)))
    fov_deg = KINECT_FOV_DEG if chance(rng, 2 / 3) else rng.uniform(40, 100)
    solids = table_solids(rng, top_m, size)
    for number, one in enumerate(placed, start=1):
        solids += one.solids(number)
    solids += surroundings(rng, size, eye, stock)
    return Scene(
        name=name,
        solids=tuple(solids),
        intrinsics=CameraIntrinsics.from_fov(width, height, fov_deg),
        world_from_camera=world_from_camera,
        lighting=indoor_lighting(rng, tuple(centre), 1.2),
        contacts=np.array([p.contact() for p in placed], np.float32),
    )


def clutter(
    rng: np.random.Generator,
    top_m: float,
    size_m: tuple[float, float],
    count: int | None = None,
    stock: Stock | None = None,
) -> list[Placed]:
    """Objects on a table whose centre is the world's origin: one cluster, some boxes stacked, none inside another."""
    stock = stock or Stock(SceneAssets.none())
    weights = dict(_WEIGHTS)
    if chance(rng, 0.3):  # now and then a table of few kinds of things
        weights = {name: weight * (10 if chance(rng, 0.3) else 0.2) for name, weight in weights.items()}
    count = int(rng.integers(1, MOST_OBJECTS + 1)) if count is None else count
    spread = rng.uniform(0.12, 0.45)
    edge = 0.16
    room = (max(size_m[0] / 2 - edge - spread, 0), max(size_m[1] / 2 - edge - spread, 0))
    centre = (rng.uniform(-room[0], room[0]), rng.uniform(-room[1], room[1]))
    limits = (min(spread, size_m[0] / 2 - edge), min(spread, size_m[1] / 2 - edge))
    placed: list[Placed] = []
    feet: list[Footprint] = []
    while len(placed) < count:
        body = stock.clutter(rng, weights)
        foot = place(body, feet, rng, centre, limits)
        if foot is None:
            body = box_object(rng, 0.12)
            foot = place(body, feet, rng, centre, (limits[0] + 0.1, limits[1] + 0.1))
        if foot is None:
            break
        feet.append(foot)
        placed.append(Placed(body, foot, top_m))
        if body.class_name in ("box", "book") and len(placed) < count and chance(rng, 0.3):
            placed += _stacked(rng, placed[-1], count - len(placed))
    return placed


def _stacked(rng: np.random.Generator, below: Placed, most: int) -> list[Placed]:
    """One or two things on top of a box."""
    out: list[Placed] = []
    for _ in range(min(most, int(rng.integers(1, 3)))):
        body: Body = box_object(rng, 0.2) if chance(rng, 0.7) else random_object(str(rng.choice(list(MAKERS))), rng)
        above = place_on_top(body, below, rng)
        if above is None:
            break
        out.append(above)
        below = above
    return out


def table_solids(rng: np.random.Generator, top_m: float, size_m: tuple[float, float]) -> list[Solid]:
    """A table around the world's origin, its top at `top_m`; a slab or a round plate, with legs."""
    material, legs = textures.table_top(rng), textures.wood(rng)
    thick = rng.uniform(0.015, 0.06)
    if chance(rng, 0.12):
        radius = 0.5 * math.hypot(*size_m)
        top = shapes.cylinder(radius, thick, 64)
        feet = [(0.0, 0.0, 0.06)]
    else:
        top = shapes.box(*size_m, thick)
        x, y = size_m[0] / 2 - 0.07, size_m[1] / 2 - 0.07
        feet = [(sx * x, sy * y, 0.03) for sx in (-1, 1) for sy in (-1, 1)]
    out = [Solid(top, standing(0, 0, top_m - thick), material, "table")]
    for x, y, radius in feet:
        out.append(Solid(shapes.cylinder(radius, top_m - thick, 12), standing(x, y, 0), legs, "table"))
    return out


def surroundings(
    rng: np.random.Generator, size_m: tuple[float, float], eye_m: NDArray[np.float64], stock: Stock | None = None
) -> list[Solid]:
    """A closed room around the table and the camera, with a few pieces of furniture along the walls."""
    stock = stock or Stock(SceneAssets.none())
    margin = np.exp(rng.uniform(np.log(0.08), np.log(3.0), 4))
    low = np.minimum((-size_m[0] / 2, -size_m[1] / 2), eye_m[:2] - 0.25) - margin[:2]
    high = np.maximum((size_m[0] / 2, size_m[1] / 2), eye_m[:2] + 0.25) + margin[2:]
    out = closed_room(rng, (float(low[0]), float(low[1])), (float(high[0]), float(high[1])), rng.uniform(2.4, 3.2))
    radius = 0.5 * math.hypot(*size_m)
    taken = [Footprint(0, 0, radius, radius, 0), Footprint(float(eye_m[0]), float(eye_m[1]), 0.3, 0.3, 0)]
    centre = (float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2)
    for _ in range(int(rng.integers(0, 6))):
        body = stock.furniture(rng)
        reach = math.hypot(body.half_x_m, body.half_y_m)
        spread = (float(high[0] - low[0]) / 2 - reach, float(high[1] - low[1]) / 2 - reach)
        foot = place(body, taken, rng, centre, spread, tries=10) if min(spread) > 0 else None
        if foot is not None:
            taken.append(foot)
            out += Placed(body, foot, 0.0).solids(0)
    return out


def _view(rng: np.random.Generator, centre_m: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eye and target of a camera that looks at the clutter."""
    target = centre_m + np.array((*rng.normal(0, 0.08, 2), rng.uniform(-0.02, 0.12)))
    pitch, yaw = math.radians(rng.uniform(15, 70)), rng.uniform(0, 2 * np.pi)
    back = np.array((math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch)))
    return target + rng.uniform(0.5, 1.6) * back, target
