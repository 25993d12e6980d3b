"""Frames of a simulator that training never sees: the Franka kitchen and Meta-World's table tops, drawn by MuJoCo.

The scenes are files of the PyPI package envpool-assets (Apache-2.0).  A frame is a scene in a random but plausible
state (loose objects, doors, arm) seen by a random robot's camera; `mujoco_views` draws it.
"""

import os
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import BagError, ConfigError, EngineUnavailableError
from vb_perception.scenes.dice import chance
from vb_perception.scenes.mujoco_views import Painter, draw_view
from vb_perception.scenes.sample import Sample

KITCHEN = "robotics/assets/kitchen_franka/kitchen_assets/kitchen_env_model.xml"
TABLE_TOPS = tuple(
    f"metaworld/assets/sawyer_xyz/sawyer_{name}.xml"
    for name in (
        *("coffee", "window_horizontal", "hammer", "drawer", "shelf_placing", "basketball", "box", "faucet"),
        *("bin_picking", "door_pull", "stick_obj", "assembly_peg", "button_press_wall", "soccer", "lever_pull"),
        *("plate_slide", "dial", "peg_unplug_side", "handle_press", "table_with_hole"),
    )
)

_INSTALL = "`pip install -r requirements/benchmarks.txt` (Python 3.11 or newer), `apt install libegl1 libgl1-mesa-dri`"
_SETTLE_STEPS, _POSE_TRIES, _VIEW_TRIES = 800, 400, 200
_FREE = 0  # mjtJoint.mjJNT_FREE
_SHIFT_M, _OPEN_SHARE = 0.15, 0.4
_DOORS = ("slide_cabinet", "left_hinge_cabinet", "right_hinge_cabinet", "microwave", "doorjoint", "goal_slidey")
_ARMS = ("right_j", "robot:panda0_joint")
_HAND = {"kitchen": "panda0_link7", "table": "hand"}
_REACH_M = {
    "kitchen": ((-0.6, 0.5), (0.2, 0.7), (1.75, 2.4)),
    "table": ((-0.45, 0.45), (0.35, 0.85), (0.12, 0.6)),
}
"""Where the hand may be, x, y and z of the scene's world: over the counter, over the table."""


