"""A workcell must be what an arm could stand in: nothing through the camera, the arm where it reaches."""

from collections.abc import Iterator

import numpy as np
import pytest

from vb_perception.scenes import workcell
from vb_perception.scenes.arm import ROBOT, robot_arm
from vb_perception.scenes.counter import DEPTH_M, counter_solids
from vb_perception.scenes.heap import Heap
from vb_perception.scenes.objects import box_object
from vb_perception.scenes.placement import Footprint, Occupied, Placed
from vb_perception.scenes.scene import Solid
from vb_perception.scenes.workcell import workcell_scene

WALLS = ("wall", "floor", "ceiling", "door", "window", "picture")


def points(solid: Solid) -> np.ndarray:
    pose = solid.world_from_body
    return solid.mesh.positions @ pose[:3, :3].T + pose[:3, 3]


def test_an_arm_stands_on_its_foot_and_ends_near_what_it_reaches_for() -> None:
    foot, tip = np.array((0.1, -0.6, 0.8)), np.array((0.2, -0.1, 1.0))
    for seed in range(20):
        solids = robot_arm(np.random.default_rng(seed), foot, tip, 0.0, 7)
        assert {(s.class_name, s.instance_id) for s in solids} == {(ROBOT, 7)}
        every = np.concatenate([points(s) for s in solids])
        assert every[:, 2].min() == pytest.approx(0.0, abs=0.05)  # its post
        gripper = np.concatenate([points(s) for s in solids[-3:]])
        assert np.linalg.norm(gripper - tip, axis=1).min() < 0.35


def test_an_arm_out_of_reach_is_stretched_not_torn() -> None:
    foot, tip = np.array((0.0, 0.0, 0.0)), np.array((9.0, 0.0, 0.5))
    every = np.concatenate([points(s) for s in robot_arm(np.random.default_rng(0), foot, tip, 0.0, 1)])
    assert np.isfinite(every).all()
    assert 0.5 < every[:, 0].max() < 1.5


def test_a_counter_keeps_before_its_wall() -> None:
    for seed in range(10):
        solids = counter_solids(np.random.default_rng(seed), 0.9, 2.0)
        assert {s.instance_id for s in solids} == {0}
        for solid in solids:
            if solid.class_name != "wall":
                assert points(solid)[:, 1].max() <= DEPTH_M / 2 + 0.01


def test_the_camera_is_inside_of_nothing() -> None:
    seen = set()
    for seed in range(30):
        scene = workcell_scene(np.random.default_rng(seed), 96, 72)
        eye = scene.world_from_camera[:3, 3]
        seen |= {s.class_name for s in scene.solids}
        for solid in scene.solids:
            box = Occupied.of(solid)
            foot = box.footprint
            inside = abs(eye[0] - foot.x_m) < foot.half_x_m and abs(eye[1] - foot.y_m) < foot.half_y_m
            assert solid.class_name in WALLS or not (inside and box.low_m < eye[2] < box.high_m)
        numbers = sorted({s.instance_id for s in scene.solids})
        assert numbers == list(range(numbers[-1] + 1))
    assert {ROBOT, "oven", "sink", "cabinet", "table"} <= seen


def test_no_two_arms_have_one_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the foot of the second takes the place of an object."""

    def clutter(*_args: object, **_kwargs: object) -> list[Placed]:
        body = box_object(np.random.default_rng(0), 0.1)
        return [Placed(body, Footprint(x, 0.0, 0.02, 0.02, 0.0), 0.5) for x in (-0.6, 0.0, 0.6)]

    feet: Iterator[float] = iter(())
    numbers: list[int] = []

    def reach(*_args: object, **_kwargs: object) -> tuple[np.ndarray, np.ndarray, float]:
        foot = np.array((next(feet), 0.0, 0.55))
        return foot, foot + np.array((0.1, 0.2, 0.3)), 0.5

    def arm(rng: np.random.Generator, foot: np.ndarray, tip: np.ndarray, floor_m: float, number: int) -> list[Solid]:
        numbers.append(number)
        return robot_arm(rng, foot, tip, floor_m, number)

    monkeypatch.setattr(workcell, "clutter", clutter)
    monkeypatch.setattr(workcell, "_reach", reach)
    monkeypatch.setattr(workcell, "robot_arm", arm)
    counts = set()
    for seed in range(20):
        numbers.clear()
        feet = iter((-0.3, 0.6))  # the second stands where the last object is
        scene = workcell_scene(np.random.default_rng(seed), 96, 72)
        objects = {s.instance_id for s in scene.solids if s.class_name != ROBOT} - {0}
        assert numbers == [len(objects) + 1 + i for i in range(len(numbers))]
        counts.add((len(objects), len(numbers)))
    assert counts == {(3, 0), (3, 1), (2, 2)}


def test_a_heap_that_finds_no_room_does_not_look_beyond_the_table() -> None:
    rng = np.random.default_rng(0)
    heap = Heap(0.8, (0.05, 0.05), (0.0, 0.0), 0.4)
    for _ in range(3000):
        heap.apart(rng, box_object(rng, 0.12))  # none fits
    assert not heap.placed
