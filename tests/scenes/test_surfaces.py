"""Images on surfaces, thin and wrongly wound meshes, backdrops: what the renderer shows and what it tells."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import ConfigError, EngineUnavailableError
from vb_perception.scenes import shapes
from vb_perception.scenes.poses import looking_at, translation
from vb_perception.scenes.render import Renderer
from vb_perception.scenes.scene import Backdrop, Lighting, Material, Mesh, Scene, Solid

pytest.importorskip("moderngl", reason="rendering needs moderngl: pip install moderngl")

CAMERA = CameraIntrinsics.from_fov(160, 120, 60)
WHITE = (1.0, 1.0, 1.0)
RED, GREEN, BLUE, YELLOW = (220, 20, 20), (20, 200, 20), (20, 20, 220), (220, 200, 20)
EVEN = Lighting(sky=WHITE, ground=WHITE, sun=(0.0, 0.0, 0.0), lamp=(0.0, 0.0, 0.0))


def corners_picture(size: int = 32) -> NDArray[np.uint8]:
    """Red top left, green top right, blue bottom left, yellow bottom right."""
    out = np.zeros((size, size, 3), np.uint8)
    half = size // 2
    out[:half, :half], out[:half, half:], out[half:, :half], out[half:, half:] = RED, GREEN, BLUE, YELLOW
    return out


IMAGES = np.stack([np.full((32, 32, 3), 128, np.uint8), corners_picture()])


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    try:
        opened = Renderer(CAMERA.width, CAMERA.height, IMAGES)
    except EngineUnavailableError as error:
        pytest.skip(str(error))
    with opened:
        yield opened


def sheet(*, turned: bool = False, normal_y: float = -1.0) -> Mesh:
    """One metre square in the plane y = 0, standing on z = 0, its image upright for who looks along +y."""
    positions = np.array(((-0.5, 0, 1), (0.5, 0, 1), (-0.5, 0, 0), (0.5, 0, 0)), np.float32)
    uv = np.array(((0, 0), (1, 0), (0, 1), (1, 1)), np.float32)
    triangles = np.array(((0, 1, 2), (2, 3, 1)) if turned else ((0, 2, 1), (1, 2, 3)), np.int32)
    return Mesh(positions, np.tile(np.array((0, normal_y, 0), np.float32), (4, 1)), triangles, uv)


def facing(material: Material, mesh: Mesh | None = None, side: float = -1.0) -> Scene:
    """A sheet seen square from 1.4 m before (side -1) or behind it."""
    view = looking_at(np.array((0, side * 1.4, 0.5)), np.array((0, 0, 0.5)))
    return Scene("sheet", (Solid(mesh or sheet(), np.eye(4), material, "picture", 1),), CAMERA, view, EVEN)


PICTURE = Material("plain", (WHITE,) * 3, grain=0.0, shine=0.0, image=1)


def quarters(rgb: NDArray[np.uint8]) -> list[int]:
    """Which of the four colours the sheet's quarters show: top left, top right, bottom left, bottom right."""
    palette = np.array((RED, GREEN, BLUE, YELLOW), float)
    hue = palette / np.linalg.norm(palette, axis=1, keepdims=True)
    rows, columns = (38, 82), (58, 102)
    seen = np.array([rgb[r, c] for r in rows for c in columns], float)
    return [int(i) for i in (seen @ hue.T / np.linalg.norm(seen, axis=1, keepdims=True)).argmax(axis=1)]


def test_an_image_stands_upright_where_uv_says(renderer: Renderer) -> None:
    sample = renderer.render(facing(PICTURE))
    assert quarters(sample.rgb) == [0, 1, 2, 3]
    assert (sample.instance_ids == 1).mean() == pytest.approx(0.48, abs=0.1)
    seen = sample.instance_ids == 1
    assert np.abs(sample.depth_m[seen] - 1.4).max() < 1e-4
    assert np.allclose(sample.normals[seen], (0, 0, -1), atol=1e-5)


def test_an_image_is_laid_in_metres_without_uv(renderer: Renderer) -> None:
    flat = sheet()
    mesh = Mesh(flat.positions, flat.normals, flat.triangles)
    half_metre = renderer.render(facing(replace(PICTURE, repeat_m=0.5), mesh)).rgb
    metre = renderer.render(facing(replace(PICTURE, repeat_m=1.0), mesh)).rgb
    middle = metre[60, 30:130].astype(int)
    finer = half_metre[60, 30:130].astype(int)
    changes = [(np.abs(np.diff(row, axis=0)).sum(axis=1) > 150).sum() for row in (middle, finer)]
    assert changes[1] > changes[0] > 0


def test_the_first_colour_multiplies_and_saturation_fades(renderer: Renderer) -> None:
    plain = renderer.render(facing(PICTURE)).rgb[38, 58].astype(int)
    dyed = renderer.render(facing(replace(PICTURE, colours=((0.0, 1.0, 1.0),) * 3))).rgb[38, 58].astype(int)
    grey = renderer.render(facing(replace(PICTURE, saturation=0.0))).rgb[38, 58].astype(int)
    assert plain[0] > 2 * plain[1]
    assert dyed[0] == 0
    assert np.abs(dyed[1:] - plain[1:]).max() <= 2
    assert np.ptp(grey) <= 2
    assert grey[0] > 30


def test_an_image_that_the_renderer_lacks_is_refused(renderer: Renderer) -> None:
    with pytest.raises(ConfigError, match="image 2, but the renderer holds 2"):
        renderer.render(facing(replace(PICTURE, image=2)))


