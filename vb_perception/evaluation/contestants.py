"""Whoever answers: our pipeline, a model that is not ours, or the guess without an image; all in the same run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

from vb_perception.errors import ConfigError
from vb_perception.evaluation.adapter import read_adapter
from vb_perception.evaluation.foreign import ForeignModel
from vb_perception.evaluation.no_image import NoImage
from vb_perception.evaluation.provenance import digest, joint_digest
from vb_perception.evaluation.settings import Settings
from vb_perception.evaluation.sources import read_source
from vb_perception.frame import Frame, Perception
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.options import EngineOptions, size_from
from vb_perception.runtime.text import PromptEncoder
from vb_perception.tasks import Task

NO_IMAGE = "no-image:"
"""How a contestant that learns from a training split, without images, is asked for."""
SIZE_MARK = "@"
"""Between a model's folder and the size, height x width, that it is to paint at."""
ADAPTERS = (".yaml", ".yml")


class Contestant(Protocol):
    """Answers frames; `run_by` names what runs it, `digest` its weights, `depth_means` as `frame_scores` has it."""

    run_by: str
    digest: str
    depth_means: str

    def perceive(self, frame: Frame, tasks: Sequence[Task]) -> Perception:
        """The answers to the tasks, those that it knows, at the size of the frame's image."""
        ...


class Ours:
    """An exported model of this project, through the pipeline that the node runs."""

    depth_means = "metric"

    def __init__(self, pipeline: PerceptionPipeline, run_by: str, sha256: str) -> None:
        self._pipeline, self.run_by, self.digest = pipeline, run_by, sha256

    def perceive(self, frame: Frame, tasks: Sequence[Task]) -> Perception:
        """As `PerceptionPipeline.perceive`."""
        return self._pipeline.perceive(frame, tasks)

    def start(self, frame: Frame, tasks: Sequence[Task]) -> Callable[[], Perception]:
        """As `started`."""
        return partial(self._pipeline.read, self._pipeline.paint(frame, tasks))


def started(one: Contestant, frame: Frame, tasks: Sequence[Task]) -> Callable[[], Perception]:
    """`perceive` in two parts: what takes the engine is done now; what is returned does the rest, in any one thread."""
    if isinstance(one, Ours):
        return one.start(frame, tasks)
    answers = one.perceive(frame, tasks)
    return lambda: answers


@contextmanager
def open_contestant(what: str, backend: str) -> Iterator[Contestant]:
    """Open "FOLDER[@SIZE]" (an exported model, run by `backend`), "ADAPTER.yaml", or "no-image:TRAINING_SPLIT".

    Raises:
        ConfigError: it is none of these, or its adapter cannot be used.
        EngineError: the model cannot be loaded.
        BagError: the training split cannot be read.
    """
    if what.startswith(NO_IMAGE):
        yield NoImage(truth for _, truth in read_source(Path(what.removeprefix(NO_IMAGE))))
    elif what.endswith(ADAPTERS):
        yield ForeignModel(Path(what))
    elif folder_of(what).is_dir():
        folder, size = folder_and_size(what)
        with open_engine(folder, backend, options=EngineOptions(size=size)) as engine:
            spec = engine.spec
            pipeline = PerceptionPipeline(engine, PromptEncoder(folder, spec))
            yield Ours(pipeline, engine.backend, joint_digest((spec.generator_sha256, spec.text_sha256)))
    else:
        msg = (
            f"{what} is no contestant; expected a folder of an exported model (with @480x640 behind it for another "
            f"size than its own), an adapter .yaml or {NO_IMAGE}FOLDER"
        )
        raise ConfigError(msg)


def folder_of(what: str) -> Path:
    """The folder or file that a contestant is read from."""
    return _parts(what)[1]


def folder_and_size(what: str) -> tuple[Path, tuple[int, int] | None]:
    """The folder of a model, and the height and width that it is to paint at; None is its own.

    Raises:
        ConfigError: the size is none.
    """
    _, folder, size = _parts(what)
    return folder, size_from(size) if size else None


def whole_path(what: str) -> str:
    """The same contestant for processes that stand in other folders, which resume or share the work."""
    prefix, path, size = _parts(what)
    return f"{prefix}{path.resolve()}{SIZE_MARK + size if size else ''}" if path.exists() else what


def _parts(what: str) -> tuple[str, Path, str]:
    """What stands before the path, the path, and the size behind it; a path that exists has none."""
    prefix = NO_IMAGE if what.startswith(NO_IMAGE) else ""
    rest = what.removeprefix(prefix)
    before, _, size = rest.rpartition(SIZE_MARK)
    return ("", Path(before), size) if before and not prefix and not Path(rest).exists() else (prefix, Path(rest), "")


def model_digests(settings: Settings) -> list[str]:
    """The digest of what each contestant of an evaluation is made of; "" where its files are missing."""
    out = []
    for _, what in settings.contestants:
        path = folder_of(what)
        parts = [path] if path.exists() else []
        if what.endswith(ADAPTERS) and parts:
            parts.append(read_adapter(path).model)
        out.append(joint_digest([digest(part) for part in parts if part.exists()]))
    return out
