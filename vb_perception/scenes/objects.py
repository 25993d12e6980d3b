"""Objects that a hand can move, of random size and look: boxes, cans, bowls, cups, bottles, balls, plates, books."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vb_perception.scenes import shapes, textures
from vb_perception.scenes.dice import chance, log_uniform, pick
from vb_perception.scenes.poses import rotation, translation
from vb_perception.scenes.scene import Material, Mesh

WALL_M = 0.004
_CEREAL_M = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One mesh of a body, with body_from_part (4, 4)."""

    mesh: Mesh
    body_from_part: NDArray[np.float64]
    material: Material


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """An object in its own axes: it stands on z = 0 and covers |x| <= half_x_m, |y| <= half_y_m, z <= height_m.

    `flat_top` says that another object can stand on it, at `top_m` where that is not its height (a desk with a shelf).
    """

    class_name: str
    parts: tuple[Part, ...]
    half_x_m: float
    half_y_m: float
    height_m: float
    flat_top: bool = False
    top_m: float | None = None

    @property
    def support_m(self) -> float:
        """The height at which other things stand on it."""
        return self.height_m if self.top_m is None else self.top_m


def random_object(class_name: str, rng: np.random.Generator) -> Body:
    """A random member of a class in `MAKERS` (KeyError otherwise)."""
    return MAKERS[class_name](rng)


def box_object(rng: np.random.Generator, largest_m: float = 0.3) -> Body:
    """A package between a matchbox and `largest_m` long, on any of its sides."""
    kind = pick(rng, {"any": 5, "cereal": 3, "slim": 1}) if largest_m > _CEREAL_M else "any"
    if kind == "cereal":
        sizes = [rng.uniform(0.16, largest_m), rng.uniform(0.11, 0.2), rng.uniform(0.04, 0.08)]
    elif kind == "slim":
        side = rng.uniform(0.05, 0.09)
        sizes = [rng.uniform(0.12, largest_m), side, side * rng.uniform(0.6, 1.0)]
    else:
        long_m = log_uniform(rng, 0.06, largest_m)
        sizes = [long_m, long_m * rng.uniform(0.4, 1.0), long_m * rng.uniform(0.12, 0.7)]
    x, y, z = (float(s) for s in np.maximum(rng.permutation(sizes), 0.015))
    return _package(rng, (x, y, z))


def board_object(rng: np.random.Generator, largest_m: float = 0.3) -> Body:
    """A flat package that stands on an edge: thin along y."""
    return _package(rng, (rng.uniform(0.1, 0.22), rng.uniform(0.015, 0.07), rng.uniform(0.12, largest_m)))


def _package(rng: np.random.Generator, size_m: tuple[float, float, float]) -> Body:
    x, y, z = size_m
    part = Part(shapes.box(x, y, z), np.eye(4), textures.carton(rng, max(size_m)))
    return Body("box", (part,), x / 2, y / 2, z, flat_top=True)


def _can(rng: np.random.Generator) -> Body:
    """A can, a wide tin or a long tube."""
    kind = pick(rng, {"can": 5, "tin": 2, "tube": 2})
    radius, height = rng.uniform(0.025, 0.06), rng.uniform(0.05, 0.19)
    if kind == "tin":
        radius, height = rng.uniform(0.06, 0.11), rng.uniform(0.04, 0.1)
    elif kind == "tube":
        radius, height = rng.uniform(0.028, 0.045), rng.uniform(0.18, 0.28)
    rim = 0.004
    side = shapes.lathe(((0, 0), (radius - rim, 0), (radius, rim), (radius, height - rim), (radius - rim, height)))
    lid = shapes.lathe(((radius - rim, height), (radius - 2 * rim, height - rim), (0, height - rim)))
    paper = textures.label(rng)
    metal = textures.surface(
        rng, ("plain",), colours=((rng.uniform(0.5, 0.9),) * 3,) * 3, shine=rng.uniform(0.3, 0.9), grain=0.05
    )
    cover = replace(paper, wraps=False) if kind == "tin" and chance(rng, 0.6) else metal
    parts = (Part(side, np.eye(4), paper), Part(lid, np.eye(4), cover))
    return Body("can", parts, radius, radius, height, flat_top=True)


def _bowl(rng: np.random.Generator) -> Body:
    radius = rng.uniform(0.055, 0.13)
    height, foot, curve = radius * rng.uniform(0.35, 0.8), radius * rng.uniform(0.35, 0.6), rng.uniform(0.4, 0.9)
    rise = np.linspace(0, 1, 13) ** 2  # closer where the curve bends most
    outer = [(foot + (radius - foot) * float(t) ** curve, height * float(t)) for t in rise]
    inner = [(max(r - WALL_M, 0.002), z + WALL_M * (1 - z / height)) for r, z in reversed(outer)]
    profile = [(0.0, 0.0), *outer, *inner, (0.0, WALL_M)]
    return Body("bowl", (Part(shapes.lathe(profile), np.eye(4), textures.pottery(rng)),), radius, radius, height)


