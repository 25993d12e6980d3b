"""Clouds in a frame that TF knows: tf2_ros is no wheel, so a stand-in with its interface plays it here."""

import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.parameter import Parameter
from sensor_msgs.msg import PointCloud2

from tests.ros.bench import START_NS, Bench, image_message


class TransformError(Exception):
    pass


class Buffer:
    """Knows one transform, if it was given one; asked to wait, it does so for as long as the test wants it to."""

    made: "list[Buffer]" = []  # noqa: RUF012 - of the test that installs this module

    def __init__(self) -> None:
        self.known: TransformStamped | None = None
        self.asked: list[tuple[str, str, int]] = []
        self.waits_ns: list[int] = []
        self.patience_s = 0.0
        self.told = threading.Event()
        self.made.append(self)

    def lookup_transform(
        self,
        target: str,
        source: str,
        time: Any,  # noqa: ANN401 - rclpy's
        timeout: Duration = Duration(),  # noqa: B008 - as in tf2_ros
    ) -> TransformStamped:
        self.asked.append((target, source, time.nanoseconds))
        self.waits_ns.append(timeout.nanoseconds)
        if timeout.nanoseconds:
            self.told.wait(self.patience_s)
        if self.known is None:
            msg = "no such frame"
            raise TransformError(msg)
        return self.known

    def clear(self) -> None:
        self.known = None


@pytest.fixture
def buffers(monkeypatch: pytest.MonkeyPatch) -> list[Buffer]:
    module: Any = ModuleType("tf2_ros")
    module.Buffer, module.TransformException = Buffer, TransformError
    module.TransformListener = lambda _buffer, _node: SimpleNamespace(unregister=lambda: None)
    monkeypatch.setitem(sys.modules, "tf2_ros", module)
    monkeypatch.setattr(Buffer, "made", [])
    return Buffer.made


def test_clouds_follow_tf_and_forget_it_when_time_jumps_back(bench: Bench, buffers: list[Buffer]) -> None:
    bench.watch()
    clouds, depth = bench.listen("points", PointCloud2), bench.listen("depth/image_rect")
    bench.add_node(cloud_frame="base", cloud_fields=[""])
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 3, "the outputs and the statistics have their listener")
    (buffer,) = buffers
    first = bench.send()
    bench.spin_until_status(DiagnosticStatus.WARN, "TF cannot tell 'optical' in cloud_frame 'base'")
    bench.spin_until(lambda: len(depth) == 1, "the other outputs go on")
    assert not clouds

    buffer.known = TransformStamped()
    buffer.known.transform.translation.x, buffer.known.transform.rotation.w = 5.0, 1.0
    image = bench.send()
    bench.spin_until(lambda: len(clouds) == 1, "the cloud comes")
    stamp = image.header.stamp
    assert buffer.asked[-1] == ("base", "optical", stamp.sec * 10**9 + stamp.nanosec)
    assert clouds[0].header.frame_id == "base"
    x = np.frombuffer(clouds[0].data, "<f4").reshape(-1, 3)[:, 0]
    assert abs(np.nanmedian(x) - 5) < 0.1
    assert first.header.stamp != stamp

    bench.send(image_message(START_NS - 5 * 10**9))
    bench.spin_until(lambda: len(depth) == 3, "the image of the new run is answered")
    assert buffer.known is None
    assert len(clouds) == 1


def test_a_transform_that_comes_after_the_answer_is_waited_for(bench: Bench, buffers: list[Buffer]) -> None:
    bench.watch()
    clouds, depth = bench.listen("points", PointCloud2), bench.listen("depth/image_rect")
    node = bench.add_node(cloud_frame="base")
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 3, "the outputs and the statistics have their listener")
    (buffer,) = buffers
    buffer.patience_s = 20.0
    bench.send()
    bench.spin_until(
        lambda: bool(buffer.asked) and bool(depth), "TF is asked, and the other outputs do not wait for it"
    )
    (answer,) = node.set_parameters([Parameter("depth_encoding", value="16UC1")])  # the executor, which receives TF
    assert answer.successful, answer.reason
    buffer.known = TransformStamped()
    buffer.known.transform.rotation.w = 1.0
    buffer.told.set()
    bench.spin_until(lambda: bool(clouds), "the cloud comes")


def test_the_clouds_of_one_frame_wait_once_for_a_transform_that_never_comes(
    bench: Bench, buffers: list[Buffer]
) -> None:
    bench.watch()
    bench.listen("points", PointCloud2)
    bench.listen("obstacles", PointCloud2)
    bench.add_node(cloud_frame="base")
    bench.connect()
    bench.spin_until(lambda: bench.heard_outputs() == 3, "the outputs and the statistics have their listener")
    for count in (1, 2):
        bench.send()
        bench.spin_until(bench.processed(count), "the image is processed")
    assert buffers[0].waits_ns == [100_000_000, 0, 100_000_000, 0]
