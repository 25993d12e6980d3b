import numpy as np
import pytest

from vb_perception.codecs.vote import vote


def two() -> np.ndarray:
    ids = np.zeros((40, 60), np.uint16)
    ids[5:35, 5:30], ids[5:35, 30:55] = 3, 7
    return ids


def test_specks_of_another_thing_are_outvoted_and_straight_borders_stay() -> None:
    ids = two()
    spoilt = ids.copy()
    spoilt[10:13, 10:13] = 7
    spoilt[20:23, 40:43] = 3
    spoilt[30, 5:9] = 9  # a third thing that nobody else sees
    assert np.array_equal(vote(spoilt, 4), ids)


def test_background_neither_votes_nor_changes() -> None:
    ids = np.zeros((40, 60), np.uint16)
    ids[20, 5:55] = 3  # a wire
    ids[2:8, 2:8] = 4
    assert np.array_equal(vote(ids, 5), ids)
    ids[20, 30] = 0
    assert vote(ids, 5)[20, 30] == 0


@pytest.mark.parametrize("radius_px", [0, 3])
def test_one_thing_alone_and_a_reach_of_nothing(radius_px: int) -> None:
    ids = two()
    one = np.where(ids == 3, ids, 0)
    assert np.array_equal(vote(one, radius_px), one)
    assert np.array_equal(vote(ids, 0), ids)
    assert np.array_equal(vote(np.zeros_like(ids), radius_px), np.zeros_like(ids))


def test_what_is_rounded_away_keeps_its_id() -> None:
    ids = np.zeros((200, 200), np.uint16)
    ids[0, 0], ids[199, 199] = 1, 2
    assert np.array_equal(vote(ids, 30), ids)