def read_mujoco(count: int = 40, seed: int = 7, width: int = 256, height: int = 192) -> Iterator[Sample]:
    """The kitchen and Meta-World's tables in turn, the same for the same arguments (and versions of both packages).

    Depth and normals are those of MuJoCo's geometry, NaN where there is nothing and on silhouettes (`mujoco_views`).
    Nothing is labelled: ids are -1.  MUJOCO_GL is set to egl unless it is set already; MuJoCo reads it when imported.

    Raises:
        ConfigError: A count below one.
        EngineUnavailableError: mujoco or EGL is missing, or MUJOCO_GL names what cannot draw here.
        BagError: envpool-assets is missing or lacks a scene.
    """
    if count < 1:
        msg = f"{count} frames of MuJoCo scenes: expected at least 1"
        raise ConfigError(msg)
    assets, mujoco = _assets(), _mujoco()
    kitchen: Painter | None = None  # kept, since loading its textures takes longer than drawing it
    try:
        for index in range(count):
            rng = np.random.default_rng((seed, index))
            if index % 2:
                file = TABLE_TOPS[index // 2 % len(TABLE_TOPS)]
                table = _painter(mujoco, assets / file, width, height)
                try:
                    sample = _frame(mujoco, table, "table", rng, f"mujoco/{Path(file).stem}/{index}")
                finally:
                    table.close()
            else:
                kitchen = kitchen or _painter(mujoco, assets / KITCHEN, width, height)
                sample = _frame(mujoco, kitchen, "kitchen", rng, f"mujoco/kitchen/{index}")
            yield sample
    finally:
        if kitchen is not None:
            kitchen.close()


def _frame(mujoco: ModuleType, painter: Painter, place: str, rng: np.random.Generator, name: str) -> Sample:
    _settle(mujoco, painter, rng)
    _pose_arm(mujoco, painter, place, rng)
    for _ in range(_VIEW_TRIES):
        view = draw_view(place, rng, painter.width, painter.height)
        if painter.is_worth_it(view):
            rgb, depth_m, normals = painter.paint(view)
            nothing: NDArray[np.int16] = np.full(depth_m.shape, -1, np.int16)
            return Sample(name, rgb, view.camera, depth_m, normals, nothing, nothing.copy(), ("background",))
    msg = f"{name}: no usable view in {_VIEW_TRIES} tries; these are not the assets that the views were written for"
    raise BagError(msg)


def _settle(mujoco: ModuleType, painter: Painter, rng: np.random.Generator) -> None:
    """Loose objects elsewhere and at rest, some doors open."""
    model, data = painter.model, painter.data
    mujoco.mj_resetData(model, data)
    if model.nkey:
        mujoco.mj_resetDataKeyframe(model, data, 0)
    data.eq_active[:] = 0  # Meta-World ties the hand to a body that stays behind
    joints = [model.joint(number) for number in range(model.njnt)]
    for joint in joints:
        if joint.type[0] == _FREE:
            start = joint.qposadr[0]
            data.qpos[start : start + 2] += rng.uniform(-_SHIFT_M, _SHIFT_M, 2)
    mujoco.mj_step(model, data, _SETTLE_STEPS)
    data.qvel[:] = 0
    for joint in joints:
        if joint.name in _DOORS and chance(rng, _OPEN_SHARE):
            data.qpos[joint.qposadr[0]] = rng.uniform(*joint.range)


def _pose_arm(mujoco: ModuleType, painter: Painter, place: str, rng: np.random.Generator) -> None:
    """Random angles with the hand over the work and no later link below it; the arm hangs on if none are found."""
    model, data = painter.model, painter.data
    arm = [model.joint(n) for n in range(model.njnt) if model.joint(n).name.startswith(_ARMS)]
    hand = model.body(_HAND[place]).id
    links = [int(model.jnt_bodyid[joint.id]) for joint in arm[2:]]
    hanging = data.qpos.copy()
    for _ in range(_POSE_TRIES):
        for joint in arm:
            data.qpos[joint.qposadr[0]] = rng.uniform(*joint.range)
        mujoco.mj_kinematics(model, data)
        reach = _REACH_M[place]
        over = all(low <= x <= high for x, (low, high) in zip(data.xpos[hand], reach, strict=True))
        if over and all(data.xpos[link][2] >= reach[2][0] for link in links):
            break
    else:
        data.qpos[:] = hanging
    mujoco.mj_forward(model, data)


def _painter(mujoco: ModuleType, path: Path, width: int, height: int) -> Painter:
    if not path.is_file():
        msg = f"{path} is missing from the installed envpool-assets; {_INSTALL}"
        raise BagError(msg)
    try:
        return Painter(mujoco, str(path), width, height)
    except (RuntimeError, ImportError) as error:  # what mujoco raises where there is no display, or no EGL
        chosen = os.environ.get("MUJOCO_GL", "")
        msg = f"MuJoCo cannot draw with MUJOCO_GL={chosen} ({error}); set MUJOCO_GL=egl and {_INSTALL}"
        raise EngineUnavailableError(msg) from error


def _mujoco() -> ModuleType:
    os.environ.setdefault("MUJOCO_GL", "egl")
    try:
        return import_module("mujoco")  # here, since only who renders with it needs it
    except ImportError as error:
        msg = f"the MuJoCo scenes need mujoco, which cannot be imported ({error}); {_INSTALL}"
        raise EngineUnavailableError(msg) from error


def _assets() -> Path:
    spec = find_spec("envpool_assets")
    if spec is None or spec.origin is None:
        msg = f"the MuJoCo scenes are files of envpool-assets, which is not installed; {_INSTALL}"
        raise BagError(msg)
    return Path(spec.origin).parent / "mujoco"
