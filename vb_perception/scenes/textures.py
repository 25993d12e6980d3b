"""Random materials for surfaces of a kind: what tables, walls, cartons and pottery look like."""

import colorsys
from collections.abc import Sequence

import numpy as np

from vb_perception.scenes.dice import log_uniform, pick
from vb_perception.scenes.scene import Material, Rgb

_WOODS: tuple[tuple[Rgb, Rgb], ...] = (
    ((0.85, 0.72, 0.60), (0.76, 0.62, 0.49)),
    ((0.72, 0.52, 0.34), (0.52, 0.34, 0.20)),
    ((0.45, 0.29, 0.18), (0.28, 0.17, 0.10)),
    ((0.88, 0.80, 0.66), (0.78, 0.66, 0.48)),
    ((0.62, 0.58, 0.53), (0.48, 0.44, 0.40)),
    ((0.60, 0.36, 0.22), (0.38, 0.20, 0.12)),
)


def colour(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> Rgb:
    """An sRGB colour of any hue, saturation and value drawn from the given ranges."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))
    return red, green, blue


def any_colour(rng: np.random.Generator) -> Rgb:
    """What things are dyed in: greys, pastels and strong colours alike."""
    kind = pick(rng, {"grey": 1, "pastel": 1, "strong": 2})
    if kind == "grey":
        return colour(rng, (0.0, 0.08), (0.05, 0.97))
    if kind == "pastel":
        return colour(rng, (0.1, 0.4), (0.4, 0.95))
    return colour(rng, (0.45, 0.95), (0.2, 0.95))


def wood(rng: np.random.Generator, repeat_m: tuple[float, float] = (0.08, 0.4)) -> Material:
    """Wood of a random kind; the fibres run along or across."""
    light, dark = _WOODS[rng.integers(len(_WOODS))]
    contrast = rng.uniform(0.15, 1.0)
    tint = rng.uniform(0.85, 1.1)
    first = _mixed(light, light, 0, tint)
    return Material(
        pattern="wood",
        colours=(first, _mixed(light, dark, contrast, tint), dark),
        repeat_m=rng.uniform(*repeat_m),
        angle_rad=float(rng.choice((0.0, np.pi / 2))),
        grain=rng.uniform(0.0, 0.12),
        shine=float(rng.uniform(0, 0.35) ** 1.5),
        seed=_seed(rng),
    )


def surface(rng: np.random.Generator, patterns: Sequence[str], **changes: object) -> Material:
    """A material of one of the patterns in random colours; `changes` overrides fields of `Material`."""
    first = any_colour(rng)
    fields: dict[str, object] = {
        "pattern": patterns[int(rng.integers(len(patterns)))],
        "colours": (first, any_colour(rng), any_colour(rng)),
        "repeat_m": log_uniform(rng, 0.02, 0.15),
        "angle_rad": float(rng.choice((0.0, 0.0, np.pi / 2, rng.uniform(0, np.pi)))),
        "grain": float(rng.uniform(0, 0.3)),
        "shine": float(rng.uniform(0, 0.6)),
        "seed": _seed(rng),
    }
    return Material(**(fields | changes))  # type: ignore[arg-type]


def table_top(rng: np.random.Generator) -> Material:
    """Wood, plain laminate, stone, or a table cloth."""
    kind = pick(rng, {"wood": 50, "laminate": 25, "cloth": 12, "stone": 13})
    if kind == "wood":
        return wood(rng)
    if kind == "laminate":
        pale = colour(rng, (0.0, 0.25), (0.25, 0.95))
        return surface(rng, ("plain",), colours=(pale, pale, pale), grain=rng.uniform(0, 0.1))
    if kind == "cloth":
        cloth = any_colour(rng)
        colours = (cloth, _mixed(cloth, any_colour(rng), rng.uniform(0.1, 1.0), 1.0), any_colour(rng))
        return surface(rng, ("cloth", "checker", "stripes", "cloth"), colours=colours, shine=0.0)
    stone = colour(rng, (0.0, 0.15), (0.2, 0.9))
    return surface(rng, ("marble", "speckle"), colours=(stone, _mixed(stone, any_colour(rng), 0.3, 0.9), stone))


def floor(rng: np.random.Generator) -> Material:
    """Planks, tiles, carpet, concrete."""
    kind = pick(rng, {"planks": 40, "tiles": 25, "carpet": 35})
    if kind == "planks":
        light, dark = _WOODS[rng.integers(len(_WOODS))]
        return surface(rng, ("planks",), colours=(light, dark, dark), repeat_m=rng.uniform(0.06, 0.2), shine=0.15)
    pale = colour(rng, (0.0, 0.3), (0.2, 0.85))
    near = _mixed(pale, any_colour(rng), rng.uniform(0.1, 0.5), 0.9)
    if kind == "tiles":
        return surface(rng, ("tiles", "checker"), colours=(pale, near, near), repeat_m=rng.uniform(0.15, 0.7))
    return surface(
        rng,
        ("plain", "cloth", "speckle", "marble"),
        colours=(pale, near, near),
        repeat_m=rng.uniform(0.05, 0.5),
        shine=0.0,
    )


def wall(rng: np.random.Generator) -> Material:
    """Mostly paint, now and then paper, tiles or panels."""
    pale = colour(rng, (0.0, 0.3), (0.45, 0.97))
    near = _mixed(pale, any_colour(rng), rng.uniform(0.03, 0.35), 0.95)
    patterns = ("plain", "plain", "plain", "plain", "plain", "marble", "stripes", "tiles", "speckle")
    return surface(
        rng, patterns, colours=(pale, near, near), repeat_m=rng.uniform(0.1, 0.6), grain=rng.uniform(0, 0.15), shine=0.0
    )


def carton(rng: np.random.Generator, size_m: float) -> Material:
    """A printed package, brown cardboard, or a plain or patterned box."""
    kind = pick(rng, {"printed": 55, "brown": 15, "other": 30})
    if kind == "printed":
        return surface(rng, ("print",), repeat_m=size_m * rng.uniform(0.5, 1.3), angle_rad=0.0)
    if kind == "brown":
        brown = _mixed((0.72, 0.56, 0.38), (0.60, 0.45, 0.30), rng.random(), rng.uniform(0.8, 1.15))
        return surface(rng, ("plain", "speckle"), colours=(brown, _mixed(brown, brown, 0, 0.92), brown), shine=0.0)
    return surface(rng, ("plain", "plain", "checker", "stripes", "bands", "speckle", "marble"))


def pottery(rng: np.random.Generator) -> Material:
    """Glazed in one colour, or decorated in bands, dots or veins."""
    patterns = ("plain", "plain", "plain", "bands", "speckle", "marble", "stripes")
    return surface(rng, patterns, angle_rad=0.0, shine=rng.uniform(0.1, 0.8), grain=rng.uniform(0, 0.1), wraps=True)


def label(rng: np.random.Generator) -> Material:
    """What is wrapped around cans and bottles."""
    patterns = ("print", "print", "bands", "stripes", "plain", "checker")
    return surface(rng, patterns, angle_rad=0.0, shine=rng.uniform(0.1, 0.7), wraps=True)


def _mixed(first: Rgb, second: Rgb, share: float, gain: float) -> Rgb:
    red, green, blue = (
        min(max((a * (1 - share) + b * share) * gain, 0.0), 1.0) for a, b in zip(first, second, strict=True)
    )
    return red, green, blue


def _seed(rng: np.random.Generator) -> float:
    """Whole numbers, so that the shader's lattice of random numbers is only shifted."""
    return float(rng.integers(1, 4000))
