"""Photographed surfaces on the walls, floors, tables and boxes of a finished scene."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from vb_perception.scenes.dice import chance, pick
from vb_perception.scenes.photo_textures import PhotoTexture
from vb_perception.scenes.scene import Material, Scene, Solid
from vb_perception.scenes.textures import any_colour, colour

Photos = Mapping[str, Sequence[tuple[int, PhotoTexture]]]

# Class -> how often a procedural material of it becomes a photograph, and of what.
_USES: Mapping[str, tuple[float, Mapping[str, float]]] = {
    "floor": (0.6, {"floor": 8, "ground": 1, "cloth": 1}),
    "wall": (0.4, {"wall": 9, "wood": 0.5, "cloth": 0.5}),
    "ceiling": (0.3, {"ceiling": 3, "wall": 1}),
    "door": (0.3, {"wood": 3, "metal": 1}),
    "pillar": (0.4, {"wall": 2, "stone": 2, "metal": 1}),
    "table": (0.5, {"wood": 6, "stone": 2, "cloth": 1, "metal": 1}),
    "chair": (0.25, {"wood": 2, "cloth": 2, "metal": 1}),
    "sofa": (0.25, {"cloth": 3, "stone": 1}),
    "shelf": (0.4, {"wood": 4, "metal": 1}),
    "cabinet": (0.4, {"wood": 4, "metal": 1, "stone": 1}),
    "box": (0.35, {"card": 4, "print": 2, "wood": 2, "metal": 1}),
    "bowl": (0.15, {"wood": 1, "stone": 2, "metal": 1}),
    "book": (0.1, {"cloth": 1, "card": 1, "print": 1}),
}


def by_use(photos: Iterable[tuple[int, PhotoTexture]]) -> Photos:
    """The layers and textures that serve each use."""
    out: dict[str, list[tuple[int, PhotoTexture]]] = {}
    for layer, texture in photos:
        for use in sorted(texture.uses):
            out.setdefault(use, []).append((layer, texture))
    return out


def dressed(scene: Scene, rng: np.random.Generator, photos: Photos) -> Scene:
    """The scene with some of its procedural materials replaced."""

    def new(solid: Solid) -> Material:
        old = solid.material
        return old if old.image is not None or old.glow else _replaced(old, solid.class_name, rng, photos)

    return with_materials(scene, new)


def with_materials(scene: Scene, material_of: Callable[[Solid], Material]) -> Scene:
    """The scene in other materials; solids that shared one still do: the first of them is asked for it."""
    new: dict[int, Material] = {}
    for solid in scene.solids:
        if id(solid.material) not in new:
            new[id(solid.material)] = material_of(solid)
    return replace(scene, solids=tuple(replace(s, material=new[id(s.material)]) for s in scene.solids))


def _replaced(old: Material, class_name: str, rng: np.random.Generator, photos: Photos) -> Material:
    share, uses = _USES.get(class_name, (0.0, {}))
    weights = {use: weight for use, weight in uses.items() if use in photos}
    if not weights or not chance(rng, share):
        return old
    choice = photos[pick(rng, weights)]
    layer, texture = choice[int(rng.integers(len(choice)))]
    return photo_material(rng, layer, texture, shine=old.shine)


def photo_material(rng: np.random.Generator, layer: int, texture: PhotoTexture, shine: float) -> Material:
    """A photograph as a material: mostly as it is, now and then paler, tinted, or dyed in another colour."""
    kind = pick(rng, {"as it is": 55, "faded": 20, "tinted": 15, "dyed": 10})
    saturation, dye = 1.0, (1.0, 1.0, 1.0)
    if kind == "faded":
        saturation = rng.uniform(0.0, 0.7)
    elif kind == "tinted":
        dye = colour(rng, (0.0, 0.35), (0.6, 1.0))
    elif kind == "dyed":
        saturation, dye = 0.0, any_colour(rng)
    return Material(
        pattern="plain",
        colours=(dye,) * 3,
        repeat_m=texture.width_m * float(np.exp(rng.normal(0, 0.35))),
        angle_rad=float(rng.choice((0.0, np.pi / 2))) if "print" not in texture.uses else 0.0,
        grain=float(rng.uniform(0, 0.08)),
        shine=shine,
        image=layer,
        saturation=saturation,
    )
