"""One camera from its slot to its topics: what it is asked, and what became of its images."""

import threading
import time
from collections.abc import Callable

from rclpy.node import Node

from vb_perception.pipeline import PerceptionPipeline
from vb_perception.rectification import needs_rectifying
from vb_perception.ros.answers import Answered, Asked, CameraAnswers
from vb_perception.ros.audit import Maker
from vb_perception.ros.camera_input import image_topic, info_topic
from vb_perception.ros.cloud_frames import ToCloudFrame
from vb_perception.ros.inputs import Arrival, frame_from_arrival, stamp_ns
from vb_perception.ros.outputs import OutputOptions
from vb_perception.ros.publishing import Plan, plan_of
from vb_perception.ros.qos import QosTrouble
from vb_perception.ros.settings import CameraSettings
from vb_perception.ros.stream_account import StreamAccount, refuse, refusing
from vb_perception.ros.stream_troubles import Notice, StreamTroubles
from vb_perception.ros.turn import Turn, is_due
from vb_perception.ros.viewport import Viewport, view_of
from vb_perception.scheduler import FrameScheduler, RateLimit
from vb_perception.tasks import Task


class CameraStream:
    """What one camera is asked and what became of its images.

    `ask` and `answer` belong to the worker's two threads, the rest to the executor's.  Plan, settings and rates are
    shared under a lock; the account and the answers have locks of their own.
    """

    def __init__(
        self,
        node: Node,
        settings: CameraSettings,
        window: int,
        complain: Callable[[str], None],
        notify: Callable[[Notice], None],
        qos_trouble: QosTrouble,
    ) -> None:
        self.settings, self._node = settings, node
        self.topic, self.info_topic = image_topic(node, settings), info_topic(node, settings)
        self._lock = threading.Lock()
        self.account = StreamAccount(window)
        self._troubles = StreamTroubles(settings, complain, notify)
        self._slots: FrameScheduler[Arrival] = FrameScheduler([settings.name])
        self._rate = RateLimit(settings.max_rate_hz)
        self._to_cloud_frame = ToCloudFrame(node, settings.cloud_frame)
        self._viewport = Viewport(view_of(settings, self.topic))
        self._plan = self.plan(settings)
        self._answers = CameraAnswers(node, settings, self.topic, qos_trouble)
        self._answers.adopt(self._plan)
        self._off: set[str] = set()
        self._frames = 0
        self.untaught = ""
        """Which of its phrases the generator was never taught, in a sentence; `Equipment` asks."""
        self.served_ns = 0
        """When an image was last published, or skipped as asked while none was in work (monotonic)."""

    @property
    def last(self) -> Answered | None:
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
            self._viewport = Viewport(view_of(settings, self.topic))
            self.settings = settings

    def enable(self, task: str, *, on: bool) -> list[str]:
        """Switch a task on or off; the outputs that need it, none if the camera has no such task."""
        if task not in {each.name for each in self.tasks}:
            return []
        with self._lock:
            (self._off.discard if on else self._off.add)(task)
            return [output.topic for output in self._plan.outputs if task in {each.name for each in output.tasks}]

    @property
    def stopped(self) -> list[tuple[str, str]]:
        """The topics that somebody listens to in vain, for a task is switched off, and which."""
        with self._lock:
            return self._answers.stopped(self._off)

    @property
    def wanted(self) -> bool:
        """Whether anybody waits for an answer."""
        with self._lock:
            listened = not self.settings.trigger_only and bool(self._answers.wanted(self._off))
        return listened or self.account.awaited

    # --- what the camera sends -----------------------------------------------------------------------------------

    def start(self, slots: FrameScheduler[Arrival], maker: Maker) -> None:
        """Take images into these slots from now on; `maker` will compute the answers."""
        self._slots = slots
        self._answers.start(maker)

    def receive(self) -> None:
        """Count one image message as received."""
        self.account.count("received")

    def reject(self, reason: str) -> None:
        """Count one received image as unusable and say why."""
        self.account.count("rejected")
        refuse(self.account.take_tickets(), reason)
        self._troubles.tell(reason)

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
        self._troubles.tell(reason)

    def destroy(self) -> None:
        """Take the topics back."""
        self._answers.destroy()
        self._to_cloud_frame.close()

    # --- the worker's side ---------------------------------------------------------------------------------------

    def ask(self, arrival: Arrival, pipeline: PerceptionPipeline, maker: Callable[[], Maker]) -> Asked | None:
        """Convert one image and have the engine paint it; None, and counted, if nothing is to be answered.

        `maker` tells, once it is painted, what has painted it.

        Raises:
            FrameError: the image cannot be used; not counted yet.
            EngineError: the engine failed; not counted yet.
        """
        turn = self._take_turn()
        if turn.settings.trigger_only and not turn.tickets:
            self._skip()
            return None
        with refusing(turn.tickets):
            asked = self._ask(arrival, pipeline, maker, turn)
        if asked is None:
            refuse(turn.tickets, "the image is too old, or every task is switched off")
        return asked

    def answer(self, asked: Asked, pipeline: PerceptionPipeline) -> None:
        """Decode what was painted, publish and account; raises FrameError, not counted yet, if it cannot be decoded."""
        with refusing(asked.tickets):
            perception = pipeline.read(asked.painted)
            times = self._answers.publish(perception, asked, self._troubles.tell)
        self.served_ns = time.monotonic_ns()
        self.account.answered(times)
        for ticket in asked.tickets:
            ticket.stamp_ns = perception.frame.stamp_ns

    def _take_turn(self) -> Turn:
        """All under the lock: `adopt` destroys the publishers that are asked here for their listeners."""
        with self._lock:
            settings, tickets = self.settings, self.account.take_tickets()
            listened = self._answers.wanted(self._off)
            wanted = [row for row in listened if tickets or is_due(row[0], settings.every, self._frames)]
            self._frames += 1
            return Turn(self._plan, settings, self._viewport, set(self._off), wanted, bool(listened), tickets)

    def _ask(
        self, arrival: Arrival, pipeline: PerceptionPipeline, maker: Callable[[], Maker], turn: Turn
    ) -> Asked | None:
        wanted, asked = turn.wanted, bool(turn.tickets)
        if not (wanted or asked):
            if turn.listened:
                self._skip()
            else:
                self.give_up(1)
            return None
        if self._is_aged(arrival, turn.settings.max_age_ns):
            return None
        frame = frame_from_arrival(arrival, turn.viewport)
        if frame.intrinsics is None:
            wanted = self._troubles.without_calibration(wanted, asked=asked)
        elif arrival.camera is not None and needs_rectifying(arrival.camera):
            self._troubles.tell_of_distortion(undone=view_of(turn.settings, self.topic).undo_distortion)
        tasks = turn.tasks(wanted)
        if not tasks:
            self._skip()
            return None
        ready_ns = time.monotonic_ns()
        painted = pipeline.paint(frame, tasks)
        return Asked(painted, arrival, ready_ns, turn.plan, wanted, turn.tickets, maker())

    def _is_aged(self, arrival: Arrival, limit_ns: int) -> bool:
        age_ns = int(self._node.get_clock().now().nanoseconds) - stamp_ns(arrival.image)
        if not 0 < limit_ns < age_ns:
            return False
        self.account.count("aged")
        self._troubles.tell_of_age(age_ns, limit_ns)
        return True
