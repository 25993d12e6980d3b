"""Two threads between cameras and topics: one asks the engine about the newest image, the other answers its camera.

While the engine is busy with one image, the one before is decoded and published.
"""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from vb_perception.errors import ConfigError, EngineError, FrameError
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.ros.answers import Asked
from vb_perception.ros.audit import Maker
from vb_perception.ros.camera_stream import CameraStream
from vb_perception.ros.inputs import Arrival
from vb_perception.ros.stream_account import refuse
from vb_perception.scheduler import FrameScheduler

FAILURES_IN_A_ROW = 3
IN_WORK = 2
"""An image is taken, the newest there is, only when at most one other is unanswered: none grows old in between."""
STOP_PATIENCE_S = 20.0
"""How long `stop` waits for two images in work.  The slowest machine that this is meant for takes two seconds an image,
and a few more where a graph for another number of tasks is compiled with it; what takes longer than all that hangs."""
STEP_S = 0.1
HANGS = "the engine hangs and cannot be interrupted; restart the process"
THREADS = ("inference", "answer")
DEFECT = "the {} thread died; its traceback is in the log"

Answers: TypeAlias = "queue.SimpleQueue[tuple[CameraStream, Asked] | None]"


def leave_if_hanging() -> None:
    """End the process here and now, as failed, if a thread of a worker is still at work.

    It may never end, and an interpreter that is taken down around its threads aborts.
    """
    if any(thread.name in THREADS for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


class InferenceWorker:
    """Runs one pipeline for all cameras, off the executor's thread.  `start` and `stop` belong to the executor's."""

    def __init__(
        self,
        pipeline: PerceptionPipeline,
        maker: Callable[[], Maker],
        streams: Mapping[str, CameraStream],
        building: Callable[[], bool] = bool,
    ) -> None:
        """`maker`: what computes the answers at the moment.  `building`: whether the engine is being built again."""
        self._pipeline, self._maker, self._streams, self._building = pipeline, maker, streams, building
        self._slots: FrameScheduler[Arrival] = FrameScheduler(list(streams))
        self._answers: Answers = queue.SimpleQueue()
        self._free = threading.Semaphore(IN_WORK)
        self._threads: list[threading.Thread] = []
        self._overdue = False
        self.failure = ""

    def start(self) -> None:
        """Start the threads with empty slots and no failure."""
        self._slots = FrameScheduler(list(self._streams))
        self._answers = queue.SimpleQueue()
        self._free = threading.Semaphore(IN_WORK)
        self.failure, self._overdue = "", False
        for stream in self._streams.values():
            stream.start(self._slots, self._maker())
        loops = zip(THREADS, (self._infer, self._answer), strict=True)
        self._threads = [threading.Thread(target=loop, name=name, daemon=True) for name, loop in loops]
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped since; also if it gave up in between."""
        return bool(self._threads)

    @property
    def hangs(self) -> bool:
        """Whether it did not end when it was stopped, and has not until now."""
        return self._overdue and any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Let the frames in work finish, end the threads and empty the slots; `hangs` then, if they do not end in time.

        An engine that is being built again is no hang: its build is waited for.
        """
        self._slots.close()
        until_s = time.monotonic() + (0 if self.hangs else STOP_PATIENCE_S)
        for thread in self._threads:
            while thread.is_alive() and (time.monotonic() < until_s or self._building()):
                if self._building():  # what is built has yet to answer
                    until_s = time.monotonic() + STOP_PATIENCE_S
                thread.join(STEP_S)
        self._overdue = any(thread.is_alive() for thread in self._threads)
        if not self._overdue:
            self._threads = []
        for stream in self._streams.values():
            stream.drop_waiting()

    def _infer(self) -> None:
        failures = 0
        stream: CameraStream | None = None
        try:
            while failures < FAILURES_IN_A_ROW:
                self._free.acquire()  # released where the frame ends
                if (taken := self._slots.take(threading.TIMEOUT_MAX)) is None:
                    break
                stream = self._streams[taken[0]]
                fails = self._fails(stream, taken[1])
                if fails is not None:
                    failures = failures + 1 if fails else 0
                del taken  # an image is large: not one more than needed is kept while we wait
                stream = None
            if failures == FAILURES_IN_A_ROW:
                self.failure = f"{failures} inference failures in a row; see the log, cure it and activate again"
        finally:
            # Any other error is a defect of ours: the thread's traceback goes to the log, and the node must not stay
            # active with nobody at work.
            if stream is not None:
                self._died(stream, "inference")
            self._answers.put(None)

    def _fails(self, stream: CameraStream, arrival: Arrival) -> bool | None:
        """Ask the engine about one arrival; whether inference failed, None if there was nothing to infer."""
        asked = None
        try:
            asked = stream.ask(arrival, self._pipeline, self._maker)
        except (FrameError, ConfigError) as error:
            stream.reject(str(error))
        except EngineError as error:
            stream.failed(f"inference failed: {error}")
            return True
        finally:
            if asked is None:
                self._free.release()
        if asked is None:
            return None
        self._answers.put((stream, asked))
        return False

    def _answer(self) -> None:
        stream: CameraStream | None = None
        try:
            while (item := self._answers.get()) is not None:
                stream, asked = item
                try:
                    stream.answer(asked, self._pipeline)
                except (FrameError, ConfigError) as error:
                    stream.reject(str(error))
                except EngineError as error:
                    stream.failed(f"decoding failed: {error}")
                stream = None
                del item, asked
                self._free.release()
        finally:
            if stream is not None:
                self._died(stream, "answer")
                self._slots.close()
                self._free.release(IN_WORK)  # the other thread may wait for one
                while (item := self._answers.get()) is not None:
                    refuse(item[1].tickets, DEFECT.format("answer"))
                    item[0].failed(DEFECT.format("answer"))

    def _died(self, stream: CameraStream, thread: str) -> None:
        stream.failed(DEFECT.format(thread))
        self.failure = f"{DEFECT.format(thread)}, please report it"
