"""Which colour each instance of an answer is to have: the assignment that the network is nearest to."""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from vb_perception.codecs.slots import ANCHORS, SLOTS

FIRST_SLOT_ROW = 3
"""Of the prompt of instances: after the task, the background and the noun."""
PLACE_SHARE = 20.0
"""Nats by which a slot is dearer whose place is the width of all instances away; it grows with the distance squared.

So much that the place decides until the network is sure: with 3.0 it never was (6000 images, all slots alike).
"""


def instance_rows(logits: Tensor, rows: Tensor, valid: Tensor) -> Tensor:
    """Which row of the prompt each pixel should point at.

    Any assignment of colours to instances is right, as long as no two share one; the one is asked for that the network
    is nearest to (as in deep colouring, Kulikov, Yurchenko, Lempitsky 2018, and DETR's matching), with a preference for
    the slot whose place is near (`codecs.slots.ANCHORS`), so that it does not wander from frame to frame.  Where there
    are more instances than colours, the smaller ones share those that are far away.

    Args:
        logits: (N, T, H, W) of the rows of the prompts.
        rows: (N, H, W) int64, 0 the task, 1 the background, from 2 on an instance each.
        valid: (N, H, W), where that is known.

    Returns:
        rows (N, H, W) to point at: 1 the background, `FIRST_SLOT_ROW` + slot an instance.
    """
    inside = valid & (rows > 1)
    if not inside.any():
        return rows.clamp(max=1)
    slots = logits[:, FIRST_SLOT_ROW : FIRST_SLOT_ROW + SLOTS].detach().float().log_softmax(1)
    pixels, place, likely = instance_means(rows, inside, slots)
    table = assigned(pixels, place, slot_cost(place) - likely.cpu()).to(rows.device)
    slot = table.gather(1, rows.clamp(max=table.shape[1] - 1).flatten(1)).unflatten(1, rows.shape[1:])
    return torch.where(inside, slot + FIRST_SLOT_ROW, rows.clamp(max=1))


def instance_means(rows: Tensor, inside: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of each instance: pixels (N, K), place (N, K, 2), mean values (N, K, C).

    The place is the centre of its pixels, as shares (u, v) of the box that holds all instances of the image: two boxes
    that touch are left and right of each other wherever they stand, while in the picture both may be in the middle.

    rows (N, H, W) say which instance below K a pixel is of, where it is `inside`; values (N, C, H, W).
    """
    height, width = rows.shape[1:]
    counted = torch.where(inside, rows, 0).flatten(1)
    member = torch.arange(int(counted.max()) + 1, device=rows.device)[:, None] == counted[:, None]  # (N, K, HW)
    member[:, 0] = False  # what is outside
    member = member.to(values.dtype)
    pixels = member.sum(2)
    v = ((torch.arange(height, device=rows.device) + 0.5) / height)[:, None].expand(height, width)
    u = ((torch.arange(width, device=rows.device) + 0.5) / width).expand(height, width)
    places = torch.stack((u, v)).flatten(1).expand(len(rows), -1, -1)
    total = torch.bmm(member, torch.cat((places, values.flatten(2)), 1).transpose(1, 2))
    mean = total / pixels[..., None].clamp(min=1)
    half_px = mean.new_tensor((0.5 / width, 0.5 / height))
    seen = torch.where(inside.flatten(1)[:, None], places, torch.nan)
    first, last = seen.nan_to_num(2).amin(2) - half_px, seen.nan_to_num(-1).amax(2) + half_px
    within = (mean[..., :2] - first[:, None]) / (last - first).clamp(min=1e-3)[:, None]
    return pixels, within, mean[..., 2:]


def slot_cost(place: Tensor) -> Tensor:
    """How dear each slot is, in nats, to instances of these places (..., 2): (..., SLOTS), on the CPU."""
    return PLACE_SHARE * torch.cdist(place.cpu(), torch.as_tensor(ANCHORS, dtype=torch.float32)).square()


def assigned(pixels: Tensor, place: Tensor, cost: Tensor) -> Tensor:
    """The cheapest slots of the instances of each image, no two alike: (N, K), -1 where there is no instance.

    If there are too many, the largest come first; each of the rest then shares the slot whose instances are the
    farthest from it, as in `codecs.slots.assign_slots`.

    pixels (N, K), 0 where there is no instance; place (N, K, 2); cost (N, K, SLOTS).
    """
    pixels, place = pixels.cpu(), place.cpu()
    table = torch.full(pixels.shape, -1, dtype=torch.int64)
    for count, centres, price, slots in zip(pixels, place, cost, table, strict=True):
        by_size = count.argsort(descending=True)[: int((count > 0).sum())]
        largest = by_size[:SLOTS]
        # What is not finite is refused there; the loss becomes NaN of it too, and that stops a run with what to do.
        chosen, slot = linear_sum_assignment(price[largest].nan_to_num().numpy())
        slots[largest[torch.as_tensor(chosen)]] = torch.as_tensor(slot)
        for instance in by_size[SLOTS:]:
            away = torch.cdist(centres[instance : instance + 1], centres)[0]
            nearest = torch.stack([away[slots == s].min() for s in range(SLOTS)])
            slots[instance] = nearest.argmax()
    return table
