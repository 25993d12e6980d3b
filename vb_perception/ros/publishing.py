"""The publishers of one camera: what each carries can change while the node runs; who listens; the latched rows."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher

from vb_perception.errors import ConfigError
from vb_perception.msg import ModelInfo
from vb_perception.ros.audit import label_types
from vb_perception.ros.outputs import Output, OutputOptions, Wanted, outputs_of
from vb_perception.ros.qos import PublisherEventCallbacks, QosTrouble, clash, incompatible_output, qos_profile
from vb_perception.ros.settings import CameraSettings
from vb_perception.tasks import MetricDepth, SurfaceNormals, Task

MODEL_INFO = "model_info"
LATCHED = "transient_local:1"

Key = tuple[str, str, str]  # topic, type, quality of service


@dataclass(frozen=True, slots=True)
class Plan:
    """What a camera is to publish: a value, so that it can be checked before anything is changed."""

    tasks: tuple[Task, ...]
    outputs: tuple[Output, ...]
    qos: tuple[str, ...]
    labels: tuple[tuple[str, Task], ...]


def labels_topic(task: Task) -> str:
    """Where the names of a mask's ids are latched."""
    return f"{task.name}/label_info"


def plan_of(settings: CameraSettings, options: OutputOptions) -> Plan:
    """The outputs of a camera with their QoS.

    Raises:
        ConfigError: outputs that the tasks cannot fill, or QoS for a topic that there is not.
    """
    outputs = outputs_of(settings.tasks, options)
    topics = [output.topic for output in outputs]
    for topic in settings.qos:
        if topic not in topics:
            near = get_close_matches(topic, topics, 1, 0.0)[0]
            msg = f"parameter qos names the output {topic!r}: there is none; the nearest is {near!r}"
            raise ConfigError(msg)
    qos = tuple(settings.qos.get(topic, settings.output_qos) for topic in topics)
    with_ids = [task for task in settings.tasks if not isinstance(task, MetricDepth | SurfaceNormals)]
    return Plan(settings.tasks, outputs, qos, tuple((labels_topic(task), task) for task in with_ids))


class OutputPublishers:
    """Publishers for a plan.  `adopt` and `destroy` belong to the executor's thread."""

    def __init__(self, node: Node, prefix: str, qos_trouble: QosTrouble) -> None:
        """`prefix`: "~/output" or "~/<camera>/output"."""
        self._node, self._prefix, self._qos_trouble = node, prefix, qos_trouble
        self._open: dict[Key, Publisher] = {}
        self._rows: list[tuple[Output, Publisher]] = []
        self.latched: dict[str, Publisher] = {}

    def adopt(self, plan: Plan) -> None:
        """Carry out a plan: publishers that stay as they are stay open."""
        before, self._open = self._open, {}
        self._rows = [
            (output, self._publisher(output.kind, output.topic, qos, before))
            for output, qos in zip(plan.outputs, plan.qos, strict=True)
        ]
        label_info, _ = label_types()
        rows = [(MODEL_INFO, ModelInfo), *((topic, label_info) for topic, _ in plan.labels)]
        self.latched = {topic: self._publisher(kind, topic, LATCHED, before) for topic, kind in rows}
        for publisher in before.values():
            self._node.destroy_publisher(publisher)

    def wanted(self, tasks_off: Collection[str] = ()) -> Wanted:
        """The outputs with at least one listener, but those that need one of the tasks that are off."""
        return [
            (output, publisher)
            for output, publisher in self._rows
            if publisher.get_subscription_count() > 0 and not any(task.name in tasks_off for task in output.tasks)
        ]

    def stopped(self, tasks_off: Collection[str]) -> list[tuple[str, str]]:
        """The topics with a listener that need a task that is off, each with that task."""
        return [
            (publisher.topic_name, task.name)
            for output, publisher in self._rows
            for task in output.tasks
            if task.name in tasks_off and publisher.get_subscription_count() > 0
        ]

    def still_open(self, wanted: Wanted) -> Wanted:
        """Those of the rows whose publishers were not taken back since."""
        publishers = {id(publisher) for publisher in self._open.values()}
        return [row for row in wanted if id(row[1]) in publishers]

    def destroy(self) -> None:
        """Take the topics back."""
        for publisher in self._open.values():
            self._node.destroy_publisher(publisher)
        self._open.clear()
        self._rows.clear()
        self.latched.clear()

    def topics(self) -> Sequence[str]:
        """Full names of all topics."""
        return [publisher.topic_name for publisher in self._open.values()]

    def _publisher(self, kind: type[Any], topic: str, qos: str, before: dict[Key, Publisher]) -> Publisher:
        key = (topic, kind.__name__, qos)
        publisher = before.pop(key, None)
        if publisher is None:
            name = f"{self._prefix}/{topic}"
            events = PublisherEventCallbacks(incompatible_qos=self._teller(self._node.resolve_topic_name(name), qos))
            publisher = self._node.create_publisher(kind, name, qos_profile(qos), event_callbacks=events)
        self._open[key] = publisher
        return publisher

    def _teller(self, topic: str, qos: str) -> Callable[[Any], None]:
        profile = qos_profile(qos)

        def lasts() -> bool:
            asking = self._node.get_subscriptions_info_by_topic(topic)
            return any(clash(profile, asked.qos_profile) for asked in asking)

        return lambda event: self._qos_trouble(incompatible_output(topic, qos, event), lasts)
