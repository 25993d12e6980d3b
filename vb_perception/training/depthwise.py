"""Depthwise convolutions of a training on a CPU, in fp32 whatever the rest is in.

oneDNN's bf16 gradient of a depthwise convolution of 5x5, or of stride 2, takes three to seven times its fp32 one
(torch 2.13, an Intel with AMX): two thirds of a step of the encoder (torch's profiler, the encoder alone).
"""

import torch
from torch import Tensor, nn


class _InFp32(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            out: Tensor = super().forward(x.float())
        return out.to(x.dtype)


def depthwise_in_fp32(model: nn.Module) -> None:
    """Let the depthwise convolutions of a model ignore autocast, if it is on a CPU; weights and their names stay."""
    if next(model.parameters()).device.type != "cpu":
        return
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1 and not isinstance(module, _InFp32):
            kind = type(module)
            module.__class__ = type(f"{kind.__name__}InFp32", (_InFp32, kind), {})
