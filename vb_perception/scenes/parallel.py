"""The stream of rendered scenes, made by several processes: the same samples in the same order, sooner."""

import os
import signal
from collections.abc import Generator, Sequence
from multiprocessing import get_context, parent_process
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty, Full
from typing import TypeAlias

from vb_perception.errors import ConfigError, EngineError, VbPerceptionError
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.library import Fold
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.stream import MIXTURE, scene_stream

_AHEAD = 4  # samples that a process may be ahead of who takes them
_PATIENCE_S = 1.0  # between two looks at whether a silent process still lives

_Answers: TypeAlias = "Queue[Sample | VbPerceptionError]"


def parallel_stream(
    seed: int,
    width: int,
    height: int,
    kinds: Sequence[str] = MIXTURE,
    first: int = 0,
    *,
    workers: int,
    fold: Fold = "train",
    assets_dir: Path | None = None,
) -> Generator[Sample, None, None]:
    """What `stream.scene_stream` yields, rendered by `workers` processes that end with the iterator.

    Args:
        seed: Of everything.
        width: Of the pictures, px.
        height: Of the pictures, px.
        kinds: Kinds of scenes, in turn.
        first: Index of the first scene.
        workers: Processes, at least 1; as many as there are cores use them all.
        fold: Whether for training or for evaluation.
        assets_dir: The cache of `vb-perception assets`; without it everything is procedural.

    Raises:
        ConfigError: No worker, or as `scene_stream` and `SceneAssets.read`.
        EngineUnavailableError: moderngl or EGL is missing.
        EngineError: A worker died.
    """
    if workers < 1:
        msg = f"{workers} workers cannot render; expected at least 1"
        raise ConfigError(msg)
    context = get_context("spawn")  # a fork would share the threads and the contexts of graphics libraries
    queues: list[_Answers] = [context.Queue(_AHEAD) for _ in range(workers)]
    processes = []
    for number, queue in enumerate(queues):
        arguments = (queue, seed, (width, height), tuple(kinds), first + number, workers, fold, assets_dir)
        process = context.Process(target=_render, args=arguments, daemon=True)
        process.start()
        processes.append(process)
    try:
        while True:
            for process, queue in zip(processes, queues, strict=True):
                yield _taken(process, queue)
    finally:
        for process in processes:
            process.terminate()
        for process, queue in zip(processes, queues, strict=True):
            process.join()
            queue.close()


def _taken(process: SpawnProcess, queue: _Answers) -> Sample:
    while True:
        try:
            answer = queue.get(timeout=_PATIENCE_S)
        except Empty:
            if process.is_alive():
                continue
            msg = f"a rendering process ended with exit code {process.exitcode}; if memory is short, use fewer workers"
            raise EngineError(msg) from None
        if isinstance(answer, VbPerceptionError):
            raise answer
        return answer


def _given(queue: _Answers, sample: Sample) -> bool:
    """Whether there still was somebody to give it to: who is killed ends no worker."""
    while True:
        try:
            queue.put(sample, timeout=_PATIENCE_S)
        except Full:
            reader = parent_process()
            if reader is not None and reader.is_alive():
                continue
            return False
        return True


def _render(
    queue: _Answers,
    seed: int,
    size_px: tuple[int, int],
    kinds: tuple[str, ...],
    first: int,
    step: int,
    fold: Fold,
    assets_dir: Path | None,
) -> None:
    """Body of a worker: every `step`-th sample."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that reads, which ends this one
    os.environ.setdefault("LP_NUM_THREADS", "1")  # llvmpipe: the processes share the cores already
    try:
        assets = None if assets_dir is None else SceneAssets.read(assets_dir, fold)
        for sample in scene_stream(seed, *size_px, kinds, first, step=step, fold=fold, assets=assets):
            if not _given(queue, sample):
                queue.cancel_join_thread()  # nobody will take what still waits
                return
    except VbPerceptionError as error:
        queue.put(error)
