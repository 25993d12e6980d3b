"""Where the pieces of a scene come from: models of the library and procedural ones, mixed."""

from collections.abc import Callable, Sequence

import numpy as np

from vb_perception.scenes import furniture
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.classes import CLASSES
from vb_perception.scenes.dice import chance, pick
from vb_perception.scenes.library import LibraryModel
from vb_perception.scenes.objects import MAKERS, Body, random_object

LIBRARY_SHARE = 0.7
OBJECT_SHARE = 0.3
THEMES = {"Living room": 3.0, "Bedroom": 2.0, "Kitchen": 2.0, "Office": 2.0, "Bathroom": 1.0}
"""Categories of the libraries' catalogues that make a room, by how often they do."""
_MOVABLE = frozenset(c.name for c in CLASSES if c.is_object)
_SMALLEST_M = 0.045  # the longest side of what is worth showing
_AT_HOME = 6.0  # how much likelier a piece is in a room of its own category


class Stock:
    """The pieces of one room: those of its theme are likelier.

    Args:
        assets: Of one fold; without models everything is procedural.
        theme: One of `THEMES`, or None for a mixture.
    """

    def __init__(self, assets: SceneAssets, theme: str | None = None) -> None:
        self._assets = assets
        self._theme = theme

    def furniture(self, rng: np.random.Generator, fits: Callable[[Body], bool] | None = None) -> Body:
        """Something that stands on the floor; `fits` may refuse a few before the last one is taken."""
        for _ in range(4):
            model = self._model(rng, self._assets.at("floor"), LIBRARY_SHARE)
            body = furniture.random_furniture(rng) if model is None else model.body(rng)
            if fits is None or fits(body):
                break
        return body

    def named(self, rng: np.random.Generator, class_name: str) -> Body:
        """A piece of furniture of a class in `furniture.MAKERS`, from the library where it has one."""
        models = [m for m in self._assets.at("floor") if m.class_name == class_name]
        model = self._model(rng, models, LIBRARY_SHARE)
        return furniture.MAKERS[class_name](rng) if model is None else model.body(rng)

    def hanging(self, rng: np.random.Generator) -> tuple[Body, float | None] | None:
        """Something for a wall and its usual height, if the library has such."""
        return self._with_elevation(rng, self._assets.at("wall"))

    def overhead(self, rng: np.random.Generator) -> Body | None:
        """Something for the ceiling, if the library has such."""
        found = self._with_elevation(rng, self._assets.at("ceiling"))
        return None if found is None else found[0]

    def rug(self, rng: np.random.Generator) -> Body | None:
        """Something flat that furniture stands on, if the library has such."""
        found = self._with_elevation(rng, self._assets.at("rug"))
        return None if found is None else found[0]

    def small(self, rng: np.random.Generator) -> Body:
        """Something for the top of a table or a cabinet in a room: an object, a lamp, a plant, a computer."""
        models = [m for m in self._assets.at("top") if max(m.size_m) > _SMALLEST_M]
        model = self._model(rng, models, LIBRARY_SHARE)
        return random_object(str(rng.choice(list(MAKERS))), rng) if model is None else model.body(rng)

    def clutter(self, rng: np.random.Generator, weights: dict[str, float], longest_m: float = 0.4) -> Body:
        """An object for a table in front of a camera: mostly of `weights`, which are over `objects.MAKERS`."""
        models = [
            m for m in self._assets.at("top") if m.class_name in _MOVABLE and _SMALLEST_M < max(m.size_m) < longest_m
        ]
        model = self._model(rng, models, OBJECT_SHARE)
        return random_object(pick(rng, weights), rng) if model is None else model.body(rng)

    def _with_elevation(
        self, rng: np.random.Generator, models: Sequence[LibraryModel]
    ) -> tuple[Body, float | None] | None:
        model = self._model(rng, models)
        return None if model is None else (model.body(rng), model.elevation_m)

    def _model(
        self, rng: np.random.Generator, models: Sequence[LibraryModel], share: float = 1.0
    ) -> LibraryModel | None:
        """One of them in this share of calls; a class with many models is likelier than one with few, but less so."""
        if not models or not chance(rng, share):
            return None
        counts: dict[str, int] = {}
        for model in models:
            counts[model.class_name] = counts.get(model.class_name, 0) + 1
        weight = np.array(
            [counts[m.class_name] ** -0.75 * (_AT_HOME if m.category == self._theme else 1.0) for m in models]
        )
        return models[int(rng.choice(len(models), p=weight / weight.sum()))]
