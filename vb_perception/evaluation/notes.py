"""What is no problem and yet good to know: phrases that a model was not taught, or that no true class means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vb_perception.evaluation.frame_scores import INSTANCES
from vb_perception.evaluation.truth import is_labelled
from vb_perception.frame import Perception
from vb_perception.instructions.phrases import untaught
from vb_perception.predictions import SegmentMap
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import BACKGROUND

_MOST_NAMED = 30


@dataclass(slots=True)
class Notes:
    """`add` each frame; `sentences` at any time, each once."""

    _untaught: dict[str, None] = field(default_factory=dict)
    _asked: dict[tuple[str, str, tuple[str, ...]], None] = field(default_factory=dict)
    _legends: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, answers: Mapping[str, Perception], truth: Sample | None) -> None:
        """Look at one frame's answers by contestant."""
        for who, perception in answers.items():
            for task, phrases in perception.unknown.items():
                self._untaught[f"{who}: {untaught(task, phrases)}"] = None
            for task, prediction in perception.predictions.items():
                if isinstance(prediction, SegmentMap) and task != INSTANCES:
                    self._asked[who, task, prediction.names] = None
        if truth is not None and truth.class_names not in self._legends and (truth.class_ids >= 0).any():
            self._legends.add(truth.class_names)

    def sentences(self) -> tuple[str, ...]:
        """A sentence on each phrase; of truth without a class nothing is said, it has none to mean."""
        legends = sorted(self._legends)
        if not legends:
            return tuple(self._untaught)
        told = f"which no class of the truth means, and is not judged{_classes(legends)}"
        unmeant = {
            f"{who}: {task} asks for {name!r}, {told}": None
            for who, task, names in self._asked
            for name in names
            if name != BACKGROUND and not any(is_labelled(name, legend) for legend in legends)
        }
        return (*self._untaught, *unmeant)


def _classes(legends: Sequence[tuple[str, ...]]) -> str:
    """The classes that there are, where they are few."""
    names = dict.fromkeys(name for legend in legends for name in legend if name != BACKGROUND)
    return f": name one of {', '.join(names)}" if 0 < len(names) <= _MOST_NAMED else ""
