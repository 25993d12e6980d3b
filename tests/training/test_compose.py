"""What is composed of real frames must stay true: points where they were, one table, the nearer thing in front."""

import copy
import dataclasses
import itertools

import numpy as np
import pytest

pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes.sample import Sample
from vb_perception.training.compose import MOST_SHIFT, SHIFT_SHARE, STACK_SHARE, compose, put, turned
from vb_perception.training.tables import table_plane

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


def standing(left: int, depth_m: float, red: int, table_m: float = 1.0) -> Sample:
    """`scene`, with the lowest rows of the box on the table."""
    sample = scene(left, depth_m, red, table_m)
    sample.depth_m[37:40, left : left + 20] = table_m
    return sample


def tilted_scene(left: int, top: int = 20) -> Sample:
    """A table seen from above at a slant, and a box 20 px wide and 12 high on it whose upper half is level."""
    sample = scene(left, 0.8, 200)
    plane = np.array((0.002, 0.01, 0.6))
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    inverse_m = plane[0] * u + plane[1] * v + plane[2]
    up = -np.array((plane[0] * CAMERA.fx, plane[1] * CAMERA.fy, plane @ (CAMERA.cx, CAMERA.cy, 1)))
    up /= np.linalg.norm(up)
    box, level = np.s_[top : top + 12, left : left + 20], np.s_[top : top + 6, left : left + 20]
    sample.depth_m[:], sample.normals[:] = 1 / inverse_m, up
    sample.class_ids[:], sample.instance_ids[:] = 1, 0
    sample.class_ids[box], sample.instance_ids[box] = 2, 1
    foot_m = sample.depth_m[top + 11, left : left + 20]
    sample.depth_m[box], sample.normals[box] = foot_m, (0, 0, -1)
    raised = foot_m[0] * inverse_m[top + 5, left]
    sample.depth_m[level], sample.normals[level] = (raised / inverse_m)[level], up
    return sample