@pytest.mark.parametrize("images", [np.zeros((2, 8, 4, 3), np.uint8), np.zeros((2, 8, 8, 3), np.float32)])
def test_images_of_another_form_are_refused(images: NDArray[np.uint8]) -> None:
    with pytest.raises(ConfigError, match="expected uint8"):
        Renderer(8, 8, images)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("normal_y", [-1.0, 1.0, 0.0])
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_normals_face_the_camera_however_a_thin_mesh_is_wound(
    renderer: Renderer, *, turned: bool, normal_y: float, side: float
) -> None:
    sample = renderer.render(facing(PICTURE, sheet(turned=turned, normal_y=normal_y), side))
    seen = sample.instance_ids == 1
    assert seen.sum() > 5000
    assert np.allclose(sample.normals[seen], (0, 0, -1), atol=1e-5)
    assert quarters(sample.rgb) == ([0, 1, 2, 3] if side < 0 else [1, 0, 3, 2])


def test_a_textured_box_of_known_pose_tells_the_same_truth_as_a_plain_one(renderer: Renderer) -> None:
    box = Solid(shapes.box(0.4, 0.3, 0.2), translation(0.1, 0.2, 0.0), PICTURE, "box", 3)
    view = looking_at(np.array((0.5, -0.9, 0.6)), np.array((0.1, 0.2, 0.1)))
    textured = renderer.render(Scene("box", (box,), CAMERA, view))
    plain = renderer.render(Scene("box", (replace(box, material=replace(PICTURE, image=None)),), CAMERA, view))
    assert not np.array_equal(textured.rgb, plain.rgb)
    assert np.array_equal(textured.depth_m, plain.depth_m)
    assert np.array_equal(textured.instance_ids, plain.instance_ids)
    points = CAMERA.unproject(textured.depth_m)[textured.instance_ids == 3]
    local = points @ view[:3, :3].T + view[:3, 3] - (0.1, 0.2, 0.1)
    assert np.abs(np.abs(local / (0.2, 0.15, 0.1)).max(axis=1) - 1).max() < 2e-3


def test_a_body_out_of_view_still_casts_its_shadow_into_it(renderer: Renderer) -> None:
    sun = Lighting(sky=(0.1,) * 3, ground=(0.1,) * 3, sun=WHITE, sun_direction=(1.0, 0, 0.7), lamp=(0.0,) * 3)
    grey = Material("plain", ((0.5,) * 3,) * 3, grain=0.0)
    ground = Solid(shapes.box(6, 6, 0.1), translation(0, 0, -0.1), grey, "floor", casts_shadow=False)
    post = Solid(shapes.box(0.3, 0.3, 1.0), translation(0.9, 0, 0), grey, "pillar", 1)
    far = replace(post, world_from_body=translation(-40, 0, 0))
    view = looking_at(np.array((-0.4, 0, 1.0)), np.array((-0.39, 0, 0)))
    lit, shaded = (renderer.render(Scene("post", (ground, one), CAMERA, view, sun)) for one in (far, post))
    assert (shaded.instance_ids == 0).all()
    darker = lit.rgb.astype(int).sum(axis=2) - shaded.rgb.astype(int).sum(axis=2)
    assert (darker > 100).sum() > 200


def horizon_panorama() -> NDArray[np.uint8]:
    """Blue above, green below, a red mark where a quarter of the way round to the right begins."""
    out = np.zeros((64, 128, 3), np.uint8)
    out[:32], out[32:] = BLUE, GREEN
    out[28:36, 30:35] = RED
    return out


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_backdrop_turns_with_the_camera_and_has_no_truth(renderer: Renderer, *, mirrored: bool) -> None:
    ground = Solid(shapes.box(0.2, 0.2, 0.1), translation(0, 0, -5), PICTURE, "box", 1)
    backdrop = Backdrop(horizon_panorama(), mirrored=mirrored)
    ahead = np.array((1.0, 0, 0))
    right, left = np.array((0, -1.0, 0)), np.array((0, 1.0, 0))
    for direction, marked in ((ahead, False), (right, not mirrored), (left, mirrored)):
        view = looking_at(np.zeros(3), direction)
        sample = renderer.render(Scene("far", (ground,), CAMERA, view, backdrop=backdrop))
        assert np.isinf(sample.depth_m).all()
        assert np.isnan(sample.normals).all()
        assert (sample.class_ids == 0).all()
        assert (sample.instance_ids == 0).all()
        assert sample.rgb[20, 20].argmax() == 2
        assert sample.rgb[100, 20].argmax() == 1
        middle = sample.rgb[round(CAMERA.cy), round(CAMERA.cx)].astype(int)
        assert (middle[0] > 150) == marked


def test_a_backdrop_brightens_with_its_gain_and_follows_its_yaw(renderer: Renderer) -> None:
    ground = Solid(shapes.box(0.2, 0.2, 0.1), translation(0, 0, -5), PICTURE, "box", 1)
    view = looking_at(np.zeros(3), np.array((1.0, 0, 0)))
    turned = Backdrop(horizon_panorama(), yaw_rad=np.pi / 2)
    dark = replace(turned, gain=(0.25, 0.25, 0.25))
    bright, dim = (renderer.render(Scene("far", (ground,), CAMERA, view, backdrop=b)).rgb for b in (turned, dark))
    assert bright[round(CAMERA.cy), round(CAMERA.cx), 0] > 150
    assert dim[20, 20, 2] == pytest.approx(bright[20, 20, 2] / 2, abs=3)


def test_bodies_before_a_backdrop_keep_their_edges(renderer: Renderer) -> None:
    scene = replace(facing(PICTURE), backdrop=Backdrop(horizon_panorama()))
    sample, alone = renderer.render(scene), renderer.render(facing(PICTURE))
    assert np.array_equal(sample.depth_m, alone.depth_m)
    assert np.array_equal(np.isinf(sample.depth_m), sample.instance_ids == 0)
    assert quarters(sample.rgb) == [0, 1, 2, 3]
