"""What is asked of an evaluation: plain values, so that it travels to worker processes and into report.json."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from vb_perception import __version__
from vb_perception.codecs.palette import Colour, distinct_colours
from vb_perception.errors import ConfigError
from vb_perception.evaluation.bag_frames import ReadOptions
from vb_perception.evaluation.criteria import Criterion
from vb_perception.evaluation.provenance import code_digest
from vb_perception.evaluation.truth import OBJECT
from vb_perception.tasks import (
    BLACK,
    InstanceSegmentation,
    MetricDepth,
    ReferringSegmentation,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)

CLASSES = ("table", OBJECT)
_LEGEND: tuple[tuple[str, Colour], ...] = (("table", (255, 0, 0)), (OBJECT, (0, 255, 0)))
TASKS: tuple[Task, ...] = (MetricDepth(), SurfaceNormals(), SemanticSegmentation(_LEGEND), InstanceSegmentation(OBJECT))
OURS = "ours"


def asked_tasks(classes: Sequence[str] = CLASSES, phrase: str = "") -> tuple[Task, ...]:
    """What is asked of each frame: `TASKS` with these classes, and with the mask of one phrase unless that is "".

    Raises:
        ConfigError: more classes than one prompt can name, or two of one name.
    """
    tasks = (*TASKS[:2], SemanticSegmentation(legend_of(classes)), *TASKS[3:])
    return (*tasks, ReferringSegmentation(phrase)) if phrase else tasks


def legend_of(classes: Sequence[str]) -> tuple[tuple[str, Colour], ...]:
    """The classes with the colours that are asked for; raises ConfigError if two have one name."""
    if len(set(classes)) != len(classes):
        msg = f"classes {', '.join(classes)}: expected each once"
        raise ConfigError(msg)
    if tuple(classes) == CLASSES:
        return _LEGEND
    return tuple(zip(classes, distinct_colours(len(classes), (BLACK,)), strict=True))


@dataclass(frozen=True, slots=True)
class Settings:
    """One evaluation, wherever its frames come from.

    Args:
        contestants: Name and what it is (see `open_contestant`); the first is the one that criteria judge.
        backend: What runs exported models; see `open_engine`.
        tasks: What is asked of each frame.
        reading: How bags are read.
        criteria: What must hold.
        recorded: Namespace of a node's outputs in the bag: these are scored, nothing is run.
        classes: Names of a recorded segmentation's ids from 1 on.
        keep_outputs: Write outputs.mcap beside the report.
    """

    contestants: tuple[tuple[str, str], ...] = ()
    backend: str = "auto"
    tasks: tuple[Task, ...] = TASKS
    reading: ReadOptions = field(default_factory=ReadOptions)
    criteria: tuple[Criterion, ...] = ()
    recorded: str = ""
    classes: tuple[str, ...] = CLASSES
    keep_outputs: bool = False

    def as_json(self) -> dict[str, object]:
        """Plain values for report.json."""
        return {
            "contestants": [list(pair) for pair in self.contestants],
            "backend": self.backend,
            "tasks": [[task.name, task.prompt] for task in self.tasks],
            "reading": str(self.reading),
            "criteria": [str(criterion) for criterion in self.criteria],
            "recorded": self.recorded,
            "classes": list(self.classes),
            "keep_outputs": self.keep_outputs,
        }

    def fingerprint(self, *digests: str) -> str:
        """Differs where any of this, of `digests` or of our own code does: what a result may be taken over by."""
        text = json.dumps([self.as_json(), __version__, code_digest(), *digests], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
