"""Readers of the encoder's maps, fitted again to what they read before."""

import torch
from torch import nn

from vb_perception.training.reread import Reading


def test_what_was_mixed_linearly_is_read_as_before() -> None:
    random = torch.Generator().manual_seed(3)
    reader = nn.Conv2d(6, 3, 1).requires_grad_(requires_grad=False)
    mixed = torch.eye(6) + 0.3 * torch.randn(6, 6, generator=random)
    reading, old = Reading(reader), torch.randn(8, 6, 12, 16, generator=random)
    new = torch.einsum("dc,bchw->bdhw", mixed, old) + 0.5
    reading.add(new[:4], old[:4])
    reading.add(new[4:], old[4:])
    weight, bias, was, remains = reading.solve()
    assert was > 0.05
    assert remains < 1e-4 * was
    again = nn.functional.conv2d(new, weight, bias)
    assert torch.allclose(again, reader(old), atol=0.01)


def test_maps_that_did_not_change_change_nothing() -> None:
    reader = nn.Conv2d(4, 2, 1).requires_grad_(requires_grad=False)
    reading, maps = Reading(reader), torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(4))
    reading.add(maps, maps)
    weight, bias, was, remains = reading.solve()
    assert was == remains == 0
    assert torch.equal(weight, reader.weight)
    assert reader.bias is not None
    assert torch.equal(bias, reader.bias)
