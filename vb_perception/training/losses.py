"""Losses in colour and after the decode.  Each decode here is checked against the codec that it mirrors."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from vb_perception.codecs.colour_maps import UNSURE_LEVELS
from vb_perception.codecs.colours import CONFIDENCE_LEVELS
from vb_perception.codecs.depth import WALK, DepthCodec

SCALE_ON_WALK = 0.02
"""The log-depth error that a colour on the walk promises; off the walk it grows as the codec's confidence falls."""
ERROR_UNIT = 0.1
LIKELIHOOD_SHARE = 0.1
UNEVEN_SHARE, NEAR_SHARE = 0.5, 0.5
APART = 0.3
"""How far the mean colours of two instances should be apart: 38 levels, while the decoder joins what is within 14."""
LEVELS = 127.5  # [-1, 1] spans 255 levels


def walk_position(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Project colours (N, 3, ...) in [-1, 1] on the cube walk: position f in [0, 1] and distance in levels, (N, ...).

    Differentiable almost everywhere: the nearest edge is chosen hard, the place on it moves with the colour.
    """
    point = (rgb.float() + 1) / 2
    corners = torch.as_tensor(WALK, dtype=point.dtype, device=point.device)
    squared, along = [], []
    for start, end in pairwise(corners):
        axis = int((end - start).abs().argmax())
        t = ((point[:, axis] - start[axis]) * (end - start)[axis]).clamp(0, 1)
        others = [c for c in range(3) if c != axis]
        nearest = start[axis] + t * (end - start)[axis]
        distance = (point[:, axis] - nearest) ** 2
        for c in others:
            distance = distance + (point[:, c] - start[c]) ** 2
        squared.append(distance)
        along.append(t)
    distances = torch.stack(squared)
    best = distances.argmin(0, keepdim=True)
    t = torch.stack(along).gather(0, best)[0]
    off = distances.gather(0, best)[0]
    f = (best[0] + t) / len(along)
    return f, torch.sqrt(off + 1e-8) * (2 * LEVELS)


def depth_m(f: Tensor, codec: DepthCodec) -> Tensor:
    """Metres at position f of the walk (METHOD: the power transform's inverse), kept finite."""
    lam, scale = codec.lam, codec.scale_m
    return lam * scale * (1 - (1 - f.clamp(0.002, 0.998)) ** (1 / (lam + 1)))


def regressed_depth_loss(rgb: Tensor, truth_m: Tensor, valid: Tensor, codec: DepthCodec) -> Tensor:
    """`depth_loss` of a generator that regresses the colour (N, 3, H, W): place and distance are read off the walk."""
    f, _ = walk_position(rgb)
    _, levels = walk_position(rgb.clamp(-1, 1))  # what 8 bits keep of it
    return depth_loss(f, levels / UNSURE_LEVELS, truth_m, valid, codec)


def depth_loss(f: Tensor, unsure: Tensor, truth_m: Tensor, valid: Tensor, codec: DepthCodec) -> Tensor:
    """Log-depth error after the decode, and a Laplace likelihood that teaches the colour to say how large it is (ours).

    The likelihood's scale is the confidence that the codec reads off the same colour: a pixel may leave the colour map
    to say that it is unsure, and pays log(scale) for it.  It sees the error as a constant, or hard pixels would buy
    themselves out of being learnt.

    Args:
        f: place on the colour map (N, H, W) in [0, 1].
        unsure: how far off the map, in UNSURE_LEVELS (N, H, W).
        truth_m: z-depth (N, H, W); `valid` (N, H, W) where it is known.
        valid: see above.
        codec: the curve from f to metres.
    """
    error = (torch.log(depth_m(f, codec)) - torch.log(truth_m.clamp(min=0.05))).abs()
    log_scale = (unsure * (UNSURE_LEVELS / CONFIDENCE_LEVELS)).clamp(max=4)
    likelihood = error.detach() / SCALE_ON_WALK * torch.exp(-log_scale) + log_scale
    return masked_mean(error / ERROR_UNIT + LIKELIHOOD_SHARE * likelihood, valid)


def normal_loss(rgb: Tensor, truth_rgb: Tensor, valid: Tensor) -> Tensor:
    """Squared distance of the vectors (its mean shortens where unsure, which is the codec's confidence) and 1 - cosine.

    Colour axes are the vector's axes up to sign, so both can be computed on colours (N, 3, H, W) in [-1, 1].
    """
    squared = ((rgb - truth_rgb) ** 2).sum(1)
    cosine = nn.functional.cosine_similarity(rgb, truth_rgb, dim=1, eps=1e-4)
    return masked_mean(squared + (1 - cosine), valid)


def pointing_loss(logits: Tensor, rows: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy of the row that each pixel points at: logits (N, T, H, W), rows (N, H, W) int64."""
    loss = nn.functional.cross_entropy(logits.float(), rows.clamp(min=0), reduction="none")
    return (loss * balanced(rows, valid)).sum() / max(len(rows), 1)


def balanced(rows: Tensor, valid: Tensor) -> Tensor:
    """Weights (N, H, W) that sum to 1 over each image, each row's share growing with the root of its pixels only.

    In a plain mean a cup of a hundredth of the image counts a hundredth: it was never learnt.
    """
    count = int(rows.max().item()) + 1 if rows.numel() else 1
    index = rows.clamp(min=0) + count * torch.arange(len(rows), device=rows.device)[:, None, None]
    pixels = torch.bincount(index[valid], minlength=count * len(rows)).clamp(min=1)
    weight = pixels.rsqrt()[index] * valid
    return weight / weight.sum((1, 2), keepdim=True).clamp(min=1e-6)


def instance_loss(rgb: Tensor, truth_rgb: Tensor, rows: Tensor, valid: Tensor) -> Tensor:
    """Difference from the true colours, unevenness of each instance, and nearness of two.

    The decoder would tear apart what is uneven and join what is alike, so both cost more than their difference.

    rgb and truth (N, 3, H, W) in [-1, 1]; rows (N, H, W): 0 the task, 1 the background, from 2 on an instance each.
    """
    inside = valid & (rows > 1)
    if not inside.any():
        return rgb.sum() * 0
    count = int(rows.max().item()) + 1
    index = rows.clamp(min=0) + count * torch.arange(len(rows), device=rows.device)[:, None, None]
    member, colours = index[inside], rgb.movedim(1, -1)[inside]
    pixels = torch.bincount(member, minlength=count * len(rows)).clamp(min=1)
    mean = _means(rgb, member, inside, pixels, len(rows)).flatten(0, 1)
    uneven = (colours - mean[member]).abs().mean(1)
    wrong = (colours - truth_rgb.movedim(1, -1)[inside]).abs().mean(1)
    weight = balanced(rows, inside)[inside]
    apart = _too_near(mean.unflatten(0, (len(rows), count)), _means(truth_rgb, member, inside, pixels, len(rows)))
    return ((wrong + UNEVEN_SHARE * uneven) * weight).sum() / len(rows) + NEAR_SHARE * apart


def _means(rgb: Tensor, member: Tensor, inside: Tensor, pixels: Tensor, images: int) -> Tensor:
    """Mean colour of each row of each image, (N, rows, 3); `member` numbers them over all images."""
    total = torch.zeros(len(pixels), 3, dtype=rgb.dtype, device=rgb.device)
    total = total.index_add(0, member, rgb.movedim(1, -1)[inside])
    return (total / pixels[:, None]).unflatten(0, (images, -1))


def _too_near(mean: Tensor, truth: Tensor) -> Tensor:
    """How much pairs of instances of one image fall short of APART, or of their true difference if that is less."""
    present = truth.abs().sum(-1) > 0
    pair = torch.triu(present[:, :, None] & present[:, None, :], diagonal=1)
    wanted = torch.cdist(truth, truth).clamp(max=APART)
    found = ((mean[:, :, None] - mean[:, None, :]).square().sum(-1) + 1e-8).sqrt()
    return masked_mean((wanted - found).clamp(min=0), pair)


def colour_loss(rgb: Tensor, truth_rgb: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute difference of colours (N, 3, H, W) in [-1, 1]."""
    return masked_mean((rgb - truth_rgb).abs().mean(1), valid)


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean over valid pixels; zero, with a gradient of zero, if there are none."""
    weight = valid.to(values.dtype)
    return (values * weight).sum() / weight.sum().clamp(min=1.0)
