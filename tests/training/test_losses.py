"""The differentiable decodes must say what the codecs say."""

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor  # noqa: E402

from vb_perception.codecs.colours import CONFIDENCE_LEVELS  # noqa: E402
from vb_perception.codecs.depth import DepthCodec  # noqa: E402
from vb_perception.codecs.normals import encode_normals  # noqa: E402
from vb_perception.codecs.slots import SLOTS  # noqa: E402
from vb_perception.training import losses  # noqa: E402

CODEC = DepthCodec()


def random_colours(count: int) -> tuple[NDArray[np.uint8], Tensor]:
    levels = np.random.default_rng(0).integers(0, 256, (1, count, 3), dtype=np.uint8)
    return levels, torch.from_numpy(levels).permute(2, 0, 1)[None].float() / 127.5 - 1


def test_walk_position_decodes_like_the_codec() -> None:
    levels, rgb = random_colours(4000)
    f, off = losses.walk_position(rgb)
    depth, confidence = CODEC.decode(levels)
    ours = losses.depth_m(f, CODEC)[0].numpy()
    compared = np.isfinite(depth) & (depth > 0.1) & (depth < 40)
    assert compared.mean() > 0.5
    # Colours equally far from two edges may take either.
    assert np.mean(np.abs(ours - depth)[compared] < 1e-3 * depth[compared]) > 0.99
    # Beyond its range the codec has no confidence at all.
    promised = np.exp(-off[0].numpy() / CONFIDENCE_LEVELS)
    assert np.allclose(promised[compared], confidence[compared], atol=2e-2)


def test_regressed_depth_loss_is_least_at_the_truth_and_pays_for_false_confidence() -> None:
    truth = torch.full((1, 1, 64), 1.3)
    valid = torch.ones_like(truth, dtype=torch.bool)

    def loss(metres: float, off_levels: float = 0.0) -> float:
        encoded = CODEC.encode(np.full((1, 64), metres, np.float32))
        rgb = torch.from_numpy(encoded).permute(2, 0, 1)[None].float() / 127.5 - 1
        rgb[:, 2] += off_levels / 127.5  # 1.3 m lies on the red-yellow edge: blue leaves the walk
        return losses.regressed_depth_loss(rgb, truth, valid, (~valid).long(), CODEC).item()

    assert loss(1.3) < loss(1.35) < loss(1.6)
    assert loss(1.6, off_levels=30) < loss(1.6)
    assert loss(1.3) < loss(1.3, off_levels=30)


def test_regressed_depth_loss_pulls_a_colour_towards_the_truth() -> None:
    rgb = torch.tensor([[[[0.9]], [[-0.3]], [[-1.0]]]], requires_grad=True)
    truth = torch.full((1, 1, 1), 1.6)
    one = torch.ones(1, 1, 1, dtype=torch.int64)
    losses.regressed_depth_loss(rgb, truth, one > 0, one, CODEC).backward()
    assert rgb.grad is not None
    assert rgb.grad[0, 1].item() < 0  # more green is farther along red-yellow


def test_normal_loss_is_zero_at_the_truth_only() -> None:
    normals = np.zeros((4, 4, 3), np.float32)
    normals[..., 2] = -1
    truth = torch.from_numpy(encode_normals(normals)).permute(2, 0, 1)[None].float() / 127.5 - 1
    valid = torch.ones(1, 4, 4, dtype=torch.bool)
    things = torch.zeros(1, 4, 4, dtype=torch.int64)
    assert losses.normal_loss(truth, truth, valid, things).item() < 1e-5
    assert losses.normal_loss(-truth, truth, valid, things).item() > 3


def test_a_thing_counts_by_the_root_of_its_pixels_for_half_of_a_mean() -> None:
    things = torch.zeros(1, 10, 10, dtype=torch.int64)
    things[0, :2, :2] = 1
    off = (things == 1).float()
    valid = torch.ones_like(things, dtype=torch.bool)
    by_thing = 2 / (2 + 96**0.5)  # roots of 4 and of 96 pixels
    assert losses.thing_mean(off, valid, things).item() == pytest.approx((0.04 + by_thing) / 2)
    assert losses.thing_mean(off, valid, torch.zeros_like(things)).item() == pytest.approx(0.04)
    assert losses.thing_mean(off, valid & (things == 0), things).item() == 0


