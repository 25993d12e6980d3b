"""Collects the node's troubles and publishes LatencyStats and /diagnostics."""

import time
from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.duration import Duration
from rclpy.node import Node

from vb_perception.msg import LatencyStats
from vb_perception.ros.camera_input import CameraInput
from vb_perception.ros.qos import qos_profile
from vb_perception.ros.status import Health, diagnostics_message, latency_message
from vb_perception.ros.worker import InferenceWorker
from vb_perception.timing import FrameLedger, LatencySummary

LOG_PERIOD_S = 5.0
COMPLAINT_KEPT_S = 5.0
NS_PER_S = 1_000_000_000


class Reporter:
    """`complain` may be called from any thread; the rest belongs to the executor's."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._latency = node.create_publisher(LatencyStats, "~/output/latency", qos_profile("reliable"))
        self._diagnostics = node.create_publisher(DiagnosticArray, "/diagnostics", qos_profile("reliable"))
        self._complaint = ("", 0)
        self._qos_complaint = ""
        self.failure = ""

    def complain(self, text: str) -> None:
        """A frame's trouble: into the log at most every few seconds, and into the diagnostics for as long."""
        self._complaint = (text, time.monotonic_ns())
        self._node.get_logger().warning(text, throttle_duration_sec=LOG_PERIOD_S)

    def qos_trouble(self, text: str) -> None:
        """Two ends that cannot match: into the log, and into the diagnostics until the next transition."""
        if text != self._qos_complaint:
            self._node.get_logger().warning(text)
        self._qos_complaint = text

    def clear(self) -> None:
        """Forget all troubles: the node starts afresh."""
        self._complaint, self._qos_complaint, self.failure = ("", 0), "", ""

    def publish(self, state: str, backend: str, camera: CameraInput | None, worker: InferenceWorker | None) -> None:
        """Publish diagnostics, and LatencyStats if there is a camera."""
        now = self._node.get_clock().now().to_msg()
        stages: Mapping[str, LatencySummary]
        if worker is None:
            ledger, stages = FrameLedger(), {}
        else:
            ledger, stages = worker.snapshot()
        if camera is not None:
            self._latency.publish(latency_message(now, camera.topic, backend, ledger, stages))
        health = self._health(state, camera, worker)
        name = self._node.get_fully_qualified_name().lstrip("/")
        self._diagnostics.publish(diagnostics_message(now, name, health, backend, ledger, stages))

    def flush(self) -> None:
        """Give reliable listeners the time to take the last report."""
        for publisher in (self._latency, self._diagnostics):
            publisher.wait_for_all_acked(Duration(seconds=1))

    def _health(self, state: str, camera: CameraInput | None, worker: InferenceWorker | None) -> Health:
        now_ns = time.monotonic_ns()
        text, at_ns = self._complaint
        listened = camera is not None and camera.listening
        silent_ns = 0
        if camera is not None and worker is not None and listened:
            silent_ns = now_ns - max(camera.listening_since_ns, worker.last_published_ns)
        return Health(
            state=state,
            failure=self.failure,
            listened=listened,
            silent_s=silent_ns / NS_PER_S,
            image_topic=camera.topic if camera is not None else self._node.resolve_topic_name("~/input/image"),
            image_publishers=camera.publishers() if camera is not None else 0,
            complaint=text if now_ns - at_ns < COMPLAINT_KEPT_S * NS_PER_S else "",
            qos_complaint=self._qos_complaint,
        )
