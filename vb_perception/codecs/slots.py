"""The colours of instances: a fixed palette, handed out by where each instance is."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vb_perception.codecs.palette import Colour, distinct_colours

SLOTS = 12
"""Instances of one image that get a colour of their own; further ones share the colour of one that is far away."""
ROWS, COLUMNS = 3, 4
ANCHORS: NDArray[np.float64] = np.array(
    [((c + 0.5) / COLUMNS, (r + 0.5) / ROWS) for r in range(ROWS) for c in range(COLUMNS)]
)
"""Where each slot is at home, (SLOTS, 2): u and v as shares of image width and height, from the upper left by rows."""


@lru_cache(64)
def slot_colours(background: Colour) -> tuple[Colour, ...]:
    """The colour of each slot: far from each other and from the background (over four times the decoder's tau)."""
    return distinct_colours(SLOTS, avoid=(background,))


def assign_slots(u: ArrayLike, v: ArrayLike) -> NDArray[np.intp]:
    """A slot for each instance by its centroid u, v (n,) in [0, 1], (n,) in 0..SLOTS-1.

    A deterministic one-step generator cannot learn colours drawn at random (it would paint their mean), so the colour
    follows from the place (ours): of all pairs of an instance and a free slot the one nearest to each other is joined,
    and so on.  When no slot is free, an instance takes the slot whose instances are the farthest from it.
    """
    centres = np.stack((np.asarray(u, np.float64), np.asarray(v, np.float64)), -1).reshape(-1, 2)
    distance = np.linalg.norm(centres[:, None] - ANCHORS, axis=2)
    slots = np.full(len(centres), -1, np.intp)
    for pair in np.argsort(distance, axis=None, kind="stable"):
        instance, slot = divmod(int(pair), SLOTS)
        if slots[instance] < 0 and slot not in slots:
            slots[instance] = slot
    for instance in np.flatnonzero(slots < 0).tolist():
        away = np.linalg.norm(centres - centres[instance], axis=1)
        nearest = [away[slots == slot].min() for slot in range(SLOTS)]
        slots[instance] = int(np.argmax(nearest))
    return slots
