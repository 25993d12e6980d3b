import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import FrameError
from vb_perception.scenes.normals_from_depth import normals_from_depth

CAMERA = CameraIntrinsics(80, 60, 66.0, 66.0, 39.5, 29.5)


def plane_depth(normal: np.ndarray, distance_m: float) -> np.ndarray:
    """Depth of the plane normal . p = -distance_m, seen by CAMERA; infinite or negative where it is not hit."""
    x, y = CAMERA.rays()
    with np.errstate(divide="ignore"):
        depth: NDArray[np.float32] = (-distance_m / (normal[0] * x + normal[1] * y + normal[2])).astype(np.float32)
    return depth


@settings(deadline=None, max_examples=30)
@given(tilt_deg=st.floats(0, 50), turn_deg=st.floats(0, 360), distance_m=st.floats(0.3, 2.0))
def test_a_plane_keeps_its_normal(tilt_deg: float, turn_deg: float, distance_m: float) -> None:
    tilt, turn = np.radians((tilt_deg, turn_deg))
    normal = np.array((np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), -np.cos(tilt)))
    depth = plane_depth(normal, distance_m)
    depth[(depth <= 0) | (depth > 4)] = np.nan
    inner = normals_from_depth(depth, CAMERA)[6:-6, 6:-6]
    known = np.isfinite(inner[..., 0])
    assert known.sum() > 300
    error_deg = np.degrees(np.arccos(np.clip(inner[known] @ normal, -1, 1)))
    assert np.median(error_deg) < 1.0


def test_normals_are_unit_and_towards_the_camera() -> None:
    noise = np.random.default_rng(1).normal(0, 0.002, (60, 80)).astype(np.float32)
    normals = normals_from_depth(np.float32(1.0) + noise, CAMERA)
    known = np.isfinite(normals[..., 0])
    assert known[1:-1, 1:-1].all()
    assert np.allclose(np.linalg.norm(normals[known], axis=1), 1, atol=1e-5)
    x, y = CAMERA.rays()
    towards = normals[..., 0] * x + normals[..., 1] * y + normals[..., 2]
    assert (towards[known] < 0).all()


def test_a_step_is_unknown_and_does_not_bend_its_surroundings() -> None:
    depth = np.full((60, 80), 1.0, np.float32)
    depth[:, 40:] = 1.2
    normals = normals_from_depth(depth, CAMERA)
    assert np.isnan(normals[30, 36:44]).all()
    assert np.allclose(normals[30, 5:30], (0, 0, -1), atol=1e-5)
    assert np.allclose(normals[30, 50:75], (0, 0, -1), atol=1e-5)


def test_missing_depth_stays_missing() -> None:
    depth = np.full((60, 80), 1.0, np.float32)
    depth[20:30, 20:30] = np.nan
    depth[40, 40] = 0.0
    normals = normals_from_depth(depth, CAMERA)
    assert np.isnan(normals[20:30, 20:30]).all()
    assert np.isnan(normals[40, 40]).all()
    assert np.allclose(normals[15, 25], (0, 0, -1), atol=1e-5)


def test_another_size_than_the_camera_is_refused() -> None:
    with pytest.raises(FrameError, match="80x60"):
        normals_from_depth(np.ones((30, 40), np.float32), CAMERA)
