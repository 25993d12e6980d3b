"""Endless procedural samples, the same for the same seed and index."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np

from vb_perception.errors import ConfigError
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.bench import bench_scene
from vb_perception.scenes.dressing import by_use, dressed
from vb_perception.scenes.library import Fold
from vb_perception.scenes.panorama_scenes import any_backdrop, panorama_scene
from vb_perception.scenes.render import Renderer
from vb_perception.scenes.rooms import corridor_scene, room_scene
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.scene import Scene
from vb_perception.scenes.tabletop import tabletop_scene
from vb_perception.scenes.workcell import workcell_scene

SCENE_MAKERS: Mapping[str, Callable[[np.random.Generator, int, int, str, SceneAssets], Scene]] = {
    "tabletop": tabletop_scene,
    "room": room_scene,
    "corridor": corridor_scene,
    "panorama": panorama_scene,
    "bench": bench_scene,
    "workcell": workcell_scene,
}
MIXTURE = (*("room", "tabletop", "room", "tabletop", "room") * 2, "corridor", "panorama")
"""A dozen scenes: half of them rooms, a third of them table tops.  Benches are for frames of their camera (compose)."""


def check_kinds(kinds: Sequence[str]) -> None:
    """Refuse kinds that cannot be made, or none.

    Raises:
        ConfigError: No kinds, or an unknown one.
    """
    known = ", ".join(SCENE_MAKERS)
    if not kinds:
        msg = f"no kinds of scenes; expected at least one of {known}"
        raise ConfigError(msg)
    for kind in kinds:
        if kind not in SCENE_MAKERS:
            msg = f"unknown kind of scene {kind!r}: expected one of {known}"
            raise ConfigError(msg)


def make_scene(
    kind: str,
    seed: int,
    index: int,
    width: int,
    height: int,
    fold: Fold = "train",
    assets: SceneAssets | None = None,
) -> Scene:
    """Scene number `index` of a seed: a pure function of its arguments; `assets` are those of the fold.

    Raises:
        ConfigError: An unknown kind or fold.
    """
    check_kinds((kind,))
    if fold not in get_args(Fold):
        msg = f"unknown fold {fold!r}: expected one of {', '.join(get_args(Fold))}"
        raise ConfigError(msg)
    assets = assets or SceneAssets.none()
    rng = np.random.default_rng((seed, index))
    scene = SCENE_MAKERS[kind](rng, width, height, f"{kind}/{seed}/{index}", assets)
    if kind == "panorama":
        backdrop = any_backdrop(rng, held_out=fold == "held_out", photographs=assets.panoramas)
        scene = replace(scene, backdrop=backdrop)
    return dressed(scene, rng, by_use(zip(assets.photo_layers, assets.photo_textures, strict=True)))


def scene_stream(
    seed: int,
    width: int,
    height: int,
    kinds: Sequence[str] = MIXTURE,
    first: int = 0,
    *,
    step: int = 1,
    fold: Fold = "train",
    assets: SceneAssets | None = None,
) -> Iterator[Sample]:
    """Rendered samples of the kinds in turn, without end; no camera effects are applied.

    Args:
        seed: Of everything.
        width: Of the pictures, px.
        height: Of the pictures, px.
        kinds: Kinds of scenes; scene `i` is of kind `i` modulo their number.
        first: Index of the first scene.
        step: Between two indices, so that several streams can share the work.
        fold: Whether for training or for evaluation; painted panoramas differ between the two.
        assets: Furniture and photographs of that fold; without them everything is procedural.

    Raises:
        ConfigError: No kinds, or an unknown one, or an unknown fold.
        EngineUnavailableError: moderngl or EGL is missing.
    """
    check_kinds(kinds)
    with Renderer(width, height, None if assets is None else assets.images) as renderer:
        index = first
        while True:
            kind = kinds[index % len(kinds)]
            yield renderer.render(make_scene(kind, seed, index, width, height, fold, assets))
            index += step
