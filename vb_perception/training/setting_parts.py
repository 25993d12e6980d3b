"""Parts of the settings of a run: its stages, the scenes that are drawn for it, and where their views wait."""

from dataclasses import dataclass, replace

CHUNK = 16
"""Views that a pool takes in at once."""


@dataclass(frozen=True, slots=True)
class Large:
    """Every `every`-th batch of a stage has this size instead."""

    height: int
    width: int
    batch: int
    every: int


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of training at one image size, or two by turns; `images` counts camera images of three prompts."""

    height: int
    width: int
    batch: int
    images: int
    large: Large | None = None

    def enlarged(self, times: int) -> "Stage":
        """The same images, `times` as high and as wide."""
        large = self.large and replace(self.large, height=times * self.large.height, width=times * self.large.width)
        return replace(self, height=times * self.height, width=times * self.width, large=large)


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """Scenes that are drawn while training, each for the first time, in the place of a corpus (`RenderedScenes`).

    Their `kinds` come in turn; without any it is the usual mixture.
    """

    count: int
    seed: int
    width: int
    height: int
    assets_dir: str = ""
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Views that wait on the GPU (`training/pool.py`), `height` x `width` px, the newest `views` of them.

    Training begins when there are `fewest`; each is then drawn `reuse` times in the mean, with one of its
    `segmentations`; `workers` processes make them.
    """

    height: int
    width: int
    views: int
    fewest: int
    reuse: float
    workers: int
    segmentations: int = 3

    @property
    def works(self) -> bool:
        """Whether a pool of these numbers can be filled and drawn from."""
        counts = min(self.fewest, self.workers, self.segmentations)
        return self.views % CHUNK == 0 and self.fewest <= self.views and self.reuse > 0 and counts >= 1
