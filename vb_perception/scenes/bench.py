"""Crowded table tops before one camera: what a robot with a Kinect on its mast looks down at."""

import math

import numpy as np

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.dice import chance
from vb_perception.scenes.lights import indoor_lighting
from vb_perception.scenes.osd import OSD_CAMERA
from vb_perception.scenes.placement import Occupied, contacts_of
from vb_perception.scenes.poses import looking_at
from vb_perception.scenes.scene import Scene
from vb_perception.scenes.stock import Stock
from vb_perception.scenes.tabletop import MOST_OBJECTS, clutter, surroundings, table_solids

FOCAL_SHARE = OSD_CAMERA.fx / OSD_CAMERA.width
"""Focal length over the picture's width: one camera, so that its frames and these can be put together."""
PITCH_DEG, ROLL_DEG, YAW_DEG = (33.0, 44.0), 2.0, 14.0
EYE_M, EYE_SPREAD_M = 0.595, 0.02
"""Of the eye above the table: mean and standard deviation; as the planes of OSD's learn split tell, a little wider."""


def bench_scene(
    rng: np.random.Generator, width: int, height: int, name: str = "bench", assets: SceneAssets | None = None
) -> Scene:
    """A table with 3 to 12 objects, 0.6 m below the eye; the table is instance 0, objects count from 1."""
    stock = Stock(assets or SceneAssets.none())
    top_m = rng.uniform(0.6, 0.95)
    size = (rng.uniform(1.0, 2.2), rng.uniform(0.7, 1.5))
    above_m = rng.normal(EYE_M, EYE_SPREAD_M)
    eye = np.array((-size[0] / 2 + rng.uniform(-0.35, 0.25), rng.uniform(-0.25, 0.25) * size[1], top_m + above_m))
    pitch, yaw = math.radians(rng.uniform(*PITCH_DEG)), math.radians(rng.normal(0, YAW_DEG))
    ahead = np.array((math.cos(yaw), math.sin(yaw), -math.tan(pitch)))
    seen = eye[:2] + rng.uniform(0.7, 1.3) * above_m / math.tan(pitch) * ahead[:2]
    free = np.array(size) / 2 - 0.12
    x, y = np.clip(seen, -free, free)
    placed = clutter(rng, top_m, size, int(rng.integers(3, MOST_OBJECTS + 1)), stock, (float(x), float(y)))
    camera = Occupied.by_camera(eye)
    placed = [p for p in placed if not p.occupied.meets(camera)]
    solids = table_solids(rng, top_m, size, pale=chance(rng, 0.5))
    for number, one in enumerate(placed, start=1):
        solids += one.solids(number)
    solids += surroundings(rng, size, eye, stock)
    focal_px = FOCAL_SHARE * width
    return Scene(
        name=name,
        solids=tuple(solids),
        intrinsics=CameraIntrinsics(width, height, focal_px, focal_px, (width - 1) / 2, (height - 1) / 2),
        world_from_camera=looking_at(eye, eye + ahead, math.radians(rng.normal(0, ROLL_DEG))),
        lighting=indoor_lighting(rng, (float(x), float(y), top_m), 1.2),
        contacts=contacts_of(placed),
    )
