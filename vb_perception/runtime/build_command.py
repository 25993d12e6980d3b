"""`vb-perception build`: compile a model's graphs before the node needs them, and say what came of it."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vb_perception.camera import Letterbox
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.cache import cache_directory
from vb_perception.runtime.engine import Engine, EngineSpec
from vb_perception.runtime.on_device import FrameQuestion, reading_of
from vb_perception.runtime.options import EngineOptions, size_from
from vb_perception.runtime.trial import blank_question
from vb_perception.tasks import EdgeMap, MetricDepth, SurfaceNormals

TOLD_EVERY_S = 5.0


class TerminalProgress:
    """Says on stderr what is being done, when it changes and every few seconds."""

    def __init__(self) -> None:
        self._what = ""
        self._told_s = 0.0

    def __call__(self, what: str, share: float) -> None:
        """Called by whoever builds, from its thread."""
        now = time.monotonic()
        if what != self._what or now - self._told_s >= TOLD_EVERY_S:
            self._what, self._told_s = what, now
            print(f"{what}: {share:.0%}", file=sys.stderr)  # noqa: T201 - a command's progress


def build(
    model_dir: Path,
    backend: str,
    sizes: Sequence[str],
    precision: str,
    prompts: int,
    workspace_mb: int,
    cameras: Sequence[str] = (),
    threads: int = 0,
) -> list[str]:
    """Open, test and close an engine for each size; a line about each.

    `threads` is how many CPU threads the node will take, 0 one a core: another number is another choice of backend.
    `cameras` are the sizes of their images: an engine with a GPU also compiles what it resizes and reads them with.

    Raises:
        ConfigError: a size that is no size, or fewer threads than none.
        EngineError: it cannot be built, or computes something else.
    """
    spec = EngineSpec.read(model_dir)
    lines = []
    for height, width in [size_from(text) for text in sizes] or [(spec.height, spec.width)]:
        options = EngineOptions(
            precision=precision,
            size=(height, width),
            prompts=prompts,
            workspace_mb=workspace_mb,
            progress=TerminalProgress(),
        )
        started = time.monotonic()
        with open_engine(model_dir, backend, threads, options) as engine:
            engine.infer(*blank_question(engine.spec, prompts))  # OpenVINO compiles for each number of prompts
            lenses = [name for name in cameras if build_for_camera(engine, prompts, size_from(name))]
            took_s = time.monotonic() - started
            lines.append(
                f"{spec.name} {height}x{width}, {prompts} prompts{''.join(f', camera {name}' for name in lenses)}: "
                f"{engine.backend}, {took_s:.1f} s; kept in {cache_directory()}"
            )
    return lines


def build_for_camera(engine: Engine, prompts: int, size: tuple[int, int]) -> bool:
    """Have built what 1 to `prompts` tasks about images of `size` (height, width) need; whether there is any such."""
    readings = [reading_of(task) for task in (MetricDepth(), SurfaceNormals(), EdgeMap())]
    height, width = size
    box = Letterbox(width, height, engine.spec.width, engine.spec.height)
    nothing = np.zeros((height, width, 3), np.uint8)
    for count in range(1, prompts + 1):
        _, rays, rows = blank_question(engine.spec, count)
        for first in range(len(readings)):
            asked = tuple(readings[(first + i) % len(readings)] for i in range(count))
            if engine.answer_frame(FrameQuestion(nothing, box, rays, rows, asked)) is None:
                return False
    return True
