"""The answers of one camera on their way out: filled, published, announced and remembered."""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import NamedTuple

from builtin_interfaces.msg import Time
from rclpy.node import Node
from std_msgs.msg import Header

from vb_perception.errors import FrameError
from vb_perception.frame import Frame, Perception
from vb_perception.pipeline import Painted
from vb_perception.ros.audit import Maker, label_message, model_message
from vb_perception.ros.inputs import NS_PER_S, Arrival
from vb_perception.ros.outputs import Wanted
from vb_perception.ros.publishing import MODEL_INFO, OutputPublishers, Plan
from vb_perception.ros.qos import QosTrouble
from vb_perception.ros.settings import CameraSettings
from vb_perception.ros.stream_account import Ticket
from vb_perception.tasks import Task
from vb_perception.timing import StageTimes

WHOLE = "processing"


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """An image that the engine has answered, on its way to the topics."""

    painted: Painted
    arrival: Arrival
    ready_ns: int
    plan: Plan
    wanted: Wanted
    tickets: list[Ticket]
    maker: Maker


class Answered(NamedTuple):
    """An answer and the tasks that it answers; the camera may be asked others by now."""

    perception: Perception
    tasks: tuple[Task, ...]


class CameraAnswers:
    """The publishers of a camera and what they said last.

    `publish` belongs to the worker's answer thread, the rest to the executor's.  Publishers are only made and destroyed
    under `lock`, which `publish` holds while it uses them: not while it fills a message, which may wait for a transform
    that the executor's thread has yet to receive.
    """

    def __init__(self, node: Node, settings: CameraSettings, topic: str, qos_trouble: QosTrouble) -> None:
        """`topic`: the camera's image topic, for the audit."""
        self._node, self._topic = node, topic
        self._publishers = OutputPublishers(node, settings.topic("output"), qos_trouble)
        self._plan: Plan | None = None
        self._announced: tuple[Plan, Maker] | None = None
        self.lock = threading.Lock()
        self.last: Answered | None = None

    def adopt(self, plan: Plan) -> None:
        """Carry out a plan; with several threads at work only under `lock`."""
        self._plan = plan
        self._publishers.adopt(plan)

    def start(self, maker: Maker) -> None:
        """Latch what makes the results from the start on."""
        with self.lock:
            self._announce(Time(), maker)

    def wanted(self, tasks_off: Collection[str] = ()) -> Wanted:
        """The outputs with at least one listener, but those that need one of the tasks that are off.

        With several threads at work only under a lock that who calls `adopt` holds: a publisher that was destroyed
        cannot be asked.
        """
        return self._publishers.wanted(tasks_off)

    def stopped(self, tasks_off: Collection[str]) -> list[tuple[str, str]]:
        """The topics with a listener that need one of the tasks that are off, and which; under a lock as `wanted`."""
        return self._publishers.stopped(tasks_off)

    def publish(self, perception: Perception, asked: Asked, complain: Callable[[str], None]) -> StageTimes:
        """Publish what is wanted of one frame; `complain` hears of an output that cannot be filled."""
        start_ns = time.monotonic_ns()
        parts = list(perception.times.parts)
        with self.lock:
            if asked.plan is self._plan:
                self._announce(_time(perception.frame), asked.maker)
            wanted = self._publishers.still_open(asked.wanted)
        for row in wanted:
            begun_ns = time.monotonic_ns()
            try:
                message = row[0].fill(perception)
            except FrameError as error:  # of this output alone, as a cloud without its transform
                complain(str(error))
            else:
                with self.lock:
                    for _, publisher in self._publishers.still_open([row]):
                        publisher.publish(message)
            parts.append(("publish", row[0].topic, time.monotonic_ns() - begun_ns))
        self.last = Answered(perception, asked.painted.tasks)
        published_ns = time.monotonic_ns()
        return replace(
            perception.times,
            receive_ns=asked.ready_ns - asked.arrival.arrived_ns,
            publish_ns=published_ns - start_ns,
            age_ns=int(self._node.get_clock().now().nanoseconds) - perception.frame.stamp_ns,
            parts=(*parts, (WHOLE, "", published_ns - asked.ready_ns)),
        )

    def destroy(self) -> None:
        """Take the topics back."""
        with self.lock:
            self._publishers.destroy()
        self.last = None

    def _announce(self, stamp: Time, maker: Maker) -> None:
        """Latch what makes the results from this stamp on, before the first of them."""
        plan = self._plan
        known_plan, known_maker = self._announced or (None, None)
        if plan is None or (plan is known_plan and maker == known_maker):
            return
        self._announced = plan, maker
        if plan is not known_plan:
            for topic, task in plan.labels:
                self._publishers.latched[topic].publish(label_message(task, Header(stamp=stamp)))
        info = model_message(stamp, self._topic, maker, plan.tasks)
        self._publishers.latched[MODEL_INFO].publish(info)


def _time(frame: Frame) -> Time:
    seconds, nanoseconds = divmod(frame.stamp_ns, NS_PER_S)
    return Time(sec=seconds, nanosec=nanoseconds)
