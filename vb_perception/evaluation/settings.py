"""What is asked of an evaluation: plain values, so that it travels to worker processes and into report.json."""

import hashlib
import json
from dataclasses import dataclass, field

from vb_perception.evaluation.bag_frames import ReadOptions
from vb_perception.evaluation.criteria import Criterion
from vb_perception.evaluation.truth import OBJECT
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SemanticSegmentation, SurfaceNormals, Task

TASKS: tuple[Task, ...] = (
    MetricDepth(),
    SurfaceNormals(),
    SemanticSegmentation((("table", (255, 0, 0)), (OBJECT, (0, 255, 0)))),
    InstanceSegmentation(OBJECT),
)
OURS = "ours"


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
        classes: Names of the recorded segmentation's ids from 1 on.
        keep_outputs: Write outputs.mcap beside the report.
    """

    contestants: tuple[tuple[str, str], ...] = ()
    backend: str = "auto"
    tasks: tuple[Task, ...] = TASKS
    reading: ReadOptions = field(default_factory=ReadOptions)
    criteria: tuple[Criterion, ...] = ()
    recorded: str = ""
    classes: tuple[str, ...] = ("table", OBJECT)
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
        }

    def fingerprint(self, *digests: str) -> str:
        """Differs where any of this or any of `digests` does: what a result may be taken over by."""
        text = json.dumps([self.as_json(), *digests], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
