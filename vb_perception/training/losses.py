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
MOST_RESIDUAL = 1.5
"""Of log depth, beyond which the relative error grows no more: far too far may not drown everything else."""
LIKELIHOOD_SHARE = 0.1
STEP_SHARE, STEP_STRIDES = 0.5, (1, 2, 4, 8)
THING_SHARE = 0.5
"""Of a mean over pixels, that `thing_mean` gives to things."""
LEVELS = 127.5  # [-1, 1] spans 255 levels
BORDER_PX, BORDER_WEIGHT = 2, 3.0
"""A pixel this near to another thing weighs so much more: where two boxes touch few pixels tell that they are two."""


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
    """Metres at position f of the walk (the inverse of `DepthCodec`'s power transform), kept finite."""
    lam, scale = codec.lam, codec.scale_m
    return lam * scale * (1 - (1 - f.clamp(0.002, 0.998)) ** (1 / (lam + 1)))


def regressed_depth_loss(rgb: Tensor, truth_m: Tensor, valid: Tensor, things: Tensor, codec: DepthCodec) -> Tensor:
    """`depth_loss` of a generator that regresses the colour (N, 3, H, W): place and distance are read off the walk."""
    f, _ = walk_position(rgb)
    _, levels = walk_position(rgb.clamp(-1, 1))  # what 8 bits keep of it
    return depth_loss(f, levels / UNSURE_LEVELS, truth_m, valid, things, codec)


def depth_loss(f: Tensor, unsure: Tensor, truth_m: Tensor, valid: Tensor, things: Tensor, codec: DepthCodec) -> Tensor:
    """Error after the decode, steps between neighbours, and a Laplace likelihood: the colour says how sure it is.

    The likelihood's scale is the confidence that the codec reads off the same colour: a pixel may leave the colour map
    to say that it is unsure, and pays log(scale) for it.  It sees the error as a constant, or hard pixels would buy
    themselves out of being learnt.

    Args:
        f: place on the colour map (N, H, W) in [0, 1].
        unsure: how far off the map, in UNSURE_LEVELS (N, H, W).
        truth_m: z-depth (N, H, W); `valid` (N, H, W) where it is known.
        valid: see above.
        things: which thing each pixel is of (N, H, W), see `thing_mean`.
        codec: the curve from f to metres.
    """
    residual = log_residual(f, truth_m, codec)
    error = depth_error(residual)
    log_scale = (unsure * (UNSURE_LEVELS / CONFIDENCE_LEVELS)).clamp(max=4)
    likelihood = error.detach() / SCALE_ON_WALK * torch.exp(-log_scale) + log_scale
    steps = sum(
        (neighbour_steps(residual[:, ::s, ::s], valid[:, ::s, ::s]) for s in STEP_STRIDES), residual.new_zeros(())
    )
    sure = LIKELIHOOD_SHARE * masked_mean(likelihood, valid)
    return thing_mean(error / ERROR_UNIT, valid, things) + sure + STEP_SHARE / ERROR_UNIT * steps


def log_residual(f: Tensor, truth_m: Tensor, codec: DepthCodec) -> Tensor:
    """Log of how many times too far place `f` on the colour map is."""
    return torch.log(depth_m(f, codec)) - torch.log(truth_m.clamp(min=0.05))


def depth_error(residual: Tensor) -> Tensor:
    """Mean of the log-depth and the relative error: where the scale is in doubt, far too far costs more."""
    return (residual.abs() + torch.expm1(residual.clamp(max=MOST_RESIDUAL)).abs()) / 2


