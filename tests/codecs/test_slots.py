import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vb_perception.codecs.slots import ANCHORS, SLOTS, assign_slots, slot_colours

TAU = 14


@given(background=st.tuples(*[st.integers(0, 255)] * 3))
def test_colours_are_far_from_each_other_and_from_any_background(background: tuple[int, int, int]) -> None:
    colours = np.array((background, *slot_colours(background)), float)
    apart = np.linalg.norm(colours[:, None] - colours, axis=2)
    assert apart[~np.eye(len(colours), dtype=bool)].min() > 4 * TAU


def test_an_instance_at_the_place_of_a_slot_has_it() -> None:
    assert assign_slots(*ANCHORS.T).tolist() == list(range(SLOTS))
    assert assign_slots([0.9], [0.1]).tolist() == [3]
    assert assign_slots([], []).tolist() == []


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=SLOTS))
def test_no_two_share_a_slot_while_there_are_enough(centres: list[tuple[float, float]]) -> None:
    slots = assign_slots(*np.array(centres).T)
    assert len(set(slots.tolist())) == len(centres)


def test_one_too_many_shares_with_the_farthest() -> None:
    u, v = np.append(ANCHORS[:, 0], 0.12), np.append(ANCHORS[:, 1], 0.16)
    assert assign_slots(u, v)[-1] == SLOTS - 1
