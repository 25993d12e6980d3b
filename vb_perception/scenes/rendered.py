"""Rendered scenes as a sequence: each is drawn when it is asked for, so that no two passes need the same one twice."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vb_perception.errors import ConfigError
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.library import Fold
from vb_perception.scenes.render import Renderer
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.stream import MIXTURE, check_kinds, make_scene


class RenderedScenes:
    """Scene `i` of a seed, a pure function of its index; the renderer is opened by the process that first asks.

    Sent to another process it goes without its renderer, which belongs to the thread that made it.
    """

    def __init__(
        self,
        count: int,
        seed: int,
        width: int,
        height: int,
        assets_dir: Path | None = None,
        fold: Fold = "train",
        kinds: Sequence[str] = MIXTURE,
    ) -> None:
        """`count` scenes of `width` x `height` px, of the kinds in turn; without `assets_dir` all is procedural.

        Raises:
            ConfigError: no scene at all, or of an unknown kind.
        """
        if count < 1:
            msg = f"a sequence of {count} scenes: expected at least 1"
            raise ConfigError(msg)
        check_kinds(kinds)
        self._kinds = tuple(kinds)
        self._count, self._seed, self._size = count, seed, (width, height)
        self._assets_dir, self._fold = assets_dir, fold
        self._opened: tuple[Renderer, SceneAssets] | None = None

    def __len__(self) -> int:
        """Number of scenes."""
        return self._count

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the renderer."""
        return self.__dict__ | {"_opened": None}

    def first(self, count: int) -> "RenderedScenes":
        """The first `count` scenes as a sequence of their own."""
        part = copy.copy(self)
        part._count = count  # noqa: SLF001 (its own)
        return part

    def __getitem__(self, i: int) -> Sample:
        """Draw scene `i`; no camera effects are applied.

        Raises:
            IndexError: there is none of that number.
            EngineUnavailableError: moderngl or EGL is missing.
        """
        if not 0 <= i < self._count:
            msg = f"scene {i} of {self._count}"
            raise IndexError(msg)
        if self._opened is None:
            assets = SceneAssets.none() if self._assets_dir is None else SceneAssets.read(self._assets_dir, self._fold)
            images = None if self._assets_dir is None else assets.images
            self._opened = Renderer(*self._size, images), assets
        renderer, assets = self._opened
        scene = make_scene(self._kinds[i % len(self._kinds)], self._seed, i, *self._size, self._fold, assets)
        return renderer.render(scene)
