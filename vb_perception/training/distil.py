"""Train the student on true targets and, on images with and without truth, on what a teacher answers.

Three ways, at one number of steps and images: `truth` asks no teacher and shows no image without truth (the control);
`output` asks for the mean of some samples (knowledge distillation, Hinton et al. 2015), or for the one answer of a
larger one-step network; `score` lets the teacher clean the student's own picture under noise and pulls the picture
there (the distillation loss of Sauer et al. 2023, arXiv 2311.17042; distribution matching, Yin et al. 2024, without its
second score: what follows from an image has no spread to keep).
"""

import argparse
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from vb_perception.errors import CheckpointError, ConfigError
from vb_perception.generator.checkpoint import load_into, read_run
from vb_perception.generator.sampling import Clean, noised, sample, sure_colours
from vb_perception.generator.student import Painted
from vb_perception.scenes.osd import OSD_CLASSES
from vb_perception.scenes.photographs import read_photographs
from vb_perception.scenes.sample import Samples
from vb_perception.training.agreement import PREFIX, Answer, disagreement, mean_answer
from vb_perception.training.objective import Model, losses
from vb_perception.training.pool import PooledBatches
from vb_perception.training.setting_parts import Stage
from vb_perception.training.settings import TrainSettings
from vb_perception.training.shrink import shrunk, shrunk_answer
from vb_perception.training.stream import Batch, Source
from vb_perception.training.teach import NETWORKS, TeacherModel
from vb_perception.training.train import Run

WAYS = ("truth", "output", "score")
PHOTOGRAPHS = ("coffee", "astronaut", "chelsea", "rocket")
"""Of those that scikit-image carries; the motorcycle is kept for benchmarks."""
MIXTURE = {"renders": 0.5, "osd": 0.35, "photographs": 0.15}
"""Of the images without truth."""
SCORE_TIMES = (0.05, 0.7)
"""Between these the student's picture is noised: above, the teacher repeats it; below, it sees nothing of it."""


@dataclass(frozen=True, slots=True)
class DistilSettings(TrainSettings):
    """`TrainSettings` and the teacher's part.

    `teacher` is the state.safetensors of a run, for `score` of one with `network: teacher`; `unlabeled_share` of the
    images have no truth: withheld renders, frames of the learn split, photographs; `samples` of `sample_steps` steps
    are averaged by `output` where the teacher can be sampled; `teacher_weight` is the weight of its terms beside those
    of truth.  Images are drawn `teacher_scale` times as large as the student sees them, and so the teacher sees them;
    the control's are drawn so too, or it would learn from other pictures.
    """

    teacher: str = ""
    way: str = "output"
    unlabeled_share: float = 0.3
    samples: int = 2
    sample_steps: int = 2
    teacher_weight: float = 0.5
    teacher_scale: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        TrainSettings.__post_init__(self)
        wrong = ""
        if self.way not in WAYS:
            wrong = f"way {self.way!r}: expected one of {', '.join(WAYS)}"
        elif self.way != "truth" and not self.teacher:
            wrong = f"way {self.way!r} needs a teacher: the state.safetensors of a run that is better than the student"
        elif self.network != "student":
            wrong = f"network {self.network!r}: only a student is distilled; train a teacher with `vb-perception train`"
        elif min(self.samples, self.sample_steps) < 1 or not 0 <= self.unlabeled_share < 1:
            wrong = (
                f"samples {self.samples}, sample_steps {self.sample_steps}, unlabeled_share {self.unlabeled_share}: "
                "expected at least 1, at least 1, and from 0 to below 1"
            )
        elif self.teacher_scale < 1 or (self.teacher_scale > 1 and self.way == "score"):
            wrong = (
                f"teacher_scale {self.teacher_scale} and way {self.way!r}: expected one or more, and for `score` one, "
                "since the teacher is shown the student's own picture"
            )
        if wrong:
            raise ConfigError(wrong)


