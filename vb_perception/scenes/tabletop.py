"""Table-top scenes as a manipulator's camera sees them."""

import math

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes import shapes, textures
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.dice import chance, log_uniform, pick
from vb_perception.scenes.heap import Heap
from vb_perception.scenes.lights import indoor_lighting
from vb_perception.scenes.objects import board_object, box_object
from vb_perception.scenes.placement import Footprint, Occupied, Placed, contacts_of, place
from vb_perception.scenes.poses import looking_at, standing
from vb_perception.scenes.resting import resting
from vb_perception.scenes.scene import Material, Scene, Solid
from vb_perception.scenes.stock import Stock
from vb_perception.scenes.walls import closed_room

KINECT_FOV_DEG = 57.0
MOST_OBJECTS = 12
_WEIGHTS = {"box": 6.0, "can": 2.5, "bowl": 1.5, "cup": 2.0, "bottle": 1.5, "ball": 1.0, "plate": 1.0, "book": 1.0}
_ARRANGED = {"apart": 5.0, "beside": 3.0, "on top": 2.0, "leaning": 1.0}


def tabletop_scene(
    rng: np.random.Generator, width: int, height: int, name: str = "tabletop", assets: SceneAssets | None = None
) -> Scene:
    """A table with 1-12 objects in a closed room, seen from 0.4-2 m at -12..-65 degrees of pitch.

    Half of the cameras stand at a table's end and look along it, as a robot before its table does; two thirds have a
    Kinect's field of view, the others 40-100 degrees.  The table is instance 0, as the support is in OSD; every object
    has an instance of its own, counted from 1.
    """
    stock = Stock(assets or SceneAssets.none())
    top_m = rng.uniform(0.6, 0.95)
    robot = chance(rng, 0.5)
    if robot:
        size = (rng.uniform(1.2, 2.6), rng.uniform(0.7, 1.5))
        eye, middle = _robot_view(rng, top_m, size)
        placed = clutter(rng, top_m, size, stock=stock, middle_m=middle)
    else:
        size = (rng.uniform(0.8, 2.4), rng.uniform(0.6, 1.4))
        placed = clutter(rng, top_m, size, stock=stock)
        eye = _view(rng, _centre(placed, top_m))
    centre = _centre(placed, top_m)
    camera = Occupied.by_camera(eye)
    placed = [p for p in placed if not p.occupied.meets(camera)]
    target = centre + np.array((*rng.normal(0, 0.08, 2), rng.uniform(-0.02, 0.12)))
    solids = table_solids(rng, top_m, size, pale=robot and chance(rng, 0.5))
    for number, one in enumerate(placed, start=1):
        solids += one.solids(number)
    solids += surroundings(rng, size, eye, stock)
    return Scene(
        name=name,
        solids=tuple(solids),
        intrinsics=CameraIntrinsics.from_fov(
            width, height, KINECT_FOV_DEG if chance(rng, 2 / 3) else rng.uniform(40, 100)
        ),
        world_from_camera=looking_at(eye, target, math.radians(rng.normal(0, 2.0))),
        lighting=indoor_lighting(rng, tuple(centre), 1.2),
        contacts=contacts_of(placed),
    )


def clutter(
    rng: np.random.Generator,
    top_m: float,
    size_m: tuple[float, float],
    count: int | None = None,
    stock: Stock | None = None,
    middle_m: tuple[float, float] | None = None,
    spread_m: float | None = None,
) -> list[Placed]:
    """Objects on a table whose centre is the world's origin: one cluster around `middle_m`, none inside another.

    They stand apart, touch, lie on each other (their middle supported) and lean against each other.
    """
    stock = stock or Stock(SceneAssets.none())
    weights = dict(_WEIGHTS)
    if chance(rng, 0.3):  # now and then a table of few kinds of things
        weights = {name: weight * (10 if chance(rng, 0.3) else 0.2) for name, weight in weights.items()}
    if count is None:
        count = int(rng.integers(2, 7)) if chance(rng, 0.5) else int(rng.integers(1, MOST_OBJECTS + 1))
    middle = _middle(rng, size_m) if middle_m is None else middle_m
    heap = Heap(top_m, size_m, middle, rng.uniform(0.06, 0.4) if spread_m is None else spread_m)
    for _ in range(6 * count):
        if len(heap.placed) == count:
            break
        how = pick(rng, _ARRANGED) if heap.placed else "apart"
        if how == "leaning":
            heap.lean(rng, board_object(rng))
        else:
            body = resting(stock.clutter(rng, weights), rng)
            {"apart": heap.apart, "beside": heap.beside, "on top": heap.on_top}[how](rng, body)
    while not heap.placed:
        heap.apart(rng, box_object(rng, 0.12))
    return heap.placed


def _middle(rng: np.random.Generator, size_m: tuple[float, float]) -> tuple[float, float]:
    """Of a cluster somewhere on the table, not at its edge."""
    free = np.maximum(np.array(size_m) / 2 - 0.25, 0)
    x, y = rng.uniform(-free, free)
    return float(x), float(y)


def _centre(placed: list[Placed], top_m: float) -> NDArray[np.float64]:
    points = np.array([[p.footprint.x_m, p.footprint.y_m, top_m] for p in placed])
    return np.asarray(points.mean(axis=0), np.float64)


def table_solids(
    rng: np.random.Generator, top_m: float, size_m: tuple[float, float], *, pale: bool = False
) -> list[Solid]:
    """A table around the world's origin, its top at `top_m`; a slab or a round plate, with legs.

    A `pale` one is of light wood with hardly a grain, as laboratories and offices have them.
    """
    material, legs = _pale_wood(rng) if pale else textures.table_top(rng), textures.wood(rng)
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


def _pale_wood(rng: np.random.Generator) -> Material:
    value, warmth, dark = rng.uniform(0.7, 0.95), rng.uniform(0.05, 0.2), rng.uniform(0.93, 1.0)
    light = (value, value * (1 - warmth), value * (1 - 1.8 * warmth))
    other = (light[0] * dark, light[1] * dark, light[2] * dark)
    changes = {"repeat_m": rng.uniform(0.1, 0.4), "grain": rng.uniform(0.0, 0.1), "shine": rng.uniform(0.0, 0.25)}
    return textures.surface(rng, ("wood", "plain"), colours=(light, other, other), **changes)


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


def _robot_view(
    rng: np.random.Generator, top_m: float, size_m: tuple[float, float]
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Eye of a camera above one end of the table, which looks along it, and the middle of what it looks at."""
    eye = np.array(
        (-size_m[0] / 2 + rng.uniform(-0.3, 0.4), rng.uniform(-0.3, 0.3) * size_m[1], top_m + rng.uniform(0.42, 0.9))
    )
    yaw, ahead = rng.normal(0, 0.25), rng.uniform(0.3, 0.95)
    free = np.array(size_m) / 2 - 0.15
    x, y = np.clip(eye[:2] + ahead * np.array((math.cos(yaw), math.sin(yaw))), -free, free)
    return eye, (float(x), float(y))


def _view(rng: np.random.Generator, centre_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Eye of a camera somewhere around the clutter."""
    pitch, yaw = math.radians(rng.uniform(12, 65)), rng.uniform(0, 2 * np.pi)
    back = np.array((math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch)))
    return centre_m + log_uniform(rng, 0.45, 2.0) * back
