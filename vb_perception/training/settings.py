"""One YAML, one run."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vb_perception.errors import ConfigError
from vb_perception.generator.config import GeneratorConfig
from vb_perception.generator.image_encoder import STRIDE
from vb_perception.training.setting_parts import CHUNK, PoolSettings, SceneSettings, Stage
from vb_perception.training.values import checked

if TYPE_CHECKING:
    from typing_extensions import Self

NETWORKS = ("student", "teacher", "recogniser")
WEIGHTS = {"colour": 1.0, "depth": 0.2, "normals": 1.0, "pointing": 0.5, "instances": 1.5, "held": 0.0}
"""Of the loss terms, where a run says nothing else; `held` is of the recogniser by itself (`recognise.py`)."""
SPLIT = (
    "seed",
    "osd_dir",
    "osd_share",
    "validation_frames",
    "corpus_dir",
    "validation_renders",
    "withheld_renders",
    "scenes",
    "bench_dir",
    "bench_scenes",
    "bench_share",
    "further",
)
"""Settings that decide which images are learnt from and which are watched."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Everything that decides a run, besides the code and the data.

    `network` is what is trained: "student", the generator that is shipped, the "teacher" of `vb-perception distil`, or
    of a student the "recogniser" by itself.
    `start_from` names a generator.safetensors, or the state of a run, whose weights the run begins with, where they
    fit; `generator` overrides fields of `GeneratorConfig`; the last `validation_renders` of the corpus and
    `validation_frames` of the learn split are watched, at `validation_size` (height, width), and never learnt from;
    `withheld_renders` before those are not learnt from either: images without truth to distil on.  Renders come from
    `corpus_dir`, or are `scenes`; benches, whose objects are put among those of the learn split and the other way
    round, from `bench_dir`, or are `bench_scenes`; `further` are folders of other corpora, each with its share of the
    images.  A run of `most_s` seconds ends then, its cool-down in time, if it has not before.  Only weights learn
    whose names begin as one of `learns`; with `words` an image is asked so many prompts of words, and nothing else.
    With a weight for `held`, an encoder that learns with the recogniser is held to show denoiser and painter what it
    showed them in `start_from`, which has to stay for as long as the run is resumed.
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
    learns: tuple[str, ...] = ("",)
    words: int = 0
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
    weights: dict[str, float] = field(default_factory=WEIGHTS.copy)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for expected, told in self._expectations():
            if not expected:
                raise ConfigError(told)

    def _expectations(self) -> tuple[tuple[bool, str], ...]:
        """What is expected, and what is said where it is not so."""
        seeds = [self.seed, *(of.seed for of in (self.scenes, self.bench_scenes) if of)]
        sizes = [size for stage in self.stages for size in (stage, stage.large) if size]
        px = [self.validation_size, *((size.height, size.width) for size in sizes)]
        return (
            (self.network in NETWORKS, f"network {self.network!r}: expected one of {', '.join(NETWORKS)}"),
            (
                bool(self.corpus_dir) != (self.scenes is not None),
                (
                    f"renders from {self.corpus_dir or 'no corpus_dir'} and {self.scenes or 'no scenes'}: expected one "
                    "of the two, corpus_dir or scenes"
                ),
            ),
            (
                bool(self.bench_dir) + (self.bench_scenes is not None) == (self.bench_share > 0),
                (
                    f"bench_dir {self.bench_dir!r}, bench_scenes {self.bench_scenes}, bench_share {self.bench_share}:"
                    " expected a corpus of `--kinds bench`, or scenes of it, with a share above zero, or none of them"
                ),
            ),
            (
                min(self.further.values(), default=1.0) > 0 and self.render_share >= 0,
                (
                    f"osd_share {self.osd_share}, bench_share {self.bench_share}, further {self.further}: expected "
                    "shares above zero, and no more than 1 together"
                ),
            ),
            (self.most_s > 0, f"most_s {self.most_s}: expected seconds above zero"),
            (min(seeds) >= 0, f"seed {min(seeds)}: expected zero or more"),
            (len(self.stages) > 0, "stages []: expected one or more, each with height, width, batch and images"),
            (
                all(side > 0 and side % STRIDE == 0 for size in px for side in size),
                f"validation_size and sizes of stages {px}: expected height and width as multiples of {STRIDE}",
            ),
            (
                all(min(s.batch, s.images) >= 1 for s in self.stages)
                and all(min(s.large.batch, s.large.every) >= 1 for s in self.stages if s.large),
                f"stages {self.stages}: expected batch, images and every of one or more",
            ),
            (
                min((0, self.words, *self.validation_frames, self.validation_renders, self.withheld_renders)) >= 0,
                (
                    f"validation_frames {self.validation_frames}, validation_renders {self.validation_renders}, "
                    f"withheld_renders {self.withheld_renders}, words {self.words}: expected zero or more; frames are "
                    "numbered from 0"
                ),
            ),
            (
                min(self.threads, self.validate_every_images) >= 1,
                f"threads {self.threads}, validate_every_images {self.validate_every_images}: expected one or more",
            ),
            (
                self.warmup_images >= 0 and 0 <= self.cooldown <= 1,
                f"warmup_images {self.warmup_images}, cooldown {self.cooldown}: expected from 0, and from 0 to 1",
            ),
            (
                not self.weights.get("held") or (self.network == "recogniser" and bool(self.start_from)),
                (
                    f"weights held {self.weights.get('held')}, network {self.network}, start_from {self.start_from!r}: "
                    "expected `network: recogniser` and the weights it is held to, or no weight of `held`"
                ),
            ),
            (
                self.pool is None or self.pool.works,
                (
                    f"{self.pool}: expected views a multiple of {CHUNK} and no fewer than fewest, reuse above zero, "
                    "and at least one of fewest, workers and segmentations"
                ),
            ),
            (
                self.pool is None or not (self.words or any(stage.large for stage in self.stages)),
                "`words`, or a stage with `large` batches, and a pool: what waits there has all prompts, and one size",
            ),
        )

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
        """Read a YAML; ConfigError names the key, what it has and what was expected."""
        try:
            values: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, ValueError, yaml.YAMLError) as error:
            msg = f"training settings {path}: {error}; expected a YAML file"
            raise ConfigError(msg) from error
        settings = checked(cls, values, f"training settings {path}")
        config = checked(GeneratorConfig, settings.generator, f"training settings {path}: generator")
        unknown = sorted(settings.weights.keys() - WEIGHTS.keys())
        if unknown:
            msg = f"training settings {path}: weights {unknown}, expected some of {sorted(WEIGHTS)}"
            raise ConfigError(msg)
        return replace(
            settings,
            weights=WEIGHTS | settings.weights,
            generator={key: getattr(config, key) for key in settings.generator},
        )
