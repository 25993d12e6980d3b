import numpy as np
import pytest
from numpy.typing import NDArray

from vb_perception.scenes import shapes
from vb_perception.scenes.scene import Mesh

PLATE = ((0.0, 0.0), (0.08, 0.0), (0.12, 0.02), (0.12, 0.023), (0.08, 0.005), (0.0, 0.005))
CLOSED = {
    "box": shapes.box(0.2, 0.3, 0.4),
    "cylinder": shapes.cylinder(0.1, 0.3),
    "ball": shapes.ball(0.1),
    "cushion": shapes.cushion(0.4, 0.3, 0.2),
    "plate": shapes.lathe(PLATE),
}
VOLUMES_M3 = {"box": 0.024, "cylinder": np.pi * 0.003, "ball": np.pi * 4 / 3 * 1e-3}


def faces(mesh: Mesh) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of all triangles with an area: corners (T, 3, 3), unit face normals (T, 3), areas (T,), vertex normals (T, 3, 3).

    The face normals lie on the vertex normals' side.
    """
    corners = mesh.positions.astype(np.float64)[mesh.triangles]
    told = mesh.normals.astype(np.float64)[mesh.triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normal, axis=1) / 2
    kept = area > 1e-12
    normal = normal[kept] / (2 * area[kept, None])
    normal *= np.sign((normal * told[kept].mean(axis=1)).sum(axis=1, keepdims=True))
    return corners[kept], normal, area[kept], told[kept]


@pytest.mark.parametrize("name", CLOSED)
def test_normals_point_outwards_and_the_surface_is_closed(name: str) -> None:
    corners, normal, area, _ = faces(CLOSED[name])
    assert np.linalg.norm((normal * area[:, None]).sum(axis=0)) < 1e-6 * area.sum()
    volume = (normal * corners.mean(axis=1)).sum(axis=1) @ area / 3
    assert volume > 0
    if name in VOLUMES_M3:
        assert volume == pytest.approx(VOLUMES_M3[name], rel=0.03)


@pytest.mark.parametrize("name", CLOSED)
def test_shading_normals_stay_near_the_surface(name: str) -> None:
    """They are the truth that training sees, so smoothing must not bend flat faces."""
    _, normal, area, told = faces(CLOSED[name])
    angle_deg = np.degrees(np.arccos(np.clip((told * normal[:, None]).sum(axis=2), -1, 1))).mean(axis=1)
    assert angle_deg @ area / area.sum() < 7
    assert np.allclose(np.linalg.norm(told, axis=2), 1, atol=1e-5)


def test_the_well_of_a_plate_is_level() -> None:
    mesh = CLOSED["plate"]
    flat = (mesh.positions[:, 2] < 0.006) & (mesh.normals[:, 2] > 0)
    inner = flat & (np.hypot(mesh.positions[:, 0], mesh.positions[:, 1]) < 0.01)
    assert inner.any()
    assert np.allclose(mesh.normals[inner], (0, 0, 1), atol=0.02)


def test_a_tube_is_round() -> None:
    along = np.linspace(0, np.pi, 20)
    centres = np.stack((0.1 * np.cos(along), 0 * along, 0.1 * np.sin(along)), axis=1)
    mesh = shapes.tube(centres, 0.01)
    ring = mesh.positions.reshape(20, -1, 3)
    assert np.allclose(np.linalg.norm(ring - centres[:, None], axis=2), 0.01, atol=1e-6)
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)
