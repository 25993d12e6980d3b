"""The worker thread: the newest image of the camera whose turn it is -> its stream, which answers and accounts."""

import threading
from collections.abc import Mapping

from vb_perception.errors import ConfigError, EngineError, FrameError
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.ros.camera_stream import CameraStream
from vb_perception.ros.inputs import Arrival
from vb_perception.scheduler import FrameScheduler

FAILURES_IN_A_ROW = 3


class InferenceWorker:
    """Runs one pipeline for all cameras, off the executor's thread.  `start` and `stop` belong to the executor's."""

    def __init__(self, pipeline: PerceptionPipeline, backend: str, streams: Mapping[str, CameraStream]) -> None:
        self._pipeline, self._backend, self._streams = pipeline, backend, streams
        self._slots: FrameScheduler[Arrival] = FrameScheduler(list(streams))
        self._thread: threading.Thread | None = None
        self.failure = ""

    def start(self) -> None:
        """Start the thread with empty slots and no failure."""
        self._slots = FrameScheduler(list(self._streams))
        self.failure = ""
        for stream in self._streams.values():
            stream.start(self._slots, self._backend)
        self._thread = threading.Thread(target=self._loop, name="inference", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the frame in work finish, end the thread and empty the slots."""
        self._slots.close()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        for stream in self._streams.values():
            stream.drop_waiting()

    def _loop(self) -> None:
        failures = 0
        stream: CameraStream | None = None
        try:
            while failures < FAILURES_IN_A_ROW and (taken := self._slots.take(threading.TIMEOUT_MAX)) is not None:
                stream = self._streams[taken[0]]
                failures = failures + 1 if self._fails(stream, taken[1]) else 0
                del taken  # an image is large: not one more than needed is kept while we wait
                stream = None
            if failures == FAILURES_IN_A_ROW:
                self.failure = f"{failures} inference failures in a row; see the log, cure it and activate again"
        finally:
            # Any other error is a defect of ours: the thread's traceback goes to the log, and the node must not stay
            # active with nobody at work.
            if stream is not None:
                stream.failed("the inference thread died; its traceback is in the log")
                self.failure = "the inference thread died; its traceback is in the log, please report it"

    def _fails(self, stream: CameraStream, arrival: Arrival) -> bool:
        """Serve one arrival; whether inference failed."""
        try:
            stream.serve(arrival, self._pipeline)
        except (FrameError, ConfigError) as error:
            stream.reject(str(error))
        except EngineError as error:
            stream.failed(f"inference failed: {error}")
            return True
        return False
