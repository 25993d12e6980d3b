"""Planes through a thing's own depth have the normals of its faces, whatever the noise of the measured ones."""

import numpy as np
from normals_floor import fitted

from vb_perception.camera import CameraIntrinsics
from vb_perception.metrics.normals import angles_deg
from vb_perception.scenes.sample import Sample

CAMERA = CameraIntrinsics(160, 120, 150.0, 150.0, 79.5, 59.5)


def test_the_faces_of_a_box_are_found_under_noise() -> None:
    """Two walls that meet at the middle column, and the normals measured of them with 10 degrees of noise."""
    x, _ = CAMERA.rays()
    side = np.where(x < 0, -1.0, 1.0)
    true = np.stack((side * np.sqrt(0.5), np.zeros_like(x), np.full_like(x, -np.sqrt(0.5))), -1).astype(np.float32)
    depth_m = (2 / (1 - side * x)).astype(np.float32)  # side * X - Z = -2
    random = np.random.default_rng(0)
    noisy = true + random.normal(0, 0.12, true.shape).astype(np.float32)
    noisy /= np.linalg.norm(noisy, axis=-1, keepdims=True)
    sample = Sample(
        name="corner",
        rgb=np.zeros((120, 160, 3), np.uint8),
        intrinsics=CAMERA,
        depth_m=depth_m + random.normal(0, 0.002, x.shape).astype(np.float32),
        normals=noisy,
        class_ids=np.ones(x.shape, np.int16),
        class_names=("background", "object"),
        instance_ids=np.ones(x.shape, np.int16),
    )
    assert angles_deg(noisy, true).mean() > 8
    inner = np.abs(x) > 0.1
    assert angles_deg(fitted(sample, 2), true)[inner].max() < 1
    assert angles_deg(fitted(sample, 1), true)[inner].mean() > 20
