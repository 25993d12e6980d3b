"""Colours by name, palettes of colours far apart, and reading an image by the nearest colour of a palette."""

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from vb_perception.codecs.colours import RGB, expect_rgb
from vb_perception.errors import ConfigError

Colour = tuple[int, int, int]

COLOUR_NAMES: dict[str, Colour] = {
    # CSS basic colours (so "green" is dark and "lime" is the primary) with both spellings and both names of each
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "silver": (192, 192, 192),
    "red": (255, 0, 0),
    "maroon": (128, 0, 0),
    "yellow": (255, 255, 0),
    "olive": (128, 128, 0),
    "lime": (0, 255, 0),
    "green": (0, 128, 0),
    "aqua": (0, 255, 255),
    "cyan": (0, 255, 255),
    "teal": (0, 128, 128),
    "blue": (0, 0, 255),
    "navy": (0, 0, 128),
    "fuchsia": (255, 0, 255),
    "magenta": (255, 0, 255),
    "purple": (128, 0, 128),
    # further CSS names, and those of the paper's prompts
    "orange": (255, 165, 0),
    "pink": (255, 192, 203),
    "violet": (238, 130, 238),
    "indigo": (75, 0, 130),
    "brown": (165, 42, 42),
    "gold": (255, 215, 0),
    "beige": (245, 245, 220),
    "tan": (210, 180, 140),
    "khaki": (240, 230, 140),
    "coral": (255, 127, 80),
    "salmon": (250, 128, 114),
    "crimson": (220, 20, 60),
    "chocolate": (210, 105, 30),
    "turquoise": (64, 224, 208),
    "lavender": (230, 230, 250),
    "hot pink": (255, 105, 180),
    "sky blue": (135, 206, 235),
    "light blue": (173, 216, 230),
    "light green": (144, 238, 144),
    "light gray": (211, 211, 211),
    "light grey": (211, 211, 211),
    "light yellow": (255, 255, 224),
    "light purple": (192, 128, 255),
    "light pink": (255, 182, 193),
    "dark red": (139, 0, 0),
    "dark green": (0, 100, 0),
    "dark blue": (0, 0, 139),
    "dark gray": (169, 169, 169),
    "dark grey": (169, 169, 169),
    "dark orange": (255, 140, 0),
    "dark purple": (72, 0, 96),
}
_STEPS = (255, 0, 128, 64, 192)
_LATTICE: tuple[Colour, ...] = tuple((r, g, b) for r, g, b in product(_STEPS, _STEPS, _STEPS))


def nearest_colour(rgb: RGB, colours: Sequence[Colour]) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """Read (H, W, 3) uint8 as the index (H, W) uint16 of the nearest colour, the first of equals, and confidence.

    Nearest is Euclidean in RGB (Vision Banana section 3, semantic segmentation).  Confidence (H, W) float32 is the
    margin (d2 - d1) / (d2 + d1) between the nearest and the second nearest: 1 on a colour, 0 half-way (ours).

    Raises:
        FrameError: `rgb` is not (H, W, 3) uint8.
        ConfigError: fewer than two colours, or two equal ones.
    """
    expect_rgb(rgb)
    if len(colours) < 2 or len(set(colours)) != len(colours):  # noqa: PLR2004 - a margin needs a pair
        msg = f"palette {tuple(colours)}: expected at least two colours, all different"
        raise ConfigError(msg)
    # |p - c|^2 = |p|^2 - 2 p.c + |c|^2; every term is an integer below 2^24, so float32 is exact
    table = np.array(colours, np.float32)
    pixels = np.ascontiguousarray(rgb.reshape(-1, 3).T, np.float32)
    squared = (-2 * table) @ pixels
    squared += np.einsum("nc,nc->n", table, table)[:, None]
    ids = np.zeros(pixels.shape[1], np.uint16)
    first, second = squared[0].copy(), np.full(pixels.shape[1], np.inf, np.float32)
    for i, candidate in enumerate(squared[1:], 1):
        ids[candidate < first] = i
        np.minimum(second, np.maximum(first, candidate), out=second)
        np.minimum(first, candidate, out=first)
    norm = np.einsum("cn,cn->n", pixels, pixels)
    first, second = np.sqrt(first + norm), np.sqrt(second + norm)
    confidence = (second - first) / (second + first)
    return ids.reshape(rgb.shape[:2]), confidence.reshape(rgb.shape[:2])


def distinct_colours(n: int, avoid: Iterable[Colour] = ()) -> tuple[Colour, ...]:
    """Choose `n` colours far from each other and from `avoid`; always the same ones for the same arguments.

    Farthest point first over a lattice of five levels a channel (ours).

    Raises:
        ConfigError: `n` is negative or more than the lattice holds.
    """
    taken = list(avoid)
    free = [c for c in _LATTICE if c not in taken]
    if not 0 <= n <= len(free):
        msg = f"{n} distinct colours: expected 0 to {len(free)}"
        raise ConfigError(msg)
    candidates = np.array(free, np.int64)
    distance2 = np.full(len(free), np.iinfo(np.int64).max)
    for colour in taken:
        distance2 = np.minimum(distance2, ((candidates - colour) ** 2).sum(axis=1))
    chosen: list[Colour] = []
    for _ in range(n):
        index = int(distance2.argmax())
        chosen.append(free[index])
        distance2 = np.minimum(distance2, ((candidates - candidates[index]) ** 2).sum(axis=1))
    return tuple(chosen)
