"""Several cameras on one engine: topics and settings of their own, a fair share each, faults kept apart."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, Image
from vb_perception.msg import LatencyStats

from tests.ros.bench import NS_PER_S, Bench, balances, image_message, info_message
from vb_perception.ros.qos import qos_profile

NAMES = ("front", "wrist")


class Rig:
    """Two cameras of the bench's node, and what is heard of each."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.images: dict[str, Publisher] = {}
        self.infos: dict[str, Publisher] = {}
        self.depth: dict[str, list[Image]] = {}
        self.stats: dict[str, list[LatencyStats]] = {}
        for name in NAMES:
            base = f"/perception_node/{name}"
            self.images[name] = bench.helper.create_publisher(Image, f"{base}/input/image", qos_profile("reliable"))
            self.infos[name] = bench.helper.create_publisher(
                CameraInfo, f"{base}/input/camera_info", qos_profile("reliable")
            )
            self.depth[name] = bench.listen(f"{base}/output/depth/image_rect")
            self.stats[name] = bench.listen(f"{base}/output/latency", LatencyStats)
        bench.listen("/diagnostics", DiagnosticArray)

    def connect(self) -> None:
        publishers = [*self.images.values(), *self.infos.values()]
        self.bench.spin_until(
            lambda: all(p.get_subscription_count() > 0 for p in publishers), "the node takes both cameras"
        )

    def send(self, name: str, spoil: Callable[[Image], None] | None = None) -> Image:
        image = image_message(self.bench.next_stamp(), frame_id=f"{name}_optical")
        if spoil is not None:
            spoil(image)
        self.infos[name].publish(info_message(image.header.stamp.sec * NS_PER_S + image.header.stamp.nanosec))
        self.images[name].publish(image)
        return image

    def ledger(self, name: str) -> LatencyStats:
        return self.stats[name][-1] if self.stats[name] else LatencyStats()


@pytest.fixture
def rig(bench: Bench) -> Rig:
    return Rig(bench)


def test_each_camera_is_answered_on_its_own_topics(rig: Rig) -> None:
    own: dict[str, Any] = {"wrist.tasks": ["depth"]}
    rig.bench.add_node(cameras=list(NAMES), **own)
    rig.connect()
    for name in NAMES:
        sent = rig.send(name)
        rig.bench.spin_until(lambda name=name: bool(rig.depth[name]), "depth comes")  # type: ignore[misc]
        assert rig.depth[name][0].header == sent.header
    topics = {name for name, _ in rig.bench.helper.get_topic_names_and_types()}
    assert "/perception_node/front/output/normals/image" in topics
    assert "/perception_node/wrist/output/normals/image" not in topics
    assert not [topic for topic in topics if topic.startswith("/perception_node/output")]


def test_faults_of_one_camera_do_not_touch_the_other(rig: Rig) -> None:
    def spoil(image: Image) -> None:
        image.encoding = "rgb42"

    rig.bench.add_node(cameras=list(NAMES))
    rig.connect()
    for count in (1, 2, 3, 4):
        rig.send("wrist", spoil)
        rig.send("front")
        rig.bench.spin_until(lambda count=count: len(rig.depth["front"]) == count, "the good camera is answered")  # type: ignore[misc]
        rig.bench.spin_until(lambda count=count: rig.ledger("wrist").rejected == count, "the bad one is counted")  # type: ignore[misc]
    rig.bench.spin_until(lambda: rig.ledger("front").processed == 4, "the ledger is told")
    assert not rig.depth["wrist"]
    assert rig.ledger("front").rejected == 0
    assert balances(rig.ledger("wrist"))
    rig.bench.spin_until_status(DiagnosticStatus.WARN, "wrist: ")
    statuses = {row.name: row for row in rig.bench.heard["/diagnostics"][-1].status}
    assert statuses["perception_node: front/camera_status"].message == "ok"
    assert statuses["perception_node: wrist/camera_status"].message.startswith("rejected: wrist: unsupported")


def test_the_trouble_of_one_camera_does_not_silence_the_others(rig: Rig, capfd: pytest.CaptureFixture[str]) -> None:
    rig.bench.add_node(cameras=list(NAMES), backend="fake:fail_every=4")  # the warm-up takes three
    rig.connect()

    def spoil(image: Image) -> None:
        image.encoding = "rgb42"

    rig.send("front")
    rig.bench.spin_until(lambda: rig.ledger("front").failed == 1, "inference fails")
    rig.send("wrist", spoil)
    rig.bench.spin_until(lambda: rig.ledger("wrist").rejected == 1, "an image is rejected")
    told = capfd.readouterr().err
    assert "front: inference failed" in told
    assert "wrist: unsupported image encoding" in told


def test_overload_is_shared_fairly(rig: Rig) -> None:
    """Images come five times faster than the engine answers."""
    rig.bench.add_node(cameras=list(NAMES), backend="fake:latency_ms=40")
    rig.connect()
    until = time.monotonic() + 4
    while time.monotonic() < until:
        for name in NAMES:
            rig.send(name)
        rig.bench.spin_for(0.01)
    rig.bench.spin_until(lambda: all(rig.ledger(name).waiting == 0 for name in NAMES), "all is answered or counted")
    answered = [rig.ledger(name).processed for name in NAMES]
    assert min(answered) > max(answered) / 2  # exact turns are the scheduler's own test: messages come as they may
    assert all(balances(rig.ledger(name)) and rig.ledger(name).overwritten > 0 for name in NAMES)


def test_a_rate_limit_holds_for_its_camera_alone(rig: Rig) -> None:
    own: dict[str, Any] = {"wrist.max_rate_hz": 5.0}
    rig.bench.add_node(cameras=list(NAMES), **own)
    rig.connect()
    for count in range(1, 9):
        for name in NAMES:
            rig.send(name)
        rig.bench.spin_until(lambda count=count: rig.ledger("front").processed == count, "answered")  # type: ignore[misc]
    rig.bench.spin_until(lambda: rig.ledger("wrist").received == 8 and rig.ledger("wrist").waiting == 0, "counted")
    wrist = rig.ledger("wrist")
    assert (wrist.processed, wrist.skipped) == (8, 0)  # 200 ms between two images of one camera: 5 Hz exactly
    assert rig.ledger("front").skipped == 0


def test_the_nodes_value_is_only_a_default_for_cameras(rig: Rig) -> None:
    node = rig.bench.add_node(cameras=list(NAMES))
    (answer,) = node.set_parameters([Parameter("max_age_s", value=1.0)])
    assert not answer.successful
    assert "set front.max_age_s, wrist.max_age_s" in answer.reason
    (answer,) = node.set_parameters([Parameter("front.max_age_s", value=1.0)])
    assert answer.successful
