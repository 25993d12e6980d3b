"""Endless procedural samples, the same for the same seed and index."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from vb_perception.errors import ConfigError
from vb_perception.scenes.render import Renderer
from vb_perception.scenes.rooms import corridor_scene, room_scene
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.scene import Scene
from vb_perception.scenes.tabletop import tabletop_scene

SCENE_MAKERS: Mapping[str, Callable[[np.random.Generator, int, int, str], Scene]] = {
    "tabletop": tabletop_scene,
    "room": room_scene,
    "corridor": corridor_scene,
}


Fold = Literal["train", "held_out"]
"""Which of the models and textures a stream may use: what is held out is for evaluation alone."""


def make_scene(kind: str, seed: int, index: int, width: int, height: int, fold: Fold = "train") -> Scene:
    """Scene number `index` of a seed: a pure function of its arguments.  ConfigError where kind or fold is unknown."""
    if fold not in get_args(Fold):
        msg = f"unknown fold {fold!r}: expected one of {', '.join(get_args(Fold))}"
        raise ConfigError(msg)
    if kind not in SCENE_MAKERS:
        msg = f"unknown kind of scene {kind!r}: expected one of {', '.join(SCENE_MAKERS)}"
        raise ConfigError(msg)
    rng = np.random.default_rng((seed, index))
    return SCENE_MAKERS[kind](rng, width, height, f"{kind}/{seed}/{index}")


def scene_stream(
    seed: int,
    width: int,
    height: int,
    kinds: Sequence[str] = ("tabletop", "room", "tabletop", "corridor"),
    first: int = 0,
    fold: Fold = "train",
) -> Iterator[Sample]:
    """Rendered samples of the kinds in turn, from index `first` on, without end; no camera effects are applied.

    Raises:
        ConfigError: No kinds, or an unknown one, or an unknown fold.
        EngineUnavailableError: moderngl or EGL is missing.
    """
    if not kinds:
        msg = f"no kinds of scenes; expected at least one of {', '.join(SCENE_MAKERS)}"
        raise ConfigError(msg)
    with Renderer(width, height) as renderer:
        index = first
        while True:
            yield renderer.render(make_scene(kinds[index % len(kinds)], seed, index, width, height, fold))
            index += 1
