"""Collects the node's troubles and publishes LatencyStats, its picture and /diagnostics."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image

from vb_perception.frame import Frame
from vb_perception.msg import LatencyStats
from vb_perception.ros.camera_input import CameraInput
from vb_perception.ros.camera_stream import CameraStream
from vb_perception.ros.latency_view import draw_latency
from vb_perception.ros.machine_load import MachineMeter
from vb_perception.ros.messages import image_message
from vb_perception.ros.qos import qos_profile
from vb_perception.ros.settings import CameraSettings
from vb_perception.ros.status import (
    CameraHealth,
    NodeHealth,
    diagnostics_message,
    image_remedy,
    info_remedy,
    latency_message,
)
from vb_perception.ros.stream_troubles import Notice, off_in_words

LOG_PERIOD_S = 5.0
COMPLAINT_KEPT_S = 5.0
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Report:
    """What the node knows of itself when it reports."""

    state: str
    backend: str = ""
    streams: Sequence[CameraStream] = ()
    inputs: Mapping[str, CameraInput] | None = None
    warn_ms: float = 0.0
    error_ms: float = 0.0


@dataclass(slots=True)
class _Troubles:
    complaint: str = ""
    at_ns: int = 0
    logged_ns: int = 0
    notice: Notice | None = None
    notice_at_ns: int = 0
    noticed: set[Notice] = field(default_factory=set)
    qos: str = ""
    qos_at_ns: int = 0
    qos_lasts: Callable[[], bool] = bool


class Reporter:
    """`complain` and `notify` may be called from any thread; the rest belongs to the executor's."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._diagnostics = node.create_publisher(DiagnosticArray, "/diagnostics", qos_profile("reliable"))
        self._latency: dict[str, tuple[Publisher, Publisher]] = {}
        self._troubles: dict[str, _Troubles] = {}
        self._meter = MachineMeter()
        self.failure = ""

    def open(self, cameras: Sequence[CameraSettings]) -> None:
        """Make the latency topics of these cameras; those of others end."""
        wanted = {camera.name: camera.topic("output") for camera in cameras}
        for name in [name for name in self._latency if name not in wanted]:
            for publisher in self._latency.pop(name):
                self._node.destroy_publisher(publisher)
        for name, prefix in wanted.items():
            if name not in self._latency:
                stats = self._node.create_publisher(LatencyStats, f"{prefix}/latency", qos_profile("reliable"))
                view = self._node.create_publisher(Image, f"{prefix}/latency_view", qos_profile("reliable:1"))
                self._latency[name] = (stats, view)

    def complain(self, camera: str, text: str) -> None:
        """A frame's trouble: into the log at most every few seconds, and into the diagnostics for as long."""
        troubles, now_ns = self._of(camera), time.monotonic_ns()
        troubles.complaint, troubles.at_ns = text, now_ns
        if now_ns - troubles.logged_ns > LOG_PERIOD_S * NS_PER_S:  # rclpy's own throttle would be one for all cameras
            troubles.logged_ns = now_ns
            self._node.get_logger().warning(text)

    def notify(self, camera: str, notice: Notice) -> None:
        """What is so with every image: into the log once, and into the diagnostics as long as images have it."""
        troubles = self._of(camera)
        troubles.notice, troubles.notice_at_ns = notice, time.monotonic_ns()
        if notice not in troubles.noticed:
            troubles.noticed.add(notice)
            self._node.get_logger().warning(notice.text)

    def qos_trouble(self, camera: str, text: str, lasts: Callable[[], bool]) -> None:
        """Two ends that cannot match: into the log, and into the diagnostics as long as the other end is there."""
        troubles = self._of(camera)
        if text != troubles.qos:
            self._node.get_logger().warning(text)
        troubles.qos, troubles.qos_at_ns, troubles.qos_lasts = text, time.monotonic_ns(), lasts

    def clear(self) -> None:
        """Forget all troubles: the node starts afresh."""
        self._troubles.clear()
        self.failure = ""

    def publish(self, report: Report) -> None:
        """Publish diagnostics, and LatencyStats of the cameras that are taken from."""
        now = self._node.get_clock().now().to_msg()
        machine = self._meter.read()
        healths = []
        for stream in report.streams:
            name, camera = stream.settings.name, (report.inputs or {}).get(stream.settings.name)
            health = self._health(stream, camera)
            healths.append(health)
            if camera is None or name not in self._latency:
                continue
            stats, view = self._latency[name]
            figures = health.figures
            stats.publish(latency_message(now, name, stream.topic, report.backend, figures, machine))
            if view.get_subscription_count() > 0:
                picture = draw_latency(name or stream.topic, figures.ledger, figures.stages)
                stamp_ns = now.sec * NS_PER_S + now.nanosec
                view.publish(image_message(Frame(picture, stamp_ns, ""), picture, "rgb8"))
        name = self._node.get_fully_qualified_name().lstrip("/")
        node = NodeHealth(name, report.state, self.failure, report.backend, report.warn_ms, report.error_ms)
        self._diagnostics.publish(diagnostics_message(now, node, healths))

    def flush(self) -> None:
        """Give reliable listeners the time to take the last report."""
        for publisher in (self._diagnostics, *(stats for stats, _ in self._latency.values())):
            publisher.wait_for_all_acked(Duration(seconds=1))

    def _of(self, camera: str) -> _Troubles:
        return self._troubles.setdefault(camera, _Troubles())

    def _health(self, stream: CameraStream, camera: CameraInput | None) -> CameraHealth:
        now_ns, kept_ns = time.monotonic_ns(), COMPLAINT_KEPT_S * NS_PER_S
        troubles = self._of(stream.settings.name)
        # The graph may know of the other end a little later than the event.
        if troubles.qos and now_ns - troubles.qos_at_ns > kept_ns and not troubles.qos_lasts():
            troubles.qos = ""
        listened = camera is not None and camera.listening
        silent_ns = 0
        if camera is not None and listened:
            silent_ns = now_ns - max(camera.listening_since_ns, stream.served_ns)
        switched_off = off_in_words(stream.stopped)
        told = "; ".join(filter(None, (stream.untaught, switched_off)))
        return CameraHealth(
            name=stream.settings.name,
            listened=listened,
            switched_off=switched_off,
            silent_s=silent_ns / NS_PER_S,
            image_topic=stream.topic,
            image_remedy=image_remedy(stream.settings),
            image_publishers=camera.publishers() if camera is not None else 0,
            info_topic=camera.info_topic if camera is not None else "",
            info_remedy=info_remedy(stream.settings),
            infos=camera.infos if camera is not None else 0,
            needs_info=stream.settings.require_camera_info,
            complaint=troubles.complaint if now_ns - troubles.at_ns < kept_ns else "",
            notice=_notice(told, troubles.notice if now_ns - troubles.notice_at_ns < kept_ns else None),
            qos_complaint=troubles.qos,
            silence_hint=camera.silence_hint() if camera is not None and silent_ns > NS_PER_S else "",
            figures=stream.account.figures(),
        )


def _notice(told: str, given: Notice | None) -> Notice | None:
    """What is so with every image of a camera: what was `given` with them, and what is `told` of its tasks."""
    if not told:
        return given
    return Notice(told if given is None else f"{told}; {given.text}", worse=True)
