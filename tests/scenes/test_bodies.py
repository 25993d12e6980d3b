import numpy as np
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes import bodies
from vb_perception.scenes.levels import triangles_at
from vb_perception.scenes.poses import looking_at
from vb_perception.scenes.projections import clip_from_camera, shadow_from_world
from vb_perception.scenes.scene import Lighting, Mesh
from vb_perception.scenes.shapes import ball

CAMERA = CameraIntrinsics.from_fov(160, 120, 60)
CLIP = clip_from_camera(CAMERA) @ np.linalg.inv(looking_at(np.array((0, 0, 1.0)), np.array((4.0, 0, 1.0))))


def boxes(*centres: tuple[float, float, float], half: float = 0.2) -> NDArray[np.float64]:
    at = np.tile(np.eye(4), (len(centres), 1, 1))
    at[:, :3, 3] = centres
    low = np.full((len(centres), 3), -half, np.float32)
    return bodies.corners(low, -low, at)


def test_boxes_beside_behind_and_around_the_view() -> None:
    seen = bodies.in_view(boxes((4, 0, 1), (-4, 0, 1), (4, 9, 1), (4, 2.4, 1), (0, 0, 1), (4, 0, 9)), CLIP)
    assert seen.tolist() == [True, False, False, True, True, False]


def test_what_stands_between_the_sun_and_the_view_may_shade() -> None:
    light = Lighting(sun_direction=(0, 1.0, 1.0), shadow_radius_m=5)
    there = boxes((3, 0, 1), (3, 6, 7), (3, 6, 0), (-9, 0, 1))
    shading = bodies.shading(there, np.array([0]), CLIP, shadow_from_world(light))
    assert shading.tolist() == [0, 1]


def test_contacts_darken_what_is_near_and_above() -> None:
    contacts = np.array(((0, 0, 0, 0.3), (5, 0, 0, 0.5)), np.float32)
    found = bodies.contacts_of(boxes((0.3, 0, 0.1), (5, 0, 2), (5.6, 0, 0), (20, 0, 0)), contacts)
    assert [c[:, 0].tolist() for c in found] == [[0], [], [5], []]
    many = np.tile(contacts[:1], (60, 1))
    assert len(bodies.contacts_of(boxes((0, 0, 0)), many)[0]) == bodies.MAX_CONTACTS


def test_coarser_levels_stay_on_the_body() -> None:
    mesh = ball(0.5)
    kept = Mesh(mesh.positions, mesh.normals, mesh.triangles, levels={})
    assert triangles_at(mesh, 1.0, 0.1) is mesh.triangles
    assert triangles_at(kept, 1.0, 0.001) is kept.triangles
    counts = []
    for cell_m in (0.01, 0.03, 0.06):
        coarse = triangles_at(kept, 1.0, cell_m)
        assert triangles_at(kept, 1.0, cell_m) is coarse
        counts.append(len(coarse))
        middles = kept.positions[coarse].mean(axis=1) - (0, 0, 0.5)
        assert np.abs(np.linalg.norm(middles, axis=1) - 0.5).max() < cell_m
    assert counts[2] < counts[1] <= counts[0] <= len(mesh.triangles)
