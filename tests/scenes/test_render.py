from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import ConfigError, EngineUnavailableError
from vb_perception.scenes import shapes
from vb_perception.scenes.classes import CLASS_IDS
from vb_perception.scenes.poses import looking_at, rotation, translation
from vb_perception.scenes.render import Renderer
from vb_perception.scenes.scene import PATTERNS, Material, Mesh, Scene, Solid

pytest.importorskip("moderngl", reason="rendering needs moderngl: pip install moderngl")

CAMERA = CameraIntrinsics(
    160, 120, 150.0, 140.0, 70.0, 66.0
)  # neither square pixels nor centred: both must be honoured
CUBE_M = 0.4
GREY = Material("plain", ((0.5, 0.5, 0.5),) * 3)


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    try:
        opened = Renderer(CAMERA.width, CAMERA.height)
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    with opened:
        yield opened


def cube_scene() -> Scene:
    """A turned cube of 0.4 m, alone; the background stays empty."""
    world_from_cube = translation(0.3, -0.2, 0.5) @ rotation(2, 0.5) @ rotation(0, 0.3)
    eye = np.array((1.1, -1.4, 1.5))
    cube = Solid(shapes.box(CUBE_M, CUBE_M, CUBE_M), world_from_cube, GREY, "box", 7)
    return Scene("cube", (cube,), CAMERA, looking_at(eye, np.array((0.3, -0.2, 0.7)), 0.1))


