"""The differentiable decodes must say what the codecs say."""

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import Tensor  # noqa: E402

from vb_perception.codecs.colours import CONFIDENCE_LEVELS  # noqa: E402
from vb_perception.codecs.depth import DepthCodec  # noqa: E402
from vb_perception.codecs.normals import encode_normals  # noqa: E402
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


def test_the_overlap_loss_is_what_is_judged_and_counts_rows_alike() -> None:
    rows = torch.zeros(1, 4, 4, dtype=torch.int64)
    rows[0, 0, :2] = 1  # two pixels of a cup
    found = rows.clone()
    found[0, 0, 0], found[0, 3, 3] = 0, 1  # one missed, one taken for it: IoU 1/3 and 13/15
    sure = 50 * torch.nn.functional.one_hot(found, 3).movedim(-1, 1).float()
    valid = torch.ones(1, 4, 4, dtype=torch.bool)
    judged = losses.overlap_loss(sure, rows, valid)
    assert judged.item() == pytest.approx(1 - (1 / 3 + 13 / 15) / 2, abs=1e-5)
    assert losses.overlap_loss(sure, found, valid).item() == pytest.approx(0, abs=1e-5)
    valid[0, 3, 3] = False  # of what is not known nothing is judged
    assert losses.overlap_loss(sure, rows, valid).item() == pytest.approx(1 - (1 / 2 + 13 / 14) / 2, abs=1e-5)
    assert losses.overlap_loss(sure[:0], rows[:0], valid[:0]) == 0


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