def test_masked_mean_ignores_invalid_pixels_and_survives_none() -> None:
    values = torch.tensor([1.0, 100.0])
    assert losses.masked_mean(values, torch.tensor([True, False])).item() == 1.0
    assert losses.masked_mean(values, torch.tensor([False, False])).item() == 0.0


def test_depth_loss_is_least_at_the_truth_and_pays_for_false_confidence() -> None:
    truth = torch.full((1, 1, 64), 1.3)
    valid = torch.ones_like(truth, dtype=torch.bool)

    def loss(metres: float, unsure: float = 0.0) -> float:
        f = torch.full_like(truth, float(CODEC.curve(metres)))
        return losses.depth_loss(f, torch.full_like(truth, unsure), truth, valid, (~valid).long(), CODEC).item()

    assert loss(1.3) < loss(1.35) < loss(1.6)
    assert loss(1.6, unsure=0.4) < loss(1.6)
    assert loss(1.3) < loss(1.3, unsure=0.4)


def test_balanced_weights_give_small_things_a_say() -> None:
    rows = torch.zeros(2, 10, 10, dtype=torch.int64)
    rows[0, :2, :2] = 1
    valid = torch.ones_like(rows, dtype=torch.bool)
    valid[1, 5:] = False
    weight = losses.balanced(rows, valid, border_weight=1.0)
    assert weight.sum((1, 2)).tolist() == pytest.approx([1, 1])
    share = weight[0][rows[0] == 1].sum().item()
    assert share == pytest.approx(2 / (2 + 96**0.5))  # by roots: 4 and 96 pixels
    assert weight[1, 5:].sum() == 0


def test_prompts_of_which_nothing_is_known_leave_the_loss_of_the_others_as_it_is() -> None:
    scores = torch.randn(2, 4, 6, 8, generator=torch.Generator().manual_seed(0))
    rows = torch.randint(4, (2, 6, 8), generator=torch.Generator().manual_seed(1))
    valid = torch.ones_like(rows, dtype=torch.bool)
    valid[1] = False
    alone = losses.pointing_loss(scores[:1], rows[:1], valid[:1])
    assert losses.pointing_loss(scores, rows, valid).item() == pytest.approx(alone.item())
    valid[0] = False
    assert losses.pointing_loss(scores, rows, valid) == 0
    assert losses.pointing_loss(scores[:0], rows[:0], valid[:0]) == 0


