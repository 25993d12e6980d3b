"""A short run of a robot towards a table: the frames of the sample bag."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import ConfigError
from vb_perception.scenes.lights import indoor_lighting
from vb_perception.scenes.poses import looking_at
from vb_perception.scenes.render import Renderer
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.scene import Scene
from vb_perception.scenes.tabletop import KINECT_FOV_DEG, clutter, surroundings, table_solids

RUN_HZ = 15.0
RUN_FRAMES = 45
RUN_SEED = 21
RUN_OBJECTS = 7
_TABLE_M, _TOP_M = (1.5, 0.9), 0.72


def sample_run(width: int = 640, height: int = 480, frames: int = RUN_FRAMES, seed: int = RUN_SEED) -> Iterator[Sample]:
    """The frames of the run in order, `RUN_HZ` of them a second; the same for the same arguments.

    Raises:
        ConfigError: Fewer than two frames.
        EngineUnavailableError: moderngl or EGL is missing.
    """
    with Renderer(width, height) as renderer:
        for scene in run_scenes(width, height, frames, seed):
            yield renderer.render(scene)


def run_scenes(width: int, height: int, frames: int = RUN_FRAMES, seed: int = RUN_SEED) -> Iterator[Scene]:
    """One scene a frame: the camera looks into the room, comes nearer, bends over the table and swings around it.

    All frames share their solids and light; only the camera moves, starting and ending at rest.
    """
    if frames < 2:  # noqa: PLR2004  (a start and an end)
        msg = f"a run of {frames} frames has no motion; ask for at least 2"
        raise ConfigError(msg)
    rng = np.random.default_rng(seed)
    placed = clutter(rng, _TOP_M, _TABLE_M, RUN_OBJECTS)
    centre = np.array([[p.footprint.x_m, p.footprint.y_m, _TOP_M + 0.03] for p in placed]).mean(axis=0)
    heading = rng.uniform(0, 2 * math.pi)
    solids = table_solids(rng, _TOP_M, _TABLE_M)
    for number, one in enumerate(placed, start=1):
        solids += one.solids(number)
    behind = centre + np.array((2.4 * math.cos(heading), 2.4 * math.sin(heading), 0.0))
    solids += surroundings(rng, _TABLE_M, behind)
    still = Scene(
        name="run",
        solids=tuple(solids),
        intrinsics=CameraIntrinsics.from_fov(width, height, KINECT_FOV_DEG),
        world_from_camera=np.eye(4),
        lighting=indoor_lighting(rng, tuple(centre), 1.2),
        contacts=np.array([p.contact() for p in placed], np.float32),
    )
    for index in range(frames):
        share = index / (frames - 1)
        eased = share**3 * (10 - 15 * share + 6 * share**2)  # no jerk at either end
        distance, turn = 2.2 - 1.3 * eased, heading + 0.5 * eased
        pitch = math.radians(16 + 26 * eased)
        back = np.array((math.cos(pitch) * math.cos(turn), math.cos(pitch) * math.sin(turn), math.sin(pitch)))
        target = centre + np.array((0.0, 0.0, 0.25 * (1 - eased)))
        pose = looking_at(centre + distance * back, target)
        yield replace(still, name=f"run/{index:03d}", world_from_camera=pose)
