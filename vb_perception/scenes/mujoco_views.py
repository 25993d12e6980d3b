"""Random robot's views of a MuJoCo model: where the camera stands, its picture, and the truth behind every pixel.

Truth comes from one ray a pixel, through its centre, against MuJoCo's own geometry: exact depth and unsmoothed normals.
The rasteriser's depth only checks it: where the two differ (silhouettes, glass, the sky) the pixel is unknown.
"""

import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes.dice import pick
from vb_perception.scenes.poses import looking_at

AGREEMENT = 0.01
"""Ray and rasteriser may differ by this share of the depth."""
NEAREST_M, KNOWN_SHARE, CLOSE_SHARE = 0.12, 0.75, 0.01
FAR_M = 60.0
_PROBE_STEP_PX = 8
_OPTICAL_TO_MUJOCO = np.diag((1.0, -1.0, -1.0))  # MuJoCo's camera: x right, y up, looks along -z
_FAMILIES = {"head": 0.5, "wrist": 0.25, "far": 0.25}
_DISTANCE_M = {"head": (0.7, 1.5), "wrist": (0.35, 0.7), "far": (1.5, 2.6)}
_ELEVATION_DEG = {
    "table": {"head": (20, 60), "wrist": (40, 80), "far": (8, 30)},
    "kitchen": {"head": (0, 40), "wrist": (20, 65), "far": (-5, 25)},
}
_AZIMUTH_DEG = {"table": (-180, 180), "kitchen": (-50, 50)}  # 0: the robot's own; the kitchen has a wall behind it
_TARGET_M = {
    "table": ((-0.3, 0.3), (0.45, 0.8), (0.0, 0.15)),
    "kitchen": ((-0.7, 0.6), (0.45, 0.9), (1.6, 2.3)),
}


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A camera and where it stands: `world_from_camera` (4, 4) from the optical frame."""

    camera: CameraIntrinsics
    world_from_camera: NDArray[np.float64]


def draw_view(place: str, rng: np.random.Generator, width: int, height: int) -> View:
    """A head's, a wrist's or a farther camera, 45 to 75 degrees wide, that looks at the "table" or the "kitchen"."""
    family = pick(rng, _FAMILIES)
    target = np.array([rng.uniform(*span) for span in _TARGET_M[place]])
    distance_m = rng.uniform(*_DISTANCE_M[family])
    elevation = math.radians(rng.uniform(*_ELEVATION_DEG[place][family]))
    azimuth = math.radians(rng.uniform(*_AZIMUTH_DEG[place]))
    across_m = distance_m * math.cos(elevation)
    offset = (across_m * math.sin(azimuth), -across_m * math.cos(azimuth), distance_m * math.sin(elevation))
    roll = math.radians(rng.normal(0, 4))
    camera = CameraIntrinsics.from_fov(width, height, rng.uniform(45, 75))
    return View(camera, looking_at(target + offset, target, roll))


class Painter:
    """A MuJoCo model with a renderer of one size and a camera of its own; close it when done.

    Raises:
        RuntimeError: No OpenGL context can be had (MuJoCo's own error).
    """

    def __init__(self, mujoco: ModuleType, path: str, width: int, height: int) -> None:
        self._mujoco = mujoco
        spec = mujoco.MjSpec.from_file(path)
        spec.worldbody.add_camera(name="view")
        self.model: Any = spec.compile()
        self.data: Any = mujoco.MjData(self.model)
        self.width, self.height = width, height
        self._renderer = mujoco.Renderer(self.model, height, width)
        self._options = mujoco.MjvOption()
        self._options.sitegroup[:] = 0  # marks for people, which rays do not meet

    def close(self) -> None:
        """Release the context."""
        self._renderer.close()

    def is_worth_it(self, view: View) -> bool:
        """Whether the view shows a scene: little sky, and nothing right in front of the lens."""
        probe = np.ascontiguousarray(view.camera.rays()[:, ::_PROBE_STEP_PX, ::_PROBE_STEP_PX])
        depth_m, _ = self._cast(view, probe)
        known = np.isfinite(depth_m)
        return bool(known.mean() > KNOWN_SHARE and (depth_m[known] < NEAREST_M).mean() < CLOSE_SHARE)

    def paint(self, view: View) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        """Colours (H, W, 3), depth (H, W) in metres and normals (H, W, 3) in the optical frame, NaN where unknown."""
        self._stand(view)
        rgb = self._draw().copy()
        self._renderer.enable_depth_rendering()
        drawn_m = self._draw().copy()
        self._renderer.disable_depth_rendering()
        depth_m, normals = self._cast(view, view.camera.rays())
        with np.errstate(invalid="ignore"):
            disagree = ~(np.abs(depth_m - drawn_m) <= AGREEMENT * depth_m)
        depth_m[disagree] = np.nan
        normals[disagree] = np.nan
        return rgb, depth_m, normals

    def _draw(self) -> NDArray[Any]:
        self._renderer.update_scene(self.data, camera="view", scene_option=self._options)
        return np.asarray(self._renderer.render())

    def _stand(self, view: View) -> None:
        """Move the model's camera."""
        model, mujoco = self.model, self._mujoco
        number = model.camera("view").id
        turn = np.zeros(4)
        mujoco.mju_mat2Quat(turn, (view.world_from_camera[:3, :3] @ _OPTICAL_TO_MUJOCO).ravel())
        model.cam_pos[number], model.cam_quat[number] = view.world_from_camera[:3, 3], turn
        model.cam_fovy[number] = math.degrees(2 * math.atan(0.5 * view.camera.height / view.camera.fy))
        mujoco.mj_forward(model, self.data)

    def _cast(self, view: View, rays: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Depth (h, w) and normals (h, w, 3) along the rays (2, h, w), x/z and y/z; NaN where nothing is met."""
        directions = np.stack((*rays.astype(np.float64), np.ones(rays.shape[1:])), axis=-1)
        camera_to_world = view.world_from_camera[:3, :3]
        count = directions[..., 0].size
        met, depth_m = np.full((count, 1), -1, np.int32), np.zeros((count, 1))
        normals = np.zeros((3 * count, 1))
        self._mujoco.mj_multiRay(
            self.model,
            self.data,
            view.world_from_camera[:3, 3:],
            (directions @ camera_to_world.T).reshape(-1, 1),
            self._options.geomgroup.reshape(-1, 1),
            flg_static=True,
            bodyexclude=-1,
            geomid=met,
            dist=depth_m,
            normal=normals,
            nray=count,
            cutoff=FAR_M * float(np.linalg.norm(directions, axis=-1).max()),
        )
        # The rays reach z = 1, so the distance in their lengths is z-depth.
        shape = rays.shape[1:]
        missed = (met < 0).reshape(shape)
        found = depth_m.reshape(shape).astype(np.float32)
        found[missed] = np.nan
        facing = normals.reshape(*shape, 3) @ camera_to_world
        facing *= -np.sign((facing * directions).sum(-1, keepdims=True))  # thin sheets are met from behind as well
        facing[missed] = np.nan
        return found, facing.astype(np.float32)
