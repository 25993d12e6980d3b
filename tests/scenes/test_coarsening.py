import numpy as np

from vb_perception.scenes import shapes
from vb_perception.scenes.coarsening import coarser, crease_normals, face_normals, with_area


def test_a_ball_is_smooth_and_a_box_is_not() -> None:
    for mesh, worst_deg in ((shapes.ball(0.3), 6.0), (shapes.box(1, 2, 3), 1e-3)):
        positions, triangles = mesh.positions.astype(np.float64), mesh.triangles.astype(np.int64)
        whole = face_normals(positions, triangles)[1] > 1e-9
        normals = crease_normals(positions, triangles[whole])
        cosine = np.abs((normals * mesh.normals[triangles[whole]]).sum(axis=2))
        assert np.degrees(np.arccos(np.clip(cosine.min(), -1, 1))) < worst_deg


def test_fewer_triangles_near_where_the_others_were() -> None:
    mesh = shapes.ball(0.5)
    points, triangles = mesh.positions.astype(np.float64), mesh.triangles.astype(np.int64)
    kept = coarser(points, triangles, 900)
    assert kept is not None
    left = triangles[with_area(kept[triangles])]
    assert 300 < len(left) <= 900
    assert np.linalg.norm(points[kept] - points, axis=1).max() < 0.15
    assert coarser(points, triangles, 5) is None
