"""Frames in, answers with their truth out: asked of the contestants, or read from a recording.

    read | paint | decode | judge

Each stands in a thread of its own, a few frames ahead of the next (`ahead`), so that an engine waits for none of them.
What comes out is in order and does not depend on who was faster.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

from vb_perception.evaluation.ahead import ahead
from vb_perception.evaluation.bags import Report
from vb_perception.evaluation.contestants import Contestant, open_contestant, started
from vb_perception.evaluation.recorded import read_perceptions
from vb_perception.evaluation.settings import OURS, Settings
from vb_perception.evaluation.sources import read_source
from vb_perception.frame import Frame, Perception
from vb_perception.scenes.sample import Sample

Answers = tuple[dict[str, Perception], Sample | None]
_Started = tuple[dict[str, Callable[[], Perception]], Sample | None]
_Frames = Generator[tuple[Frame, Sample | None], None, None]


def answered(
    source: Path, settings: Settings, on_unusable: Report, on_damage: Report, opened: dict[str, Contestant]
) -> Iterator[Answers]:
    """Each frame's answers by contestant; who answers is put into `opened` before the first of them.

    Raises what `read_source`, `open_contestant` and `Contestant.perceive` do.
    """
    frames = ahead(lambda: read_source(source, settings.reading, on_unusable, on_damage))
    painted = ahead(lambda: _painted(frames, settings, opened))
    with ExitStack() as stack:
        stack.callback(painted.close)
        for waiting, truth in painted:
            yield {name: finish() for name, finish in waiting.items()}, truth


def _painted(frames: _Frames, settings: Settings, opened: dict[str, Contestant]) -> Iterator[_Started]:
    """All contestants are opened, run and closed in the thread that iterates."""
    with ExitStack() as stack:
        stack.callback(frames.close)
        for name, what in settings.contestants:
            opened[name] = stack.enter_context(open_contestant(what, settings.backend))
        for frame, truth in frames:
            yield {name: started(one, frame, settings.tasks) for name, one in opened.items()}, truth


def recorded(source: Path, settings: Settings, on_unusable: Report, on_damage: Report) -> Iterator[Answers]:
    """The answers of a recorded node; raises what `read_perceptions` does."""
    reading = read_perceptions(
        source, settings.recorded, settings.classes, None, on_unusable, settings.reading, on_damage
    )
    for perception, truth in reading:
        yield {OURS: perception}, truth