class DistilRun(Run):
    """A training run whose student also hears a teacher; the teacher itself does not change."""

    FIXED = (*Run.FIXED, "way", "unlabeled_share", "teacher_scale")
    settings: DistilSettings

    def __init__(self, settings: DistilSettings, directory: Path) -> None:
        """As `Run`; CheckpointError if the teacher is none."""
        super().__init__(settings, directory)
        self.teacher: Model | None = None
        if settings.way == "truth":
            return
        teacher = read_teacher(Path(settings.teacher))
        self.teacher = teacher.to(self.accelerator.device, memory_format=torch.channels_last)  # as `Run` has it
        if settings.way == "score" and not isinstance(self.teacher, TeacherModel):
            msg = (
                f"{settings.teacher} holds a network of one step, which cannot say how good a picture is: expected, "
                "for `way: score`, the state.safetensors of a run with `network: teacher`; or take `way: output`"
            )
            raise CheckpointError(msg)
        self.weights |= {f"{PREFIX}{k}": settings.teacher_weight * v for k, v in settings.weights.items()}
        share = settings.unlabeled_share
        data = self.data
        labelled = [dataclasses.replace(s, share=s.share * (1 - share)) for s in data.sources]
        data.sources = [*labelled, *unlabeled_sources(data.sources[0], data.withheld, share)]

    def batches(self, stage: Stage, began: int = 0) -> "DataLoader[Batch] | PooledBatches":
        """As `Run`'s, at the size that the teacher sees."""
        return super().batches(stage.enlarged(self.settings.teacher_scale), began)

    def terms(self, batch: Batch) -> dict[str, Tensor]:
        """Of truth, where it is known, and of the teacher's answer."""
        times = self.settings.teacher_scale
        small = shrunk(batch, times)
        painted = self.prepared(small)
        terms = losses(painted, small, self.model.config)
        if self.teacher is None:
            return terms
        scores = self.settings.way == "score"
        with torch.no_grad(), self.accelerator.autocast():
            answer = shrunk_answer(self._asked(self.teacher, painted, batch), times)
        return terms | disagreement(painted, answer, small, same_slots=scores)

    def _asked(self, teacher: Model, painted: Painted, batch: Batch) -> Answer:
        if not isinstance(teacher, TeacherModel):
            return Answer.of(teacher(batch))
        seen = teacher.generator.look(batch.image, batch.rays, teacher.prompts(batch))
        ask = partial(teacher.generator.clean, seen)
        if self.settings.way == "output":
            return self._sampled(ask, batch)
        return cleaned(ask, sure_colours(painted, batch.columns).float(), self.randomness())

    def _sampled(self, ask: Clean, batch: Batch) -> Answer:
        settings, (height, width) = self.settings, batch.image.shape[2:]
        first = self.randomness().initial_seed()
        samples = (
            sample(ask, batch.columns, (height, width), settings.sample_steps, first + i)
            for i in range(settings.samples)
        )
        return mean_answer([Answer.of(s) for s in samples], batch)


def cleaned(ask: Clean, picture: Tensor, random: torch.Generator) -> Answer:
    """What the teacher makes of a picture (N, 3, H, W) under noise of a random strength: a better one, it thinks."""
    low, high = SCORE_TIMES
    time = low + (high - low) * torch.rand(len(picture), generator=random, device=random.device).to(picture)
    return Answer.of(ask(noised(picture, time, random), time))


def read_teacher(path: Path) -> Model:
    """The averaged weights of a run, or of a mean of models; a `TeacherModel` if a run taught one.

    Raises:
        CheckpointError: it is no such state.
    """
    tensors, facts, config = read_run(path)
    name = facts.get("settings", {}).get("network", "student")  # a mean of models has no settings
    if name not in NETWORKS:
        msg = f"{path} holds a run of network {name!r}, expected a teacher: one of {', '.join(NETWORKS)}"
        raise CheckpointError(msg)
    model = TeacherModel(config) if name == "teacher" else Model(config)  # one that recognises paints as well
    load_into(model, {k: v for k, v in tensors.items() if k.startswith("average.")}, "average.")
    return model.eval().requires_grad_(requires_grad=False)


def unlabeled_sources(osd: Source, withheld: Samples, share: float) -> list[Source]:
    """Images whose truth is not used, `share` of all: withheld renders, augmented real frames, photographs."""
    photographs = [dataclasses.replace(p, class_names=OSD_CLASSES) for p in read_photographs(PHOTOGRAPHS)]
    samples: dict[str, Samples] = {"renders": withheld, "osd": osd.samples, "photographs": photographs}
    present = {name: MIXTURE[name] for name, of in samples.items() if len(of) > 0}
    return [
        Source(
            f"{name} without truth",
            samples[name],
            share * part / sum(present.values()),
            osd.donors if name == "osd" else (),
            labelled=False,
        )
        for name, part in present.items()
    ]


def main(argv: Sequence[str]) -> int:
    """`vb-perception distil SETTINGS.yaml --out RUN_DIR`."""
    parser = argparse.ArgumentParser(prog="vb-perception distil", description=__doc__)
    parser.add_argument("settings", type=Path)
    parser.add_argument(
        "--out", type=Path, required=True, help="checkpoints, log.csv and pictures; resumed if it exists"
    )
    args = parser.parse_args(argv)
    DistilRun(DistilSettings.read(args.settings), args.out).run()
    return 0
