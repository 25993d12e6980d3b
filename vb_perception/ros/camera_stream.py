"""One camera from its slot to its topics: what it is asked, its ledger, its latencies and its troubles."""

import threading
import time
from collections.abc import Callable

from rclpy.node import Node

from vb_perception.errors import FrameError
from vb_perception.frame import Perception
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.ros.answers import Asked, CameraAnswers
from vb_perception.ros.camera_input import image_topic, info_topic
from vb_perception.ros.cloud_frames import ToCloudFrame
from vb_perception.ros.inputs import Arrival, frame_from_arrival, stamp_ns
from vb_perception.ros.outputs import OutputOptions, Wanted, tasks_of
from vb_perception.ros.publishing import Plan, plan_of
from vb_perception.ros.qos import QosTrouble
from vb_perception.ros.settings import CameraSettings
from vb_perception.ros.stream_account import StreamAccount, Ticket, refuse, refusing
from vb_perception.ros.viewport import View, Viewport
from vb_perception.runtime.engine import EngineSpec
from vb_perception.scheduler import FrameScheduler, RateLimit
from vb_perception.tasks import Task

RECT = "rect"


class CameraStream:
    """What one camera is asked and what became of its images.

    `ask` and `answer` belong to the worker's two threads, the rest to the executor's.  Plan, settings and rates are
    shared under a lock; the account and the answers have locks of their own.
    """

    def __init__(
        self,
        node: Node,
        settings: CameraSettings,
        spec: EngineSpec,
        window: int,
        complain: Callable[[str], None],
        qos_trouble: QosTrouble,
    ) -> None:
        self.settings, self._node, self._complain = settings, node, complain
        self.topic, self.info_topic = image_topic(node, settings), info_topic(node, settings)
        self._lock = threading.Lock()
        self.account = StreamAccount(window)
        self._slots: FrameScheduler[Arrival] = FrameScheduler([settings.name])
        self._rate = RateLimit(settings.max_rate_hz)
        self._to_cloud_frame = ToCloudFrame(node, settings.cloud_frame)
        self._viewport = Viewport(self._view(settings))
        self._plan = self.plan(settings)
        self._answers = CameraAnswers(node, settings, spec, self.topic, qos_trouble)
        self._answers.adopt(self._plan)
        self._off: set[str] = set()
        self._frames = 0
        self._told: set[str] = set()
        self.served_ns = 0
        """When an image was last published, or skipped as asked while none was in work (monotonic)."""

    @property
    def last(self) -> Perception | None:
        """The last answer, if there was one."""
        return self._answers.last

    # --- what is asked of it -------------------------------------------------------------------------------------

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What it is asked now."""
        return self._plan.tasks

    def plan(self, settings: CameraSettings) -> Plan:
        """What other settings would make of it; raises ConfigError if they cannot be carried out."""
        options = OutputOptions(
            settings.depth_encoding,
            settings.cloud,
            settings.obstacle_exclude,
            self._to_cloud_frame.frame_id,
            self._to_cloud_frame.pose,
        )
        return plan_of(settings, options)

    def adopt(self, settings: CameraSettings, plan: Plan) -> None:
        """Go on with other settings from the next frame on; the frame in work keeps the old ones."""
        with self._answers.lock, self._lock:
            self._plan = plan
            self._answers.adopt(plan)
            if settings.max_rate_hz != self.settings.max_rate_hz:
                self._rate = RateLimit(settings.max_rate_hz)
            self._off &= {task.name for task in plan.tasks}
            self._viewport = Viewport(self._view(settings))
            self.settings = settings

    def enable(self, task: str, *, on: bool) -> bool:
        """Switch a task on or off; whether the camera has it."""
        if task not in {each.name for each in self.tasks}:
            return False
        with self._lock:
            (self._off.discard if on else self._off.add)(task)
        return True

    @property
    def wanted(self) -> bool:
        """Whether anybody waits for an answer."""
        with self._lock:
            off = set(self._off)
        return self.account.awaited or (not self.settings.trigger_only and bool(self._answers.wanted(off)))

    # --- what the camera sends -----------------------------------------------------------------------------------

    def start(self, slots: FrameScheduler[Arrival], backend: str) -> None:
        """Take images into these slots from now on."""
        self._slots = slots
        self._told.clear()
        self._answers.start(backend)

    def receive(self) -> None:
        """Count one image message as received."""
        self.account.count("received")

    def reject(self, reason: str) -> None:
        """Count one received image as unusable and say why."""
        self.account.count("rejected")
        refuse(self.account.take_tickets(), reason)
        self._complain(self.settings.told(reason))

    def submit(self, arrival: Arrival) -> None:
        """Put an arrival into the slot; an unread one is overwritten and counted."""
        due = self.account.awaited
        if not due and not self.settings.trigger_only:
            with self._lock:
                due = self._rate.admits(stamp_ns(arrival.image))
        if not due:
            self._skip()
        elif self._slots.submit(self.settings.name, arrival):
            self.give_up(1)

    def _skip(self) -> None:
        """Count an image that is not wanted: to send nothing for it is no silence, unless the model owes an answer."""
        self.account.count("skipped")
        if self.account.in_flight == 0:
            self.served_ns = time.monotonic_ns()

    def give_up(self, count: int) -> None:
        """Count images whose turn never came: a newer one came first, or nobody listens any more."""
        self.account.count("overwritten", count)

    def drop_waiting(self) -> None:
        """Give up what is in the slot."""
        self.give_up(self._slots.clear(self.settings.name))

    def new_run(self) -> None:
        """Forget the latencies and the transforms of the run before: time jumped back."""
        self.account.new_run()
        self._to_cloud_frame.clear()
        with self._lock:
            self._rate.clear()

    def failed(self, reason: str) -> None:
        """Count one image that the engine or a decoder could not answer."""
        self.account.count("failed")
        refuse(self.account.take_tickets(), reason)
        self._complain(self.settings.told(reason))

    def destroy(self) -> None:
        """Take the topics back."""
        self._answers.destroy()
        self._to_cloud_frame.close()

    # --- the worker's side ---------------------------------------------------------------------------------------

    def ask(self, arrival: Arrival, pipeline: PerceptionPipeline) -> Asked | None:
        """Convert one image and have the engine paint it; None, and counted, if nothing is to be answered.

        Raises:
            FrameError: the image cannot be used; not counted yet.
            EngineError: the engine failed; not counted yet.
        """
        with self._lock:
            plan, settings, viewport = self._plan, self.settings, self._viewport
            tickets = self.account.take_tickets()
            off = self._off | (set() if tickets else self._not_due(settings))
            self._frames += 1
        if settings.trigger_only and not tickets:
            self._skip()
            return None
        with refusing(tickets):
            asked = self._ask(arrival, pipeline, plan, off, viewport, tickets)
        if asked is None:
            refuse(tickets, "the image is too old, or every task is switched off")
        return asked

    def answer(self, asked: Asked, pipeline: PerceptionPipeline) -> None:
        """Decode what was painted, publish and account; raises FrameError, not counted yet, if it cannot be decoded."""
        with refusing(asked.tickets):
            perception = pipeline.read(asked.painted)
            complain = self._complain
            times = self._answers.publish(perception, asked, lambda text: complain(self.settings.told(text)))
        self.served_ns = time.monotonic_ns()
        self.account.answered(times)
        for ticket in asked.tickets:
            ticket.stamp_ns = perception.frame.stamp_ns

    def _not_due(self, settings: CameraSettings) -> set[str]:
        """Tasks whose turn is not this frame; those with a rate take turns rather than all at once."""
        shifted = enumerate(settings.every.items())
        return {task for shift, (task, every) in shifted if (self._frames - shift) % every != 0}

    def _ask(
        self,
        arrival: Arrival,
        pipeline: PerceptionPipeline,
        plan: Plan,
        off: set[str],
        viewport: Viewport,
        tickets: list[Ticket],
    ) -> Asked | None:
        wanted, asked = self._answers.wanted(off), bool(tickets)
        if not (wanted or asked):
            with self._lock:
                listened = bool(self._answers.wanted(self._off))
            if listened:
                self._skip()
            else:
                self.give_up(1)
            return None
        if self._is_aged(arrival):
            return None
        frame = frame_from_arrival(arrival, viewport)
        if frame.intrinsics is None:
            wanted = self._without_camera(wanted, asked=asked)
        else:
            self._tell_of_distortion(arrival)
        tasks = tuple(task for task in plan.tasks if task.name not in off) if asked else tasks_of(wanted)
        if not tasks:
            self._skip()
            return None
        ready_ns = time.monotonic_ns()
        return Asked(pipeline.paint(frame, tasks), arrival, ready_ns, plan, wanted, tickets)

    def _is_aged(self, arrival: Arrival) -> bool:
        age_ns = self._ros_time_ns() - stamp_ns(arrival.image)
        limit_ns = self.settings.max_age_ns
        if not 0 < limit_ns < age_ns:
            return False
        self.account.count("aged")
        self._complain(
            self.settings.told(
                f"image is {age_ns / 1e9:.3f} s old, more than max_age_s = {limit_ns / 1e9:g}: lower the camera's "
                "rate, check the clocks (use_sim_time for a bag), or raise max_age_s"
            )
        )
        return True

    def _without_camera(self, wanted: Wanted, *, asked: bool) -> Wanted:
        """Those of the outputs that an uncalibrated camera can have; raises FrameError if none is left."""
        left = [row for row in wanted if not row[0].needs_camera]
        if not left and not asked:
            topics = ", ".join(sorted(publisher.topic_name for _, publisher in wanted))
            msg = (
                f"image came without calibration, and all that is listened to needs it ({topics}): publish a "
                "calibrated camera_info, or listen to other outputs"
            )
            raise FrameError(msg)
        self._tell_once(
            "images come without calibration: depth is a guess in scale from the model's default field of view, "
            "and neither points nor depth/camera_info are published; publish a calibrated camera_info"
        )
        return left

    def _tell_of_distortion(self, arrival: Arrival) -> None:
        if arrival.camera is None or not any(arrival.camera.d):
            return
        undone = self._view(self.settings).undo_distortion
        self._tell_once(
            "camera_info has distortion coefficients: "
            + (
                "images are rectified here; where they are so already, set rectification to assume_rectified"
                if undone
                else "images are taken as rectified; where they are not, set rectification to rectify, or remap "
                "~/input/image to the rectified topic (image_rect of image_proc)"
            )
        )

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._complain(self.settings.told(text))

    def _view(self, settings: CameraSettings) -> View:
        auto = RECT not in self.topic.removesuffix("/compressed").rsplit("/", 1)[-1]
        undo = {"rectify": True, "assume_rectified": False, "refuse": None, "auto": auto}[settings.rectification]
        return View(undo, settings.crop_px, settings.resize_width_px)

    def _ros_time_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)
