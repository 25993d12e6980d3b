"""One YAML, one run."""

import dataclasses
import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vb_perception.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

NETWORKS = ("student", "teacher")


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
class TrainSettings:
    """Everything that decides a run, besides the code and the data.

    `network` is what is trained: "student", the generator that is shipped, or the "teacher" of `vb-perception distil`.
    `start_from` names a generator.safetensors, or the state of a run, whose weights the run begins with, where they
    fit; `generator` overrides fields of `GeneratorConfig`; the last `validation_renders` of the corpus and
    `validation_frames` of the learn split are watched, at `validation_size` (height, width), and never learnt from;
    `withheld_renders` before those are not learnt from either: images without truth to distil on.
    """

    osd_dir: str
    corpus_dir: str
    network: str = "student"
    osd_share: float = 0.4
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
    stages: tuple[Stage, ...] = field(default_factory=lambda: (Stage(96, 128, 16, 40_000), Stage(192, 256, 8, 20_000)))
    checkpoint_every_s: float = 120.0
    validate_every_images: int = 4000
    weights: dict[str, float] = field(
        default_factory=lambda: {"colour": 1.0, "depth": 0.2, "normals": 1.0, "pointing": 0.5, "instances": 1.5}
    )

    def __post_init__(self) -> None:
        """Refuse a network that there is not."""
        if self.network not in NETWORKS:
            msg = f"network {self.network!r}: expected one of {', '.join(NETWORKS)}"
            raise ConfigError(msg)

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
            if "stages" in values:
                values["stages"] = tuple(_stage(**s) for s in values["stages"])
            for key in ("validation_frames", "validation_size"):
                if key in values:
                    values[key] = tuple(values[key])
            if "weights" in values:
                values["weights"] = defaults["weights"] | values["weights"]
            settings = cls(**values)
        except TypeError as error:
            msg = f"{path}: {error}; osd_dir and corpus_dir are required, a stage has height, width, batch and images"
            raise ConfigError(msg) from error
        if settings.weights.keys() != defaults["weights"].keys():
            msg = f"{path}: weights {sorted(settings.weights)}, expected {sorted(defaults['weights'])}"
            raise ConfigError(msg)
        return settings


def _stage(large: dict[str, int] | None = None, **values: int) -> Stage:
    return Stage(**values, large=None if large is None else Large(**large))


def _refuse_unknown(path: Path, values: dict[str, Any], known: list[str]) -> None:
    for key in values:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, 1, 0.0)[0]
            msg = f"{path}: unknown key {key!r}; did you mean {nearest!r}?"
            raise ConfigError(msg)
