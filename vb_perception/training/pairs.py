"""A loss that sees two pixels at a time: of one instance, one colour; of two, two, whichever they are.

The matched cross-entropy of `matching.instance_rows` counts every pixel alone.  Where two boxes touch and both would be
red, one of them is told to be blue; which one may change from picture to picture, and what is learnt is their mean.
Source: pairs of pixels as in Newell, Huang, Deng, "Associative Embedding", NeurIPS 2017, here as the probability that
both point at one row (ours).
"""

import torch
from torch import Tensor

from vb_perception.training.losses import masked_mean

STRIDES = (2, 5, 12, 28)
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Rows and columns from a pixel to its partner, times each of STRIDES."""
TOGETHER_SHARE = 2 / 3
"""Of the loss: most pairs of one instance are easy, and the few that are not are lost in their mean."""
SUREST = 1e-3
"""No pair is surer than that: a single wrong label costs no more than its logarithm."""


def pair_loss(logits: Tensor, instances: Tensor, valid: Tensor) -> Tensor:
    """-log of the probability that pixels of one instance point at one row, and that pixels of two do not; weighted.

    Args:
        logits: (N, T, H, W) of the rows of the prompts.
        instances: (N, H, W) int64, from 2 on an instance each; pairs with anything else do not count.
        valid: (N, H, W), where that is known.
    """
    probability = torch.softmax(logits.float(), 1)
    inside = valid & (instances > 1)
    together, apart = [], []
    for stride in STRIDES:
        for direction in DIRECTIONS:
            (p, q), (i, j), (known, also) = (_pair(x, direction, stride) for x in (probability, instances, inside))
            alike = (p * q).sum(1).clamp(SUREST, 1 - SUREST)
            both = known & also
            together.append(masked_mean(-torch.log(alike), both & (i == j)))
            apart.append(masked_mean(-torch.log1p(-alike), both & (i != j)))
    return TOGETHER_SHARE * torch.stack(together).mean() + (1 - TOGETHER_SHARE) * torch.stack(apart).mean()


def _pair(x: Tensor, direction: tuple[int, int], stride: int) -> tuple[Tensor, Tensor]:
    """The pixels of (..., H, W) that have a partner, and their partners."""
    height, width = x.shape[-2:]
    down, right = direction[0] * stride, direction[1] * stride
    first = x[..., : height - down, max(-right, 0) : width - max(right, 0)]
    second = x[..., down:, max(right, 0) : width + min(right, 0)]
    return first, second
