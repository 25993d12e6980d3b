"""Colour maps as lines of colour stops at equal steps: painting a position on one, and reading it back.

The rainbow is the paper's walk along the edges of the RGB cube; the others are the maps that the paper augments with
(Plasma, Inferno, Viridis, greyscale), here as fifteen stops of matplotlib's tables (CC0), within 8 levels of them.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.colours import RGB
from vb_perception.codecs.palette import Colour

Array = NDArray[np.float64]
RAINBOW = "rainbow"
COLOUR_MAPS: dict[str, tuple[Colour, ...]] = {
    RAINBOW: (
        *((0, 0, 0), (255, 0, 0), (255, 255, 0), (0, 255, 0)),
        *((0, 255, 255), (0, 0, 255), (255, 0, 255), (255, 255, 255)),
    ),
    "plasma": (
        *((13, 8, 135), (53, 4, 152), (83, 2, 163), (111, 0, 168), (139, 10, 165), (163, 30, 154), (184, 50, 137)),
        *((204, 71, 120), (219, 92, 104), (233, 113, 88), (244, 136, 73), (251, 162, 56), (254, 189, 42)),
        *((250, 218, 36), (240, 249, 33)),
    ),
    "inferno": (
        *((0, 0, 4), (13, 8, 41), (40, 11, 83), (71, 11, 106), (101, 21, 110), (130, 32, 108), (159, 42, 99)),
        *((188, 55, 84), (212, 72, 66), (232, 96, 45), (245, 125, 21), (252, 159, 7), (250, 194, 40)),
        *((243, 229, 93), (252, 255, 164)),
    ),
    "viridis": (
        *((68, 1, 84), (72, 27, 109), (70, 50, 126), (63, 71, 136), (54, 92, 141), (46, 110, 142), (39, 127, 142)),
        *((33, 145, 140), (31, 161, 135), (45, 178, 125), (74, 193, 109), (115, 208, 86), (160, 218, 57)),
        *((208, 225, 28), (253, 231, 37)),
    ),
    "grayscale": tuple((grey, grey, grey) for grey in (0, 64, 128, 191, 255)),
}
UNSURE_LEVELS = 64.0
"""How far beside its stop a generator paints that is not sure at all: four times the scale of the confidence."""


def unsure_stops(stops: Sequence[Colour]) -> tuple[Colour, ...]:
    """For each stop the colour `UNSURE_LEVELS` beside the line, at a right angle to both of its edges (ours).

    Between two stops the offset is a mixture of theirs, so that a colour moved towards it is still nearest to the same
    place on the line.  The side is the one that lies inside of the cube.
    """
    line = np.array(stops, np.float64)
    steps = np.diff(line, axis=0)
    aside = np.array([np.cross(before, after) for before, after in pairwise(steps)]).reshape(-1, 3)
    aside = np.concatenate((aside[:1], aside, aside[-1:])) if len(aside) else np.zeros((len(line), 3))
    for i, both in enumerate(aside):
        step = steps[min(i, len(steps) - 1)]
        # Where the line goes straight on, any right angle will do.
        right_angle = both if both.any() else np.cross(step, np.eye(3)[np.abs(step).argmin()])
        direction = right_angle / np.linalg.norm(right_angle)
        inside = float(direction @ (127.5 - line[i]))
        if abs(inside) < 1:  # both sides alike: stay on the one of the stop before
            inside = float(direction @ aside[i - 1]) if i else 1.0
        aside[i] = direction if inside >= 0 else -direction
    # As far as the cube reaches: cut off at its faces, the colour would mean another place on the line.
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(aside > 0, (255 - line) / aside, np.where(aside < 0, -line / aside, np.inf)).min(1)
    off = np.rint(line + np.minimum(room, UNSURE_LEVELS)[:, None] * aside).astype(int)
    return tuple((r, g, b) for r, g, b in off.tolist())


def colours_at(position: Array, stops: Sequence[Colour]) -> RGB:
    """Colours (..., 3) uint8 at positions (...) in [0, 1] of a line of stops."""
    line = np.array(stops, np.float64)
    place = np.linspace(0, 1, len(line))
    channels = [np.interp(position, place, line[:, c]) for c in range(3)]
    rgb: RGB = np.rint(np.stack(channels, -1)).astype(np.uint8)
    return rgb


def nearest_position(rgb: RGB, stops: Sequence[Colour]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Position in [0, 1] of the point of the line nearest to each colour (..., 3), and squared distance in levels."""
    pixels = rgb.reshape(-1, 3).astype(np.float32)
    best = np.full(len(pixels), np.inf, np.float32)
    position = np.zeros(len(pixels), np.float32)
    edges = len(stops) - 1
    for edge, (start, end) in enumerate(pairwise(np.array(stops, np.float32))):
        step = end - start
        along = np.clip((pixels - start) @ step / (step @ step), 0, 1)
        distance = np.square(pixels - start - along[:, None] * step).sum(1)
        nearer = distance < best
        best = np.where(nearer, distance, best)
        position = np.where(nearer, (edge + along) / edges, position)
    return position.reshape(rgb.shape[:-1]), best.reshape(rgb.shape[:-1])