class Chosen:
    """Random numbers that put every object there, unchanged in colour: mirrored, shifted or stacked, or not."""

    def __init__(
        self, *, mirrored: bool = False, shift: tuple[float, float] | None = None, stack: bool = False
    ) -> None:
        """`shift` down and to the right, as shares of the most."""
        self._shift = shift
        never, always = 1.0 - 1e-9, 0.0
        place = SHIFT_SHARE + STACK_SHARE / 2 if stack else never if shift is None else always
        self._draws = itertools.chain([always if mirrored else never], itertools.cycle([always, place]))

    def choice(self, of: np.ndarray) -> int:
        return int(of[len(of) // 2])

    def random(self) -> float:
        return next(self._draws)

    def uniform(self, _low: float, _high: float, size: int) -> np.ndarray:
        return np.ones(3) if size == 3 else np.array(self._shift)


def with_objects_of(
    donor: Sample,
    ours: Sample,
    *,
    mirrored: bool = False,
    shift: tuple[float, float] | None = None,
    stack: bool = False,
) -> Sample:
    """`ours`, left as it is, with every object of the donor that can stand there."""
    table = table_plane(ours)
    assert table is not None
    changed = copy.deepcopy(ours)
    rng: np.random.Generator = Chosen(mirrored=mirrored, shift=shift, stack=stack)  # type: ignore[assignment]
    put(changed, table, donor, rng)
    return changed


def test_a_nearer_object_hides_and_a_farther_one_is_hidden() -> None:
    near = with_objects_of(standing(40, 0.7, 100), standing(30, 0.8, 200))
    assert set(np.unique(near.instance_ids)) == {0, 1, 2}
    assert (near.instance_ids[30, 30:40] == 1).all()
    assert (near.instance_ids[30, 40:60] == 2).all()
    assert near.depth_m[30, 45] == pytest.approx(0.7, rel=1e-3)
    assert abs(int(near.rgb[30, 50, 0]) - 100) <= 1
    far = with_objects_of(standing(40, 0.9, 100), scene(30, 0.8, 200))
    assert (far.instance_ids[30, 40:50] == 1).all()
    assert (far.instance_ids[30, 50:60] == 2).all()


def test_an_object_comes_along_to_a_nearer_table() -> None:
    moved = with_objects_of(standing(50, 0.7, 100, table_m=1.05), scene(0, 0.8, 200))
    assert moved.depth_m[30, 60] == pytest.approx(0.7 / 1.05, rel=1e-3)
    unlike = standing(50, 0.7, 100, table_m=1.5)
    ours = scene(0, 0.8, 200)
    np.testing.assert_array_equal(with_objects_of(unlike, ours).instance_ids, ours.instance_ids)


def test_without_a_table_nothing_is_put() -> None:
    ours = scene(0, 0.8, 200)
    bare = dataclasses.replace(ours, class_ids=np.full_like(ours.class_ids, -1))
    assert table_plane(bare) is None
    for seed in range(5):
        assert compose(bare, [[ours]], np.random.default_rng(seed)).instance_ids.max() <= 1
    np.testing.assert_array_equal(with_objects_of(bare, ours).instance_ids, ours.instance_ids)


def test_what_would_stand_in_another_object_is_not_put() -> None:
    ours, tilted = scene(30, 0.8, 200), standing(32, 0.8, 100)
    tilted.depth_m[20:40, 32:52] += np.linspace(-0.1, 0.1, 20, dtype=np.float32)
    np.testing.assert_array_equal(with_objects_of(tilted, ours).instance_ids, ours.instance_ids)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_shifted_object_is_sheared_exactly(*, mirrored: bool) -> None:
    """Its normals are those of the surface that its shifted depth shows, whichever way it leans."""
    donor = scene(30, 0.8, 100)
    box = np.s_[20:40, 30:50]
    normal = np.array((0.5, -0.3, -0.8)) / np.linalg.norm((0.5, -0.3, -0.8))
    rays = np.concatenate((CAMERA.rays(), np.ones((1, HEIGHT, WIDTH), np.float32)))
    donor.depth_m[box] = (-0.8 / np.tensordot(normal, rays, 1))[box]
    donor.normals[box] = normal
    ours = scene(0, 0.8, 200)
    ours.depth_m[10:40, 36:64] = np.nan  # or the table would hide what leans into it
    changed = with_objects_of(donor, ours, mirrored=mirrored, shift=(-0.5, 0.4))
    new = changed.instance_ids == 2
    left = (WIDTH - 50 if mirrored else 30) + round(0.4 * MOST_SHIFT[0] * WIDTH)
    assert np.flatnonzero(new.any(0))[0] == left
    assert np.flatnonzero(new.any(1))[0] == 20 - round(0.5 * MOST_SHIFT[1] * HEIGHT)
    points = np.moveaxis(rays, 0, -1)[new] * changed.depth_m[new][:, None]
    away = -(points * changed.normals[new]).sum(1)
    np.testing.assert_allclose(np.linalg.norm(changed.normals[new], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(away, away[0], rtol=1e-4)  # one plane
    assert abs(changed.normals[new][0] @ (normal * ((-1 if mirrored else 1), 1, 1))) < 0.9999


def test_a_shifted_object_stands_where_the_table_is_there() -> None:
    ours, donor = tilted_scene(5, top=5), tilted_scene(40)
    table = table_plane(ours)
    assert table is not None
    changed = with_objects_of(donor, ours, shift=(1.0, -0.6))
    v, u = (side.max() for side in np.nonzero(changed.instance_ids == 2))
    assert v == 31 + round(MOST_SHIFT[1] * HEIGHT)
    left = np.flatnonzero((changed.instance_ids == 2)[v])[0]
    assert (left, u) == (40 - round(0.6 * MOST_SHIFT[0] * WIDTH), 59 - round(0.6 * MOST_SHIFT[0] * WIDTH))
    assert 1 / changed.depth_m[v, left] == pytest.approx(table @ (left, v, 1), rel=1e-3)


@pytest.mark.parametrize("mirrored", [False, True])
def test_what_stood_on_another_object_comes_down_to_the_table(*, mirrored: bool) -> None:
    ours, donor = tilted_scene(5, top=5), tilted_scene(40)
    donor.depth_m[20:32, 40:60] *= 0.93
    ours.depth_m[20:32, 20:60] = np.nan  # or a corner of it would be in the slanted table
    table = table_plane(ours)
    assert table is not None
    changed = with_objects_of(donor, ours, mirrored=mirrored)
    left = WIDTH - 60 if mirrored else 40
    assert (changed.instance_ids[20:32, left : left + 20] == 2).all()
    assert 1 / changed.depth_m[31, left] == pytest.approx(table @ (left, 31, 1), rel=5e-3)
    was = donor.depth_m[20:32, 40:60][:, :: -1 if mirrored else 1]
    np.testing.assert_allclose(np.ptp(changed.depth_m[20:32, left : left + 20] / was), 0, atol=1e-6)


def test_a_foot_of_unknown_depth_stood_on_the_table() -> None:
    donor, ours = standing(50, 0.7, 100, table_m=1.05), scene(0, 0.8, 200)
    donor.depth_m[37:40, 50:70] = np.nan
    assert with_objects_of(donor, ours).depth_m[30, 60] == pytest.approx(0.7 / 1.05, rel=1e-3)
    cut = scene(50, 0.95, 100)
    for array in (cut.depth_m, cut.class_ids, cut.instance_ids):
        array[40:] = array[30]  # down to the border of the picture, where its foot is not seen
    assert with_objects_of(cut, ours).depth_m[59, 60] == pytest.approx(0.95, rel=1e-3)


def test_an_object_stands_on_another() -> None:
    ours, donor = tilted_scene(30, top=30), tilted_scene(40)
    changed = with_objects_of(donor, ours, stack=True)
    new = changed.instance_ids == 2
    v, u = (int(side[-1]) for side in np.nonzero(new))
    left = int(np.flatnonzero(new[v])[0])
    assert new.sum() == 12 * 20
    assert ours.instance_ids[v, left] == 1
    assert (ours.normals[v, left] == ours.normals[0, 0]).all()
    assert changed.depth_m[v, left] == pytest.approx(ours.depth_m[v, left], rel=1e-3)
    assert changed.depth_m[v, u] < ours.depth_m[v - 12, u]


def test_what_another_hides_does_not_come() -> None:
    donor = standing(30, 0.8, 200)
    donor.instance_ids[20:40, 45:55], donor.class_ids[20:40, 45:55] = 2, 2
    donor.depth_m[20:37, 45:55] = 0.7
    ours = scene(0, 0.8, 90)
    came = with_objects_of(donor, ours)
    assert set(np.unique(came.instance_ids)) == {0, 1, 2}
    np.testing.assert_array_equal(came.instance_ids == 2, donor.instance_ids == 2)


def test_an_object_that_its_picture_cuts_off_stays_at_the_border() -> None:
    cut = with_objects_of(standing(0, 0.8, 100), scene(40, 0.8, 200), shift=(0.0, 0.5))
    assert np.flatnonzero((cut.instance_ids == 2).any(0))[0] == 0
    cut = with_objects_of(standing(0, 0.8, 100), scene(20, 0.8, 200), mirrored=True, shift=(0.0, -0.5))
    assert np.flatnonzero((cut.instance_ids == 2).any(0))[-1] == WIDTH - 1


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
