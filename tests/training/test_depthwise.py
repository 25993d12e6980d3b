"""Depthwise convolutions stay in fp32 under autocast, and are otherwise what they were."""

import copy

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import nn  # noqa: E402

from vb_perception.training.depthwise import depthwise_in_fp32  # noqa: E402


def _two() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(8, 8, 5, groups=8), nn.Conv2d(8, 4, 1))


def test_what_is_computed_and_called_the_same() -> None:
    model, x = _two(), torch.randn(2, 8, 9, 9)
    names, plain = list(model.state_dict()), model(x)
    depthwise_in_fp32(model)
    depthwise_in_fp32(model)  # once is enough
    assert torch.equal(model(x), plain)
    assert torch.equal(copy.deepcopy(model)(x), plain)
    assert list(model.state_dict()) == names


def test_autocast_reaches_all_but_them() -> None:
    model, x = _two(), torch.randn(2, 8, 9, 9, dtype=torch.bfloat16)
    exact = model[0](x.float())
    depthwise_in_fp32(model)
    with torch.autocast("cpu", torch.bfloat16):
        between = model[0](x)
        after = model[1](between)
    assert between.dtype == after.dtype == torch.bfloat16
    assert torch.equal(between, exact.to(torch.bfloat16))
