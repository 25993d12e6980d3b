"""The engine of a node: opened (and where the backend compiles: built) by a thread, so that nothing waits for it."""

import os
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vb_perception.errors import ConfigError, VbPerceptionError
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.ros.allocator import give_back_freed
from vb_perception.ros.audit import Maker, maker_of
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.engine import Engine, EngineSpec
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.text import PromptEncoder
from vb_perception.tasks import Task

__all__ = ["EngineRoom", "leave_if_building"]

THREAD = "engine"
BUILD_STEP_S = 120.0
"""A build that tells nothing of itself for so long is no longer believed in: it may have failed without a last word."""


def leave_if_building() -> None:
    """End the process here and now if an engine is still being opened.

    A compiler cannot be interrupted, and an interpreter that is taken down around its threads aborts.  What is being
    built is written whole or not at all, so nothing is lost but the time.
    """
    if any(thread.name == THREAD for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


class EngineRoom:
    """Opens an engine in a thread, warms it up for each camera's tasks, and closes it."""

    def __init__(
        self, model_dir: Path, backend: str, threads: int, options: EngineOptions, tasks: Sequence[tuple[Task, ...]]
    ) -> None:
        self._model_dir, self._backend_asked, self._threads = model_dir, backend, threads
        self._options = replace(options, progress=self._tell)
        self._tasks = tuple(dict.fromkeys(tasks))
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._model: EngineSpec | None = None
        self._abandoned = False
        self._done = threading.Event()
        self._started_s = time.monotonic()
        self._told_s = -BUILD_STEP_S
        self.pipeline: PerceptionPipeline | None = None
        self.refusal = ""
        self.defect = ""
        self.step = "waiting"
        self._thread = threading.Thread(target=self._open, name=THREAD, daemon=True)

    def start(self) -> None:
        """Begin to open the engine."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait for the opening to end, well or not; whether it did."""
        return self._done.wait(seconds)

    @property
    def done(self) -> bool:
        """Whether the opening has ended, well or not."""
        return self._done.is_set()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the opening began."""
        return time.monotonic() - self._started_s

    @property
    def progress(self) -> str:
        """How far the opening is, in words."""
        return f"{self.step}, {self.elapsed_s:.0f} s so far"

    @property
    def building(self) -> bool:
        """Whether something is being built: also when it is open, for more tasks than its plan takes."""
        return time.monotonic() - self._told_s < BUILD_STEP_S

    @property
    def backend(self) -> str:
        """Name of the runtime that answers at the moment, its version and precision; "" before it is ready."""
        engine = self._engine
        return "" if engine is None or self.pipeline is None else engine.backend

    def maker(self) -> Maker:
        """What answers at the moment: an engine of reduced precision may be replaced by one in fp32 as it runs.

        Raises:
            ConfigError: none is open.
        """
        engine, model = self._engine, self._model
        if engine is None or model is None:
            msg = "there is no engine: configure the node first"
            raise ConfigError(msg)
        return maker_of(engine, model)

    def close(self) -> None:
        """Release the engine; one that is still being opened is released by the thread as soon as it is."""
        with self._lock:
            self._abandoned = True
            opened = self.done
        if opened:
            self._release()

    def _release(self) -> None:
        engine, self._engine, self.pipeline = self._engine, None, None
        if engine is not None:
            engine.close()

    def _open(self) -> None:
        try:
            self._build()
        except VbPerceptionError as error:
            self.refusal = str(error)
        except Exception:  # noqa: BLE001 - of a thread: the node tells it, and refuses to be activated
            self.defect = traceback.format_exc()
        with self._lock:
            useless = self._abandoned or self.pipeline is None
            self._done.set()
        if useless:
            self._release()

    def _tell(self, what: str, share: float) -> None:
        """A builder's progress, from its thread."""
        self.step = f"{what} ({share:.0%})"
        self._told_s = time.monotonic() if share < 1 else -BUILD_STEP_S

    def _build(self) -> None:
        self.step = "opening the engine"
        engine = self._engine = open_engine(self._model_dir, self._backend_asked, self._threads, self._options)
        self._model = EngineSpec.read(self._model_dir)
        self.step = "warming up"
        pipeline = PerceptionPipeline(engine, PromptEncoder(self._model_dir, engine.spec))
        for tasks in self._tasks:
            if self._abandoned:
                return
            pipeline.warm_up(tasks)
        give_back_freed()  # compilers and files take tens of megabytes that no frame needs
        self._told_s = -BUILD_STEP_S
        self.pipeline = pipeline
        self.step = "ready"
