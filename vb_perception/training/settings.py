"""One YAML, one run."""

import dataclasses
import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vb_perception.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

NETWORKS = ("student", "teacher")
CHUNK = 16
"""Views that a pool takes in at once."""
SPLIT = (
    "seed",
    "osd_dir",
    "osd_share",
    "validation_frames",
    "corpus_dir",
    "validation_renders",
    "withheld_renders",
    "scenes",
    "bench_scenes",
    "bench_share",
    "further",
)
"""Settings that decide which images are learnt from and which are watched."""


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


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Everything that decides a run, besides the code and the data.

    `network` is what is trained: "student", the generator that is shipped, or the "teacher" of `vb-perception distil`.
    `start_from` names a generator.safetensors, or the state of a run, whose weights the run begins with, where they
    fit; `generator` overrides fields of `GeneratorConfig`; the last `validation_renders` of the corpus and
    `validation_frames` of the learn split are watched, at `validation_size` (height, width), and never learnt from;
    `withheld_renders` before those are not learnt from either: images without truth to distil on.  Renders come from
    `corpus_dir`, or are `scenes`; benches, whose objects are put among those of the learn split and the other way
    round, from `bench_dir`, or are `bench_scenes`; `further` are folders of other corpora, each with its share of the
    images.  A run of `most_s` seconds ends then, its cool-down in time, if it has not before.
    """

    osd_dir: str
    corpus_dir: str = ""
    scenes: SceneSettings | None = None
    pool: PoolSettings | None = None
    network: str = "student"
    osd_share: float = 0.4
    bench_dir: str = ""
    bench_scenes: SceneSettings | None = None
    bench_share: float = 0.0
    further: dict[str, float] = field(default_factory=dict)
    validation_frames: tuple[int, ...] = (4, 14, 21, 29, 39)
    validation_renders: int = 20
    withheld_renders: int = 0
    validation_size: tuple[int, int] = (192, 256)
    start_from: str = ""
    pretrained_encoder: bool = True
    generator: dict[str, Any] = field(default_factory=dict)
    seed: int = 1
    threads: int = 2
    learning_rate: float = 1.5e-3
    encoder_rate: float = 0.2
    weight_decay: float = 0.02
    warmup_images: int = 1000
    cooldown: float = 0.3
    average_decay: float = 0.998
    most_s: float = math.inf
    stages: tuple[Stage, ...] = field(default_factory=lambda: (Stage(96, 128, 16, 40_000), Stage(192, 256, 8, 20_000)))
    checkpoint_every_s: float = 120.0
    validate_every_images: int = 4000
    weights: dict[str, float] = field(
        default_factory=lambda: {"colour": 1.0, "depth": 0.2, "normals": 1.0, "pointing": 0.5, "instances": 1.5}
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        wrong = ""
        if self.network not in NETWORKS:
            wrong = f"network {self.network!r}: expected one of {', '.join(NETWORKS)}"
        elif bool(self.corpus_dir) == (self.scenes is not None):
            wrong = (
                f"renders from {self.corpus_dir or 'no corpus_dir'} and {self.scenes or 'no scenes'}: expected one of "
                "the two, corpus_dir or scenes"
            )
        elif bool(self.bench_dir) + (self.bench_scenes is not None) != (self.bench_share > 0):
            wrong = (
                f"bench_dir {self.bench_dir!r}, bench_scenes {self.bench_scenes} and bench_share {self.bench_share}: "
                "expected a corpus of `--kinds bench`, or scenes of it, with a share above zero, or none of them"
            )
        elif min(self.further.values(), default=1.0) <= 0 or self.render_share < 0:
            wrong = (
                f"osd_share {self.osd_share}, bench_share {self.bench_share}, further {self.further}: expected shares "
                "above zero, and no more than 1 together"
            )
        elif self.most_s <= 0:
            wrong = f"most_s {self.most_s}: expected seconds above zero"
        elif self.pool is not None and not self.pool.works:
            wrong = (
                f"{self.pool}: expected views a multiple of {CHUNK} and no fewer than fewest, reuse above zero, and at "
                "least one of fewest, workers and segmentations"
            )
        elif self.pool is not None and any(stage.large for stage in self.stages):
            wrong = "a stage with `large` batches and a pool: what waits in the pool has one size"
        if wrong:
            raise ConfigError(wrong)

    @property
    def render_share(self) -> float:
        """Of the images, those of `corpus_dir` or `scenes`: what the others leave."""
        return round(1 - self.osd_share - self.bench_share - sum(self.further.values()), 6)

    @property
    def total_images(self) -> int:
        """Images of all stages."""
        return sum(s.images for s in self.stages)

    @classmethod
    def read(cls, path: Path) -> "Self":
        """Read a YAML; ConfigError names an unknown key and the nearest known one."""
        try:
            values: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            msg = f"training settings {path}: {error}; expected a YAML file"
            raise ConfigError(msg) from error
        if not isinstance(values, dict):
            msg = f"training settings {path}: got a {type(values).__name__}, expected keys and values"
            raise ConfigError(msg)
        _refuse_unknown(path, values, [f.name for f in dataclasses.fields(cls)])
        defaults = {f.name: f.default_factory() for f in dataclasses.fields(cls) if callable(f.default_factory)}
        try:
            settings = cls(**_built(values, defaults["weights"]))
        except TypeError as error:
            msg = f"{path}: {error}; osd_dir is required, a stage has height, width, batch and images"
            raise ConfigError(msg) from error
        if settings.weights.keys() != defaults["weights"].keys():
            msg = f"{path}: weights {sorted(settings.weights)}, expected {sorted(defaults['weights'])}"
            raise ConfigError(msg)
        return settings


def _built(values: dict[str, Any], weights: dict[str, float]) -> dict[str, Any]:
    """The values of a YAML as the types of the settings; TypeError if they do not fit."""
    build: dict[str, Callable[[Any], Any]] = {
        "stages": lambda stages: tuple(_stage(**s) for s in stages),
        "validation_frames": tuple,
        "validation_size": tuple,
        "scenes": lambda of: _scenes(**of),
        "bench_scenes": lambda of: _scenes(**of),
        "pool": lambda of: PoolSettings(**of),
        "weights": lambda own: weights | own,
    }
    return {k: build[k](v) if k in build else v for k, v in values.items()}


def _scenes(kinds: str | Sequence[str] = (), **values: Any) -> SceneSettings:  # noqa: ANN401 (of a YAML)
    return SceneSettings(**values, kinds=(kinds,) if isinstance(kinds, str) else tuple(kinds))


def _stage(large: dict[str, int] | None = None, **values: int) -> Stage:
    return Stage(**values, large=None if large is None else Large(**large))


def _refuse_unknown(path: Path, values: dict[str, Any], known: list[str]) -> None:
    for key in values:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, 1, 0.0)[0]
            msg = f"{path}: unknown key {key!r}; did you mean {nearest!r}?"
            raise ConfigError(msg)
