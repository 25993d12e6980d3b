"""What is composed of real frames must stay true: points where they were, one table, the nearer thing in front."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes.sample import Sample
from vb_perception.training.compose import compose, put, table_plane, turned

HEIGHT, WIDTH = 60, 80
CAMERA = CameraIntrinsics(WIDTH, HEIGHT, 70.0, 70.0, 39.5, 29.5)


def scene(left: int, depth_m: float, red: int, table_m: float = 1.0) -> Sample:
    """A table that faces the camera, and a box 20 px wide in front of it."""
    depth = np.full((HEIGHT, WIDTH), table_m, np.float32)
    classes, instances = np.ones((HEIGHT, WIDTH), np.int16), np.zeros((HEIGHT, WIDTH), np.int16)
    box = np.s_[20:40, left : left + 20]
    depth[box], classes[box], instances[box] = depth_m, 2, 1
    rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    rgb[box] = (red, 10, 10)
    normals = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    normals[..., 2] = -1
    return Sample("s", rgb, CAMERA, depth, normals, classes, instances, ("background", "table", "object"))


class AllOfThem:
    """A generator of numbers that puts every object there, unchanged in colour."""

    def random(self) -> float:
        return 0.0

    def uniform(self, _low: float, _high: float, size: int) -> np.ndarray:
        return np.ones(size)


EVERY: np.random.Generator = AllOfThem()  # type: ignore[assignment]


def test_a_nearer_object_hides_and_a_farther_one_is_hidden() -> None:
    ours = scene(30, 0.8, 200)
    near = put(ours, scene(40, 0.7, 100), EVERY)
    assert set(np.unique(near.instance_ids)) == {0, 1, 2}
    assert (near.instance_ids[30, 30:40] == 1).all()
    assert (near.instance_ids[30, 40:60] == 2).all()
    assert near.depth_m[30, 45] == pytest.approx(0.7, rel=1e-3)
    assert abs(int(near.rgb[30, 50, 0]) - 100) <= 1
    far = put(ours, scene(40, 0.9, 100), EVERY)
    assert (far.instance_ids[30, 40:50] == 1).all()
    assert (far.instance_ids[30, 50:60] == 2).all()


def test_an_object_comes_along_to_a_nearer_table() -> None:
    moved = put(scene(0, 0.8, 200), scene(50, 0.7, 100, table_m=1.05), EVERY)
    assert moved.depth_m[30, 60] == pytest.approx(0.7 / 1.05, rel=1e-3)
    unlike = scene(50, 0.7, 100, table_m=1.5)
    np.testing.assert_array_equal(put(scene(0, 0.8, 200), unlike, EVERY).instance_ids, scene(0, 0.8, 200).instance_ids)


def test_without_a_table_nothing_is_put() -> None:
    ours = scene(0, 0.8, 200)
    bare = dataclasses.replace(ours, class_ids=np.full_like(ours.class_ids, -1))
    assert table_plane(bare) is None
    assert put(bare, ours, EVERY) is bare


def test_a_turned_camera_sees_the_same_points() -> None:
    ours = scene(30, 0.8, 200)
    angles = np.radians((6.0, -4.0, 10.0))
    seen = turned(ours, angles)
    known = np.isfinite(seen.depth_m)
    assert 0.5 < known.mean() < 1
    assert (seen.instance_ids[~known] == -1).all()
    rays = np.concatenate((CAMERA.rays(), np.ones((1, HEIGHT, WIDTH), np.float32)))
    points = np.moveaxis(rays, 0, -1)[known] * seen.depth_m[known][:, None]
    normals = seen.normals[known]
    # Every point lies on one of two planes with the turned normal: the table's and the box's.
    distance = -(points * normals).sum(1)
    np.testing.assert_allclose(np.ptp(normals, axis=0), 0, atol=1e-5)
    on_box = seen.instance_ids[known] == 1
    np.testing.assert_allclose(distance[on_box], 0.8, atol=2e-3)
    np.testing.assert_allclose(distance[~on_box], 1.0, atol=2e-3)


def test_composition_depends_on_the_seed_alone() -> None:
    frames = [scene(10 * i, 0.8, 40 * i) for i in range(5)]
    one, same = (compose(frames[0], [frames], np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.rgb, same.rgb)
    np.testing.assert_array_equal(one.instance_ids, same.instance_ids)
