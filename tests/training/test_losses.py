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
        return losses.regressed_depth_loss(rgb, truth, valid, CODEC).item()

    assert loss(1.3) < loss(1.35) < loss(1.6)
    assert loss(1.6, off_levels=30) < loss(1.6)
    assert loss(1.3) < loss(1.3, off_levels=30)


def test_regressed_depth_loss_pulls_a_colour_towards_the_truth() -> None:
    rgb = torch.tensor([[[[0.9]], [[-0.3]], [[-1.0]]]], requires_grad=True)
    truth = torch.full((1, 1, 1), 1.6)
    losses.regressed_depth_loss(rgb, truth, torch.ones(1, 1, 1, dtype=torch.bool), CODEC).backward()
    assert rgb.grad is not None
    assert rgb.grad[0, 1].item() < 0  # more green is farther along red-yellow


def test_normal_loss_is_zero_at_the_truth_only() -> None:
    normals = np.zeros((4, 4, 3), np.float32)
    normals[..., 2] = -1
    truth = torch.from_numpy(encode_normals(normals)).permute(2, 0, 1)[None].float() / 127.5 - 1
    valid = torch.ones(1, 4, 4, dtype=torch.bool)
    assert losses.normal_loss(truth, truth, valid).item() < 1e-5
    assert losses.normal_loss(-truth, truth, valid).item() > 3


def test_masked_mean_ignores_invalid_pixels_and_survives_none() -> None:
    values = torch.tensor([1.0, 100.0])
    assert losses.masked_mean(values, torch.tensor([True, False])).item() == 1.0
    assert losses.masked_mean(values, torch.tensor([False, False])).item() == 0.0


def test_depth_loss_is_least_at_the_truth_and_pays_for_false_confidence() -> None:
    truth = torch.full((1, 1, 64), 1.3)
    valid = torch.ones_like(truth, dtype=torch.bool)

    def loss(metres: float, unsure: float = 0.0) -> float:
        f = torch.full_like(truth, float(CODEC.curve(metres)))
        return losses.depth_loss(f, torch.full_like(truth, unsure), truth, valid, CODEC).item()

    assert loss(1.3) < loss(1.35) < loss(1.6)
    assert loss(1.6, unsure=0.4) < loss(1.6)
    assert loss(1.3) < loss(1.3, unsure=0.4)


def test_balanced_weights_give_small_things_a_say() -> None:
    rows = torch.zeros(2, 10, 10, dtype=torch.int64)
    rows[0, :2, :2] = 1
    valid = torch.ones_like(rows, dtype=torch.bool)
    valid[1, 5:] = False
    weight = losses.balanced(rows, valid)
    assert weight.sum((1, 2)).tolist() == pytest.approx([1, 1])
    share = weight[0][rows[0] == 1].sum().item()
    assert share == pytest.approx(2 / (2 + 96**0.5))  # by roots: 4 and 96 pixels
    assert weight[1, 5:].sum() == 0


def test_instance_loss_sees_wrong_and_uneven_colours() -> None:
    rows = torch.ones(1, 8, 8, dtype=torch.int64)
    rows[0, :4], rows[0, 4:, :4] = 2, 3
    valid = torch.ones_like(rows, dtype=torch.bool)
    truth = torch.full((1, 3, 8, 8), -1e-3)
    truth[:, :, :4] = 0.5
    assert losses.instance_loss(truth, truth, rows, valid).item() == pytest.approx(0, abs=1e-3)
    shifted = truth + 0.1
    uneven = truth + 0.1 * (torch.arange(8) % 2 * 2 - 1)
    assert losses.instance_loss(shifted, truth, rows, valid).item() == pytest.approx(0.1, abs=1e-3)
    assert losses.instance_loss(uneven, truth, rows, valid).item() == pytest.approx(0.15, abs=1e-3)
    alike = torch.full_like(truth, 0.25)
    assert losses.instance_loss(alike, truth, rows, valid).item() == pytest.approx(0.25 + 0.5 * 0.3, abs=1e-3)
    outside = truth.clone()
    outside[:, :, 4:, 4:] = 9  # the background's free colour is never painted
    assert losses.instance_loss(outside, truth, rows, valid).item() == pytest.approx(0, abs=1e-3)
    nothing = torch.ones_like(rows)
    assert losses.instance_loss(truth, truth, nothing, valid).item() == 0