def neighbour_steps(residual: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute difference between neighbours: what is blurred or lacks an edge costs, a wrong scale does not.

    Source: the gradient matching term of MegaDepth (Li, Snavely 2018) and MiDaS (Ranftl et al. 2020).
    """
    across = masked_mean((residual[:, :, 1:] - residual[:, :, :-1]).abs(), valid[:, :, 1:] & valid[:, :, :-1])
    return across + masked_mean((residual[:, 1:] - residual[:, :-1]).abs(), valid[:, 1:] & valid[:, :-1])


def normal_loss(rgb: Tensor, truth_rgb: Tensor, valid: Tensor, things: Tensor) -> Tensor:
    """Squared distance of the vectors (its mean shortens where unsure, which is the codec's confidence) and 1 - cosine.

    Colour axes are the vector's axes up to sign, so both can be computed on colours (N, 3, H, W) in [-1, 1].
    """
    squared = ((rgb - truth_rgb) ** 2).sum(1)
    cosine = nn.functional.cosine_similarity(rgb, truth_rgb, dim=1, eps=1e-4)
    return thing_mean(squared + (1 - cosine), valid, things)


def thing_mean(values: Tensor, valid: Tensor, things: Tensor) -> Tensor:
    """Mean over valid pixels (N, H, W), half of which (THING_SHARE) counts a thing by the root of its pixels.

    A table of four fifths of the picture, learnt to within the noise of its truth, is else four fifths of the loss.
    `things` (N, H, W) int64: a number for each thing, 0 for what is none.
    """
    by_thing = (values * balanced(things, valid, border_weight=1.0)).sum() / valid.flatten(1).any(1).sum().clamp(min=1)
    return (1 - THING_SHARE) * masked_mean(values, valid) + THING_SHARE * by_thing


def pointing_loss(logits: Tensor, rows: Tensor, valid: Tensor, border_weight: float = BORDER_WEIGHT) -> Tensor:
    """Cross-entropy of the row that each pixel points at: logits (N, T, H, W), rows (N, H, W) int64.

    The mean over the prompts of which anything is known.
    """
    loss = nn.functional.cross_entropy(logits.float(), rows.clamp(min=0), reduction="none")
    return (loss * balanced(rows, valid, border_weight)).sum() / valid.flatten(1).any(1).sum().clamp(min=1)


def overlap_loss(logits: Tensor, rows: Tensor, valid: Tensor) -> Tensor:
    """1 - IoU of what points at a row and what should, as `pointing_loss` has them; the mean over the rows there are.

    Pixels are counted as they are judged: where a cup is, and how much of the table is taken for one.

    Source: the soft Jaccard loss of Rahman and Wang, "Optimizing Intersection-Over-Union", ISVC 2016.
    """
    known = valid[:, None].to(torch.float32)
    truth = nn.functional.one_hot(rows.clamp(min=0).long(), logits.shape[1]).movedim(-1, 1) * known
    found = torch.softmax(logits.float(), 1) * known
    common, there = (found * truth).sum((2, 3)), truth.sum((2, 3))
    either = (found.sum((2, 3)) + there - common).clamp(min=1e-6)
    return masked_mean(1 - common / either, there > 0)


def balanced(rows: Tensor, valid: Tensor, border_weight: float = BORDER_WEIGHT) -> Tensor:
    """Weights (N, H, W) that sum to 1 over each image, each row's share growing with the root of its pixels only.

    In a plain mean a cup of a hundredth of the image counts a hundredth: it was never learnt.
    """
    count = int(rows.max().item()) + 1 if rows.numel() else 1
    index = rows.clamp(min=0) + count * torch.arange(len(rows), device=rows.device)[:, None, None]
    pixels = torch.bincount(index[valid], minlength=count * len(rows)).clamp(min=1)
    weight = pixels.rsqrt()[index] * valid
    if border_weight != 1:
        weight = weight * (1 + (border_weight - 1) * borders(rows, valid))
    return weight / weight.sum((1, 2), keepdim=True).clamp(min=1e-6)


def borders(rows: Tensor, valid: Tensor) -> Tensor:
    """Which pixels (N, H, W) have another known row within BORDER_PX, rows or columns, of them."""
    ids = rows.float()
    far = float(rows.max().item()) + 1 if rows.numel() else 1.0
    size = 2 * BORDER_PX + 1
    highest, lowest = (
        nn.functional.max_pool2d(torch.where(valid, signed, -far)[:, None], size, 1, BORDER_PX)[:, 0]
        for signed in (ids, -ids)
    )
    return (valid & ((highest != ids) | (-lowest != ids))).to(ids.dtype)


def colour_loss(rgb: Tensor, truth_rgb: Tensor, valid: Tensor, things: Tensor) -> Tensor:
    """Mean absolute difference of colours (N, 3, H, W) in [-1, 1], as `thing_mean` counts."""
    return thing_mean((rgb - truth_rgb).abs().mean(1), valid, things)


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Mean over valid pixels; zero, with a gradient of zero, if there are none."""
    weight = valid.to(values.dtype)
    return (values * weight).sum() / weight.sum().clamp(min=1.0)
