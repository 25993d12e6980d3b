"""The worker thread: newest arrival -> Frame -> pipeline -> published, and the ledger that accounts for every image."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from vb_perception.errors import EngineError, FrameError
from vb_perception.frame import Perception
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.ros.inputs import Arrival, frame_from_arrival, stamp_ns
from vb_perception.ros.outputs import OutputPublishers, Wanted, tasks_of
from vb_perception.ros.parameters import Settings
from vb_perception.scheduler import FrameScheduler
from vb_perception.timing import STAGES, FrameLedger, LatencySummary, LatencyWindow

FAILURES_IN_A_ROW = 3
CAMERA = "camera"


class InferenceWorker:
    """Runs the pipeline off the executor's thread.

    `submit`, `reject`, `start`, `stop` and `new_run` belong to the executor's thread; the ledger and the window are
    shared under a lock.  `ros_time_ns` tells the node's time, which is the clock of the stamps.
    """

    def __init__(
        self,
        pipeline: PerceptionPipeline,
        outputs: OutputPublishers,
        settings: Settings,
        ros_time_ns: Callable[[], int],
        complain: Callable[[str], None],
    ) -> None:
        self._pipeline, self._outputs, self._settings = pipeline, outputs, settings
        self._ros_time_ns, self._complain = ros_time_ns, complain
        self._lock = threading.Lock()
        self._ledger = FrameLedger()
        self._window = LatencyWindow(settings.latency_window)
        self._slots: FrameScheduler[Arrival] = FrameScheduler([CAMERA])
        self._thread: threading.Thread | None = None
        self._assumption_told = False
        self.failure = ""
        self.last_published_ns = 0

    def receive(self) -> None:
        """Count one image message as received."""
        with self._lock:
            self._ledger.received += 1

    def reject(self, reason: str) -> None:
        """Count one received image as unusable and say why."""
        with self._lock:
            self._ledger.rejected += 1
        self._complain(reason)

    def submit(self, arrival: Arrival) -> None:
        """Put an arrival into the slot; an unread one is overwritten and counted."""
        if self._slots.submit(CAMERA, arrival):
            self.give_up(1)

    def give_up(self, count: int) -> None:
        """Count images whose turn never came: a newer one came first, or nobody listens any more."""
        with self._lock:
            self._ledger.overwritten += count

    def drop_waiting(self) -> None:
        """Give up what is in the slot."""
        self.give_up(self._slots.clear())

    def new_run(self) -> None:
        """Forget the latencies of the run before: time jumped back."""
        with self._lock:
            self._window.clear()

    def start(self) -> None:
        """Start the thread with an empty slot and no failure."""
        self._slots = FrameScheduler([CAMERA])
        self._assumption_told = False
        self.failure = ""
        self._thread = threading.Thread(target=self._loop, name="inference", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the frame in work finish, end the thread and empty the slot."""
        self._slots.close()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.drop_waiting()

    def snapshot(self) -> tuple[FrameLedger, Mapping[str, LatencySummary]]:
        """A consistent copy of the ledger and the summary of every stage."""
        with self._lock:
            return replace(self._ledger), {stage: self._window.summary(stage) for stage in STAGES}

    def _loop(self) -> None:
        failures = 0
        ended = False
        try:
            while failures < FAILURES_IN_A_ROW and (taken := self._slots.take(threading.TIMEOUT_MAX)) is not None:
                failures = failures + 1 if self._fails(taken[1]) else 0
            if failures == FAILURES_IN_A_ROW:
                self.failure = f"{failures} inference failures in a row; see the log, cure it and activate again"
            ended = True
        finally:
            # Any other error is a defect of ours: the thread's traceback goes to the log, and the node must not stay
            # active with nobody at work.
            if not ended:
                self._failed("the inference thread died; its traceback is in the log")
                self.failure = "the inference thread died; its traceback is in the log, please report it"

    def _fails(self, arrival: Arrival) -> bool:
        """Serve one arrival; whether inference failed."""
        try:
            self._serve(arrival)
        except FrameError as error:
            self.reject(str(error))
        except EngineError as error:
            self._failed(f"inference failed: {error}")
            return True
        return False

    def _failed(self, reason: str) -> None:
        with self._lock:
            self._ledger.failed += 1
        self._complain(reason)

    def _serve(self, arrival: Arrival) -> None:
        wanted = self._outputs.wanted()
        if not wanted:
            self.give_up(1)
            return
        age_ns = self._ros_time_ns() - stamp_ns(arrival.image)
        if 0 < self._settings.max_age_ns < age_ns:
            msg = (
                f"image is {age_ns / 1e9:.3f} s old, more than max_age_s = {self._settings.max_age_ns / 1e9:g}: "
                "lower the camera's rate, check the clocks (use_sim_time for a bag), or raise max_age_s"
            )
            raise FrameError(msg)
        frame = frame_from_arrival(arrival)
        if frame.intrinsics is None:
            wanted = self._without_camera(wanted)
        ready_ns = time.monotonic_ns()
        perception = self._pipeline.perceive(frame, tasks_of(wanted))
        self._publish(perception, arrival, ready_ns, wanted)

    def _without_camera(self, wanted: Wanted) -> Wanted:
        """Those of the outputs that an uncalibrated camera can have; raises FrameError if none is left."""
        left = [row for row in wanted if not row[0].needs_camera]
        if not left:
            topics = ", ".join(sorted(publisher.topic_name for _, publisher in wanted))
            msg = (
                f"image came without calibration, and all that is listened to needs it ({topics}): publish a "
                "calibrated camera_info, or listen to other outputs"
            )
            raise FrameError(msg)
        if not self._assumption_told:
            self._assumption_told = True
            self._complain(
                "images come without calibration: depth is a guess in scale from the model's default field of view, "
                "and neither points nor depth/camera_info are published; publish a calibrated camera_info"
            )
        return left

    def _publish(self, perception: Perception, arrival: Arrival, ready_ns: int, wanted: Wanted) -> None:
        start_ns = time.monotonic_ns()
        for output, publisher in wanted:
            publisher.publish(output.fill(perception))
        self.last_published_ns = time.monotonic_ns()
        times = replace(
            perception.times,
            receive_ns=ready_ns - arrival.arrived_ns,
            publish_ns=self.last_published_ns - start_ns,
            age_ns=self._ros_time_ns() - perception.frame.stamp_ns,
        )
        with self._lock:
            self._ledger.processed += 1
            self._window.add(times)