def test_a_border_is_what_lies_near_another_known_row() -> None:
    rows = torch.zeros(1, 6, 12, dtype=torch.int64)
    rows[..., 5:] = 3
    known = torch.ones_like(rows, dtype=torch.bool)
    assert losses.borders(rows, known)[0, 2].tolist() == [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    known[..., 6:] = False
    assert losses.borders(rows, known)[0, 2].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    known[..., 5:] = False
    assert losses.borders(rows, known).sum() == 0
    weight = losses.balanced(rows, torch.ones_like(rows, dtype=torch.bool))
    assert (weight[0, 2, 4] / weight[0, 2, 0]).item() == pytest.approx(losses.BORDER_WEIGHT)


def test_blurred_depth_costs_more_than_its_error() -> None:
    truth = torch.full((1, 16, 16), 1.0)
    truth[:, :, 8:] = 1.3
    valid = torch.ones_like(truth, dtype=torch.bool)

    def loss(metres: Tensor) -> float:
        return losses.depth_loss(
            torch.from_numpy(CODEC.curve(metres.numpy())), torch.zeros_like(truth), truth, valid, (~valid).long(), CODEC
        ).item()

    ramp = torch.linspace(-0.1, 0.1, 16).expand(16, 16)
    mirrored = ramp.flip(1)
    # Both are as far off everywhere; one makes the edge at column 8 steeper by a constant, the other adds an edge.
    edge = torch.where(torch.arange(16) % 2 == 0, 0.05, -0.05)
    assert loss(truth * 1.05) < loss(truth * torch.exp(edge))
    assert loss(truth * torch.exp(ramp)) == pytest.approx(loss(truth * torch.exp(mirrored)), rel=0.05)


def pointed(slots: dict[int, tuple[slice, slice]], shape: tuple[int, int] = (24, 32)) -> Tensor:
    """Logits of a prompt of instances in which each slot has its region for itself."""
    logits = torch.zeros(1, losses.FIRST_SLOT_ROW + SLOTS, *shape)
    for slot, region in slots.items():
        logits[0, losses.FIRST_SLOT_ROW + slot][region] = 9.0
    return logits


LEFT, RIGHT = (slice(None), slice(0, 8)), (slice(None), slice(24, 32))


def test_instances_may_have_the_colours_that_the_network_gave_them() -> None:
    rows = torch.ones(1, 24, 32, dtype=torch.int64)
    rows[0][LEFT], rows[0][RIGHT] = 2, 3
    valid = torch.ones_like(rows, dtype=torch.bool)
    valid[0, :4] = False
    matched = losses.instance_rows(pointed({5: LEFT, 2: RIGHT}), rows, valid)
    assert matched[0, 12, 4].item() == losses.FIRST_SLOT_ROW + 5
    assert matched[0, 12, 28].item() == losses.FIRST_SLOT_ROW + 2
    assert matched[0, 12, 16].item() == 1


def test_scores_that_are_not_finite_become_a_loss_that_is_not() -> None:
    rows = torch.ones(1, 24, 32, dtype=torch.int64)
    rows[0][LEFT], rows[0][RIGHT] = 2, 3
    valid = torch.ones_like(rows, dtype=torch.bool)
    scores = pointed({}) * float("nan")
    matched = losses.instance_rows(scores, rows, valid)
    assert matched[0, 12, 4] != matched[0, 12, 28]
    assert losses.pointing_loss(scores, matched, valid).isnan()


def test_two_instances_never_share_a_colour_and_the_near_place_breaks_ties() -> None:
    rows = torch.ones(1, 24, 32, dtype=torch.int64)
    rows[0][LEFT], rows[0][RIGHT] = 2, 3
    valid = torch.ones_like(rows, dtype=torch.bool)
    both = pointed({5: LEFT})
    both[0, losses.FIRST_SLOT_ROW + 5][RIGHT] = 9.0
    matched = losses.instance_rows(both, rows, valid)
    assert matched[0, 12, 4] != matched[0, 12, 28]
    matched = losses.instance_rows(pointed({}), rows, valid)
    assert [int(matched[0, 12, x]) - losses.FIRST_SLOT_ROW for x in (4, 28)] == [4, 7]  # middle row of the anchors


def test_of_more_instances_than_colours_the_smallest_share_with_what_is_far_away() -> None:
    rows = torch.ones(1, 24, 32, dtype=torch.int64)
    for i in range(SLOTS + 1):
        rows[0, 2 * (i // 8) : 2 * (i // 8) + 2, 4 * (i % 8) : 4 * (i % 8) + 3] = i + 2
    rows[0, 0, 0:3] = 1  # the first, at the upper left, is smaller than the others
    matched = losses.instance_rows(pointed({}), rows, torch.ones_like(rows, dtype=torch.bool))[0]
    slots = [int(matched[2 * (i // 8) + 1, 4 * (i % 8)]) for i in range(SLOTS + 1)]
    assert len(set(slots[1:])) == SLOTS
    assert slots[0] == slots[7]  # at the upper right: the last of its row
    assert (matched[rows[0] == 1] == 1).all()


def test_two_that_touch_get_the_same_two_colours_wherever_they_stand() -> None:
    found = []
    for top, left in ((2, 3), (13, 20)):
        rows = torch.ones(1, 24, 32, dtype=torch.int64)
        rows[0, top : top + 6, left : left + 4], rows[0, top : top + 6, left + 4 : left + 8] = 2, 3
        matched = losses.instance_rows(pointed({}), rows, torch.ones_like(rows, dtype=torch.bool))
        found.append([int(matched[0, top, x]) - losses.FIRST_SLOT_ROW for x in (left, left + 7)])
    assert found[0] == found[1]
    assert found[0][0] != found[0][1]
