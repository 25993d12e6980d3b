import math

import numpy as np
import pytest

from vb_perception.scenes.heap import Heap
from vb_perception.scenes.objects import Body, board_object, box_object, random_object
from vb_perception.scenes.placement import Placed
from vb_perception.scenes.poses import rotation
from vb_perception.scenes.resting import leaning, resting, turned
from vb_perception.scenes.tabletop import clutter

TOP_M, SIZE = 0.7, (1.6, 0.9)


def vertices(body: Body) -> np.ndarray:
    return np.concatenate([p.mesh.positions @ p.body_from_part[:3, :3].T + p.body_from_part[:3, 3] for p in body.parts])


def many(count: int = 60) -> list[list[Placed]]:
    return [clutter(np.random.default_rng(seed), TOP_M, SIZE) for seed in range(count)]


def test_things_stay_on_the_table_and_rest_on_something() -> None:
    stacked = 0
    for placed in many():
        for one in placed:
            assert (np.abs(one.footprint.corners()) <= np.array(SIZE) / 2).all()
            below = [
                o
                for o in placed
                if math.isclose(o.z_m + o.body.support_m, one.z_m) and o.footprint.overlaps(one.footprint)
            ]
            assert one.z_m == TOP_M or below
            stacked += one.z_m != TOP_M
    assert stacked > 10


def test_some_touch_and_some_lean() -> None:
    gaps = []
    leaning_count = 0
    for placed in many():
        low = [p for p in placed if p.z_m == TOP_M]
        for index, one in enumerate(low):
            gaps += [other.footprint.overlaps(one.footprint, 0.01) for other in low[:index]]
            tilts = [p.body_from_part[:3, :3] for p in one.body.parts]
            leaning_count += any(0.05 < abs(t[1, 2]) < 0.9 for t in tilts) and one.body.class_name == "box"
    assert np.mean(gaps) > 0.1
    assert leaning_count >= 3


def test_turned_bodies_stand_on_the_table_again() -> None:
    rng = np.random.default_rng(3)
    for name in ("can", "bottle", "bowl", "cup", "plate", "book"):
        for _ in range(12):
            body = resting(random_object(name, rng), rng)
            points = vertices(body)
            assert points[:, 2].min() == pytest.approx(0, abs=1e-6)
            assert points[:, 2].max() == pytest.approx(body.height_m, abs=1e-5)
            assert np.abs(points[:, 0]).max() <= body.half_x_m + 1e-6
            assert np.abs(points[:, 1]).max() <= body.half_y_m + 1e-6


def test_a_board_leans_on_its_edge() -> None:
    board = board_object(np.random.default_rng(0))
    body = leaning(board, math.radians(20))
    thick, tall = 2 * board.half_y_m, board.height_m
    expected = tall * math.cos(math.radians(20)) + thick * math.sin(math.radians(20))
    assert body.height_m == pytest.approx(expected, rel=1e-4)
    points = vertices(body)
    highest, lowest = points[np.argmax(points[:, 2])], points[np.argmin(points[:, 2])]
    assert highest[1] > lowest[1] - thick


def test_a_quarter_turn_swaps_sides() -> None:
    body = box_object(np.random.default_rng(5), 0.15)
    lying = turned(body, rotation(0, math.pi / 2))
    assert (lying.half_x_m, 2 * lying.half_y_m, lying.height_m) == pytest.approx(
        (body.half_x_m, body.height_m, 2 * body.half_y_m), rel=1e-5
    )


def test_a_full_table_takes_no_more() -> None:
    heap = Heap(TOP_M, (0.3, 0.3), (0.0, 0.0), 0.1)
    rng = np.random.default_rng(0)
    for _ in range(200):
        heap.apart(rng, box_object(rng, 0.15))
    assert 0 < len(heap.placed) < 30