def analytic(scene: Scene) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Depth (inf where missed) and normals of the cube by the slab method, ray by ray, in float64."""
    cube_from_camera = np.linalg.inv(scene.solids[0].world_from_body) @ scene.world_from_camera
    x, y = scene.intrinsics.rays().astype(np.float64)
    ray = np.stack((x, y, np.ones_like(x)), axis=-1) @ cube_from_camera[:3, :3].T
    eye = cube_from_camera[:3, 3]
    low = (np.array((-CUBE_M / 2, -CUBE_M / 2, 0)) - eye) / ray
    high = (np.array((CUBE_M / 2, CUBE_M / 2, CUBE_M)) - eye) / ray
    entry, leave = np.minimum(low, high), np.maximum(low, high).min(axis=-1)
    depth = entry.max(axis=-1)
    face = entry.argmax(axis=-1)
    normal = np.eye(3)[face] * -np.sign(np.take_along_axis(ray, face[..., None], -1))
    return np.where(depth < leave, depth, np.inf), normal @ cube_from_camera[:3, :3]


def test_depth_and_normals_are_those_of_the_rays(renderer: Renderer) -> None:
    scene = cube_scene()
    sample = renderer.render(scene)
    depth, normals = analytic(scene)
    hit = np.isfinite(depth)
    assert hit.sum() > 1500
    both = hit & np.isfinite(sample.depth_m)
    assert (hit != np.isfinite(sample.depth_m)).sum() <= 5  # ties on the outline
    error_m = np.abs(sample.depth_m[both] - depth[both])
    turned = (sample.normals[both] * normals[both]).sum(axis=-1)
    same_face = turned > 0.99
    assert (~same_face).sum() <= 5  # ties on the cube's edges
    assert error_m.max() < 2e-4
    assert turned[same_face].min() > 1 - 1e-5


def test_unprojected_depth_lies_on_the_faces(renderer: Renderer) -> None:
    scene = cube_scene()
    sample = renderer.render(scene)
    points = scene.intrinsics.unproject(sample.depth_m)[sample.instance_ids == 7].astype(np.float64)
    cube_from_camera = np.linalg.inv(scene.solids[0].world_from_body) @ scene.world_from_camera
    local = points @ cube_from_camera[:3, :3].T + cube_from_camera[:3, 3]
    outside = np.abs(local - (0, 0, CUBE_M / 2)) - CUBE_M / 2
    assert len(points) > 1500
    assert np.abs(outside.max(axis=1)).max() < 3e-4


def test_ids_and_empty_pixels(renderer: Renderer) -> None:
    sample = renderer.render(cube_scene())
    cube = sample.instance_ids == 7
    assert (sample.class_ids[cube] == CLASS_IDS["box"]).all()
    assert (sample.class_ids[~cube] == 0).all()
    assert np.isinf(sample.depth_m[~cube]).all()
    assert np.isnan(sample.normals[~cube]).all()
    assert (sample.rgb[2, 2] == 0).all()


def test_nearer_bodies_hide_farther_ones(renderer: Renderer) -> None:
    eye = np.array((0.0, -1.0, 0.0))
    near = Solid(shapes.ball(0.1), translation(0, 0, -0.1), GREY, "ball", 1)
    far = Solid(shapes.box(2, 0.1, 2), translation(0, 0.5, -1), GREY, "wall", 0)
    for solids in ((near, far), (far, near)):
        sample = renderer.render(Scene("two", solids, CAMERA, looking_at(eye, np.array((0.0, 0.0, 0.0)))))
        centre = (round(CAMERA.cy), round(CAMERA.cx))
        assert sample.instance_ids[centre] == 1
        assert sample.depth_m[centre] == pytest.approx(0.9, abs=1e-3)
        assert sample.class_ids[0, 0] == CLASS_IDS["wall"]
        assert sample.depth_m[0, 0] == pytest.approx(1.45, abs=1e-4)


@pytest.mark.parametrize("mesh", [shapes.ball(0.1), shapes.cylinder(0.08, 0.2), shapes.cushion(0.2, 0.15, 0.1)])
def test_smooth_bodies_have_unit_normals_towards_the_camera(renderer: Renderer, mesh: Mesh) -> None:
    body = Solid(mesh, np.eye(4), GREY, "ball", 1)
    sample = renderer.render(
        Scene("smooth", (body,), CAMERA, looking_at(np.array((0.3, -0.5, 0.4)), np.array((0.0, 0.0, 0.1))))
    )
    seen = sample.instance_ids == 1
    normals = sample.normals[seen]
    rays = np.moveaxis(CAMERA.rays(), 0, -1)[seen]
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    assert ((normals[:, :2] * rays).sum(axis=1) + normals[:, 2] < 0).all()


@pytest.mark.parametrize("pattern", PATTERNS[1:])
def test_every_pattern_shows_on_the_surface(renderer: Renderer, pattern: str) -> None:
    scene = cube_scene()
    look = Material(pattern, ((0.9, 0.1, 0.1), (0.1, 0.9, 0.1), (0.1, 0.1, 0.9)), repeat_m=0.1, grain=0.0, seed=3)
    plain, drawn = (
        renderer.render(replace(scene, solids=(replace(scene.solids[0], material=material),)))
        for material in (replace(look, pattern="plain"), look)
    )
    change = np.abs(plain.rgb.astype(int) - drawn.rgb).max(axis=2)[plain.instance_ids == 7]
    assert (change > 20).mean() > 0.1
    assert np.array_equal(plain.depth_m, drawn.depth_m)


def test_a_body_in_the_sun_casts_a_shadow(renderer: Renderer) -> None:
    ground = Solid(shapes.box(4, 4, 0.1), translation(0, 0, 0.7), GREY, "table", casts_shadow=False)
    lid = Solid(shapes.box(0.4, 0.4, 0.02), translation(0, 0, 1.2), GREY, "box", 1)
    view = looking_at(np.array((0.0, -1.5, 1.0)), np.array((0.0, 0.2, 0.8)))
    scene = Scene("shadow", (ground, lid), CAMERA, view)
    shaded = renderer.render(scene)
    lit = renderer.render(replace(scene, solids=(ground, replace(lid, casts_shadow=False))))
    darker = lit.rgb.astype(int).sum(axis=2) - shaded.rgb.astype(int).sum(axis=2)
    assert (darker[shaded.class_ids == CLASS_IDS["table"]] > 30).sum() > 100
    assert np.array_equal(lit.depth_m, shaded.depth_m)


def test_another_size_is_refused(renderer: Renderer) -> None:
    scene = replace(cube_scene(), intrinsics=CameraIntrinsics.from_fov(64, 48, 60))
    with pytest.raises(ConfigError, match="64x48"):
        renderer.render(scene)


@pytest.mark.parametrize("change", [{"class_name": "unicorn"}, {"material": replace(GREY, pattern="fur")}])
def test_unknown_names_are_refused(renderer: Renderer, change: dict[str, object]) -> None:
    scene = cube_scene()
    solid = replace(scene.solids[0], **change)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"unicorn|fur"):
        renderer.render(replace(scene, solids=(solid,)))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "moderngl", None)
    with pytest.raises(EngineUnavailableError, match="apt install libegl1 libgl1-mesa-dri"):
        Renderer(8, 8)
