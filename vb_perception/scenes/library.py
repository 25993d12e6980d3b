"""Models of real furniture: what each is, where it goes, and how a scene maker gets one."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np

from vb_perception.errors import ConfigError
from vb_perception.scenes.classes import CLASS_IDS
from vb_perception.scenes.dice import chance
from vb_perception.scenes.objects import Body, Part
from vb_perception.scenes.scene import Material, Mesh, Rgb
from vb_perception.scenes.textures import any_colour

Place = Literal["floor", "wall", "ceiling", "top", "rug"]
Fold = Literal["train", "held_out"]
HELD_OUT_LIBRARY = "BlendSwap-CC-0"
"""Never trained on: what a model sees of it is new to it."""
CLASS_TABLE = Path(__file__).with_name("library_classes.csv")
LEFT_OUT = "-"
SUPPORTING_SHARE = 0.7  # of the footprint that must be level for things to stand on it


@dataclass(frozen=True, slots=True, eq=False)
class LibraryPart:
    """A mesh in its model's axes, with one colour and perhaps an image (a layer of `SceneAssets.images`)."""

    mesh: Mesh
    colour: Rgb
    shine: float = 0.1
    image: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LibraryModel:
    """A model in metres: z up, standing on z = 0, centred in x and y, its front towards -y.

    `size_m` is width, depth, height.  `elevation_m` is how high it usually hangs, None where the catalogue does not
    say.  `top_m` is the height at which things stand on it and `top_share` how much of the footprint is level there.
    """

    library: str
    name: str
    title: str
    category: str
    size_m: tuple[float, float, float]
    parts: tuple[LibraryPart, ...]
    class_name: str = ""
    place: Place = "floor"
    elevation_m: float | None = None
    top_m: float | None = None
    top_share: float = 0.0

    @property
    def fold(self) -> Fold:
        """Which models of the generator may see it."""
        return "held_out" if self.library == HELD_OUT_LIBRARY else "train"

    def body(self, rng: np.random.Generator) -> Body:
        """It as a `Body`, now and then faded or in another colour."""
        saturation = float(rng.uniform(0, 1)) if chance(rng, 0.3) else 1.0
        dye = any_colour(rng) if chance(rng, 0.25) else None
        largest = max(self.parts, key=lambda p: len(p.mesh.triangles))
        parts = []
        for part in self.parts:
            dyed = dye is not None and part is largest
            colour = dye if dye is not None and dyed else part.colour
            material = Material(
                "plain",
                (colour,) * 3,
                grain=0.06,
                shine=part.shine,
                image=part.image,
                saturation=0.0 if dyed and part.image is not None else saturation,
            )
            parts.append(Part(part.mesh, np.eye(4), material))
        width, depth, height = self.size_m
        holds = self.top_m is not None and self.top_share >= SUPPORTING_SHARE
        return Body(
            self.class_name,
            tuple(parts),
            width / 2,
            depth / 2,
            height,
            flat_top=holds,
            top_m=self.top_m if holds else None,
        )


def read_class_table(path: Path = CLASS_TABLE) -> Mapping[str, tuple[str, str]]:
    """Title or library/name of a model -> its class and its place; both "-" for what is left out.

    Raises:
        ConfigError: A class or a place that does not exist.
    """
    table = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            known = row["class"] in CLASS_IDS and row["place"] in get_args(Place)
            if not known and (row["class"], row["place"]) != (LEFT_OUT, LEFT_OUT):
                msg = (
                    f"{path.name}: {row['model']} is {row['class']}, {row['place']}; expected one of the scene classes "
                    f"and one of {', '.join(get_args(Place))}, or - and - to leave it out"
                )
                raise ConfigError(msg)
            table[row["model"]] = row["class"], row["place"]
    return table


def classified(model: LibraryModel, table: Mapping[str, tuple[str, str]]) -> LibraryModel | None:
    """The model with its class and place, None where the table leaves it out.

    Raises:
        ConfigError: The table knows neither the model nor its title.
    """
    row = table.get(f"{model.library}/{model.name}") or table.get(model.title)
    if row is None:
        msg = f"{CLASS_TABLE.name} knows neither {model.library}/{model.name} nor {model.title!r}; add a row for it"
        raise ConfigError(msg)
    class_name, place = row
    return None if class_name == LEFT_OUT else replace(model, class_name=class_name, place=cast("Place", place))