def _cup(rng: np.random.Generator) -> Body:
    radius, height, foot = rng.uniform(0.033, 0.05), rng.uniform(0.065, 0.125), rng.uniform(0.75, 1.0)
    outer = [(radius * foot, 0.0), (radius * (0.5 + foot / 2), height * 0.45), (radius, height)]
    inner = [(radius - WALL_M, height), (radius * foot - WALL_M, WALL_M)]
    body = shapes.lathe([(0.0, 0.0), *outer, *inner, (0.0, WALL_M)])
    glaze = textures.pottery(rng)
    parts = [Part(body, np.eye(4), glaze)]
    reach = radius
    if chance(rng, 0.85):
        bow, thick = height * rng.uniform(0.25, 0.36), rng.uniform(0.004, 0.007)
        angle = np.linspace(-1.75, 1.75, 15)
        start = radius * (0.5 + foot / 2) - 0.003 + bow * 0.18
        curve = np.stack((start + 0.8 * bow * np.cos(angle), 0 * angle, height * 0.52 + bow * np.sin(angle)), axis=1)
        turned = rotation(2, rng.uniform(0, 2 * np.pi))
        parts.append(Part(shapes.tube(curve, thick), turned, glaze))
        reach = float(curve[:, 0].max()) + thick
    return Body("cup", tuple(parts), reach, reach, height)


def _bottle(rng: np.random.Generator) -> Body:
    radius, height = rng.uniform(0.028, 0.05), rng.uniform(0.16, 0.32)
    neck, shoulder = radius * rng.uniform(0.28, 0.5), rng.uniform(0.5, 0.72)
    slope = np.linspace(0, 1, 11)
    top = height * (shoulder + rng.uniform(0.08, 0.2))
    bend = [
        (
            radius + (neck - radius) * float(0.5 - 0.5 * np.cos(np.pi * t)),
            height * shoulder + (top - height * shoulder) * float(t),
        )
        for t in slope
    ]
    glass = textures.surface(rng, ("plain",), shine=rng.uniform(0.2, 0.9), grain=0.02)
    shell = shapes.lathe([(0, 0), (radius * 0.94, 0), (radius, 0.006), *bend, (neck, height), (0, height)])
    low, high = height * rng.uniform(0.08, 0.2), height * rng.uniform(shoulder - 0.2, shoulder - 0.03)
    sleeve = radius + 0.0006
    paper = shapes.lathe(((radius, low), (sleeve, low), (sleeve, high), (radius, high)))
    cap_m = height - rng.uniform(0.012, 0.03)
    cap = shapes.lathe(((neck, cap_m), (neck * 1.12, cap_m), (neck * 1.12, height + 0.003), (0, height + 0.003)))
    plastic = textures.surface(rng, ("plain",), grain=0.0)
    eye = np.eye(4)
    parts = (Part(shell, eye, glass), Part(paper, eye, textures.label(rng)), Part(cap, eye, plastic))
    return Body("bottle", parts, sleeve, sleeve, height + 0.003)


def _ball(rng: np.random.Generator) -> Body:
    radius = log_uniform(rng, 0.02, 0.11)
    material = textures.surface(rng, ("plain", "plain", "stripes", "speckle", "checker", "marble"), repeat_m=radius)
    return Body("ball", (Part(shapes.ball(radius), np.eye(4), material),), radius, radius, 2 * radius)


def _plate(rng: np.random.Generator) -> Body:
    radius, height = rng.uniform(0.07, 0.15), rng.uniform(0.012, 0.03)
    well = radius * rng.uniform(0.55, 0.75)
    outer = [(well, 0.0), (radius, height)]
    inner = [(radius, height + 0.003), (well, 0.005)]
    mesh = shapes.lathe([(0.0, 0.0), *outer, *inner, (0.0, 0.005)])
    return Body("plate", (Part(mesh, np.eye(4), textures.pottery(rng)),), radius, radius, height + 0.003)


def _book(rng: np.random.Generator) -> Body:
    x, y, z = rng.uniform(0.1, 0.22), rng.uniform(0.15, 0.3), rng.uniform(0.008, 0.05)
    cover, board = textures.surface(rng, ("plain", "plain", "print", "bands"), repeat_m=x), 0.0025
    white = (0.9, 0.88, 0.82)
    pages = textures.surface(rng, ("stripes",), colours=(white, (0.75, 0.73, 0.68), white), repeat_m=0.002, shine=0.0)
    parts = (
        Part(shapes.box(x, y, board), np.eye(4), cover),
        Part(shapes.box(x - 0.006, y - 0.008, z - 2 * board), translation(0.001, 0, board), pages),
        Part(shapes.box(x, y, board), translation(0, 0, z - board), cover),
        Part(shapes.box(board, y, z), translation(-x / 2 + board / 2, 0, 0), cover),
    )
    return Body("book", parts, x / 2, y / 2, z, flat_top=True)


MAKERS: dict[str, Callable[[np.random.Generator], Body]] = {
    "box": box_object,
    "can": _can,
    "bowl": _bowl,
    "cup": _cup,
    "bottle": _bottle,
    "ball": _ball,
    "plate": _plate,
    "book": _book,
}
