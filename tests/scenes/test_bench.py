"""Benches must look like what OSD's camera sees, or their objects cannot stand on its table."""

import numpy as np

from vb_perception.scenes.bench import FOCAL_SHARE, bench_scene
from vb_perception.scenes.osd import OSD_CAMERA


def test_the_camera_is_that_of_osd_above_its_table() -> None:
    for seed in range(20):
        scene = bench_scene(np.random.default_rng(seed), OSD_CAMERA.width, OSD_CAMERA.height)
        assert scene.intrinsics == OSD_CAMERA
        pose = scene.world_from_camera
        table = next(s for s in scene.solids if s.class_name == "table" and s.instance_id == 0)
        top_m = (table.world_from_body[:3, 3] + table.mesh.positions.max(0))[2]
        assert 0.5 < pose[2, 3] - top_m < 0.7
        pitch_deg = -np.degrees(np.arcsin(pose[2, 2]))
        assert 33 <= pitch_deg <= 44
        assert {s.instance_id for s in scene.solids} > {0, 1}


def test_a_smaller_picture_is_of_the_same_camera() -> None:
    scene = bench_scene(np.random.default_rng(0), 96, 72)
    assert scene.intrinsics.fx == scene.intrinsics.fy == FOCAL_SHARE * 96
