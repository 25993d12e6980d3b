"""Any colours will do for instances, as long as no two share one: the network's own come first."""

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor  # noqa: E402

from vb_perception.codecs.slots import SLOTS  # noqa: E402
from vb_perception.training import losses, matching  # noqa: E402


def pointed(slots: dict[int, tuple[slice, slice]], shape: tuple[int, int] = (24, 32)) -> Tensor:
    """Logits of a prompt of instances in which each slot has its region for itself."""
    logits = torch.zeros(1, matching.FIRST_SLOT_ROW + SLOTS, *shape)
    for slot, region in slots.items():
        logits[0, matching.FIRST_SLOT_ROW + slot][region] = 9.0
    return logits


LEFT, RIGHT = (slice(None), slice(0, 8)), (slice(None), slice(24, 32))


def test_instances_may_have_the_colours_that_the_network_gave_them() -> None:
    rows = torch.ones(1, 24, 32, dtype=torch.int64)
    rows[0][LEFT], rows[0][RIGHT] = 2, 3
    valid = torch.ones_like(rows, dtype=torch.bool)
    valid[0, :4] = False
    matched = matching.instance_rows(pointed({5: LEFT, 2: RIGHT}), rows, valid)
    assert matched[0, 12, 4].item() == matching.FIRST_SLOT_ROW + 5
    assert matched[0, 12, 28].item() == matching.FIRST_SLOT_ROW + 2
    assert matched[0, 12, 16].item() == 1


def test_scores_that_are_not_finite_become_a_loss_that_is_not() -> None:
    rows = torch.ones(1, 24, 32, dtype=torch.int64)
    rows[0][LEFT], rows[0][RIGHT] = 2, 3
    valid = torch.ones_like(rows, dtype=torch.bool)
    scores = pointed({}) * float("nan")
    matched = matching.instance_rows(scores, rows, valid)
    assert matched[0, 12, 4] != matched[0, 12, 28]
    assert losses.pointing_loss(scores, matched, valid).isnan()


def test_two_instances_never_share_a_colour_and_the_near_place_breaks_ties() -> None:
    rows = torch.ones(1, 24, 32, dtype=torch.int64)
    rows[0][LEFT], rows[0][RIGHT] = 2, 3
    valid = torch.ones_like(rows, dtype=torch.bool)
    both = pointed({5: LEFT})
    both[0, matching.FIRST_SLOT_ROW + 5][RIGHT] = 9.0
    matched = matching.instance_rows(both, rows, valid)
    assert matched[0, 12, 4] != matched[0, 12, 28]
    matched = matching.instance_rows(pointed({}), rows, valid)
    assert [int(matched[0, 12, x]) - matching.FIRST_SLOT_ROW for x in (4, 28)] == [4, 7]  # middle row of the anchors


def test_of_more_instances_than_colours_the_smallest_share_with_what_is_far_away() -> None:
    rows = torch.ones(1, 24, 32, dtype=torch.int64)
    for i in range(SLOTS + 1):
        rows[0, 2 * (i // 8) : 2 * (i // 8) + 2, 4 * (i % 8) : 4 * (i % 8) + 3] = i + 2
    rows[0, 0, 0:3] = 1  # the first, at the upper left, is smaller than the others
    matched = matching.instance_rows(pointed({}), rows, torch.ones_like(rows, dtype=torch.bool))[0]
    slots = [int(matched[2 * (i // 8) + 1, 4 * (i % 8)]) for i in range(SLOTS + 1)]
    assert len(set(slots[1:])) == SLOTS
    assert slots[0] == slots[7]  # at the upper right: the last of its row
    assert (matched[rows[0] == 1] == 1).all()


def test_two_that_touch_get_the_same_two_colours_wherever_they_stand() -> None:
    found = []
    for top, left in ((2, 3), (13, 20)):
        rows = torch.ones(1, 24, 32, dtype=torch.int64)
        rows[0, top : top + 6, left : left + 4], rows[0, top : top + 6, left + 4 : left + 8] = 2, 3
        matched = matching.instance_rows(pointed({}), rows, torch.ones_like(rows, dtype=torch.bool))
        found.append([int(matched[0, top, x]) - matching.FIRST_SLOT_ROW for x in (left, left + 7)])
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]
