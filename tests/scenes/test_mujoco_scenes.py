from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import BagError, ConfigError, EngineUnavailableError
from vb_perception.metrics.normals import angles_deg
from vb_perception.scenes import mujoco_scenes
from vb_perception.scenes.mujoco_scenes import read_mujoco
from vb_perception.scenes.mujoco_views import Painter, View, draw_view
from vb_perception.scenes.normals_from_depth import normals_from_depth
from vb_perception.scenes.poses import looking_at
from vb_perception.scenes.sample import Sample

needs_mujoco = pytest.mark.skipif(
    find_spec("mujoco") is None, reason="MuJoCo is absent: pip install -r requirements/benchmarks.txt"
)
needs_assets = pytest.mark.skipif(
    find_spec("envpool_assets") is None, reason="envpool-assets is absent: pip install -r requirements/benchmarks.txt"
)
BALL_ON_FLOOR = """
<mujoco><worldbody><light pos="0 0 4"/>
<geom type="plane" size="20 20 .1"/><geom type="sphere" size=".5" pos="0 2 .5" rgba="1 0 0 1"/>
</worldbody></mujoco>
"""
EYE = np.array((0.3, -1.0, 1.4))
VIEW = View(CameraIntrinsics.from_fov(96, 72, 60), looking_at(EYE, np.array((0.0, 2.0, 0.3)), 0.1))


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Painter]:
    path = tmp_path_factory.mktemp("mujoco") / "ball.xml"
    path.write_text(BALL_ON_FLOOR, encoding="utf-8")
    try:
        opened = mujoco_scenes._painter(mujoco_scenes._mujoco(), path, 96, 72)  # noqa: SLF001 -- its errors are wanted
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    yield opened
    opened.close()


def analytic() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Depth and normals of the ball and the floor, ray by ray, in float64."""
    turn = VIEW.world_from_camera[:3, :3]
    x, y = VIEW.camera.rays().astype(np.float64)
    ray = np.stack((x, y, np.ones_like(x)), axis=-1) @ turn.T
    to_eye = EYE - (0.0, 2.0, 0.5)
    a, half_b, c = (ray * ray).sum(-1), ray @ to_eye, to_eye @ to_eye - 0.25
    root = half_b**2 - a * c
    with np.errstate(invalid="ignore"):
        ball = np.where(root > 0, (-half_b - np.sqrt(root)) / a, np.inf)
    floor = np.where(ray[..., 2] < 0, -EYE[2] / ray[..., 2], np.inf)
    depth = np.minimum(ball, floor)
    on_ball = (EYE + np.where(np.isfinite(ball), ball, 0)[..., None] * ray - (0.0, 2.0, 0.5)) / 0.5
    normal = np.where((ball < floor)[..., None], on_ball, (0.0, 0.0, 1.0))
    return depth, normal @ turn


@needs_mujoco
def test_depth_and_normals_are_those_of_the_rays(painter: Painter) -> None:
    _, depth_m, normals = painter.paint(VIEW)
    depth, normal = analytic()
    known = np.isfinite(depth_m)
    assert known[depth < 20].mean() > 0.95  # silhouettes alone are unknown
    assert not known[~np.isfinite(depth)].any()  # the sky
    np.testing.assert_allclose(depth_m[known], depth[known], rtol=1e-5)
    assert angles_deg(normals, normal)[known].max() < 0.1


@needs_mujoco
def test_the_picture_is_of_the_same_place(painter: Painter) -> None:
    rgb, depth_m, _ = painter.paint(VIEW)
    x, y = VIEW.camera.rays()
    points = np.stack((x, y, np.ones_like(x)), -1) * depth_m[..., None]
    height_m = points @ VIEW.world_from_camera[2, :3] + EYE[2]
    known = np.isfinite(depth_m)
    red = (rgb[..., 0] > 60) & (rgb[..., 1] < 30)
    assert 0.02 < red.mean() < 0.5
    assert (red == (height_m > 0.02))[known].mean() > 0.98  # only the ball is red, and rises above the floor


@needs_mujoco
def test_a_view_into_the_sky_is_not_worth_it(painter: Painter) -> None:
    up = View(VIEW.camera, looking_at(EYE, EYE + np.array((0.0, 1.0, 2.0))))
    assert painter.is_worth_it(VIEW)
    assert not painter.is_worth_it(up)


@pytest.fixture(scope="module")
def frames() -> list[Sample]:
    try:
        return list(read_mujoco(2, width=128, height=96))
    except EngineUnavailableError as error:
        pytest.skip(str(error))


@needs_mujoco
@needs_assets
def test_frames_are_metric_and_normals_agree_with_depth(frames: list[Sample]) -> None:
    assert [f.name.split("/")[1] for f in frames] == ["kitchen", "sawyer_coffee"]
    for frame in frames:
        known = np.isfinite(frame.depth_m)
        assert known.mean() > 0.6
        assert 0.1 < np.nanmin(frame.depth_m) < np.nanmedian(frame.depth_m) < 4
        assert frame.rgb.std() > 20
        assert (frame.class_ids == -1).all()
        error_deg = angles_deg(frame.normals, normals_from_depth(frame.depth_m, frame.intrinsics))
        assert np.nanmedian(error_deg) < 1
        x, y = frame.intrinsics.rays()
        towards = frame.normals[..., 0] * x + frame.normals[..., 1] * y + frame.normals[..., 2]
        assert (towards[known] <= 1e-6).all()


@needs_mujoco
@needs_assets
def test_the_same_arguments_give_the_same_frames(frames: list[Sample]) -> None:
    (again,) = read_mujoco(1, width=128, height=96)
    np.testing.assert_array_equal(again.rgb, frames[0].rgb)
    np.testing.assert_array_equal(again.depth_m, frames[0].depth_m)


@pytest.mark.parametrize("place", ["table", "kitchen"])
def test_views_are_those_of_a_robot(place: str) -> None:
    rng = np.random.default_rng(3)
    views = [draw_view(place, rng, 64, 48) for _ in range(100)]
    eyes = np.array([view.world_from_camera[:3, 3] for view in views])
    fov_deg = np.degrees([2 * np.arctan(32 / view.camera.fx) for view in views])
    assert 44 < fov_deg.min() < 55
    assert 65 < fov_deg.max() < 76
    assert eyes.std(axis=0).min() > 0.1
    assert place == "table" or eyes[:, 1].max() < 0.9  # behind the counter there is a wall


def test_no_frames_are_refused() -> None:
    with pytest.raises(ConfigError, match="0 frames"):
        next(read_mujoco(0))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mujoco_scenes, "find_spec", lambda _name: None)
    with pytest.raises(BagError, match=r"envpool-assets.*requirements/benchmarks\.txt"):
        next(read_mujoco(1))


@needs_mujoco
def test_a_missing_scene_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mujoco_scenes, "_assets", lambda: tmp_path)
    with pytest.raises(BagError, match=r"kitchen_env_model\.xml is missing"):
        next(read_mujoco(1))
