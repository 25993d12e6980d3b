"""A test bench: the node, a camera and listeners in one ROS context, spun by the test's own thread."""

import array
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from numpy.typing import NDArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from typing_extensions import Self
from vb_perception.msg import LatencyStats

from vb_perception.ros.perception_node import PerceptionNode
from vb_perception.ros.qos import qos_profile
from vb_perception.runtime.fake import thing_mask

WIDTH, HEIGHT = 64, 48
FX, FY, CX, CY = 55.0, 56.0, 31.0, 24.0
START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 100_000_000
PATIENCE_S = 60.0  # only a failing test waits so long; a loaded machine starts processes slowly
NS_PER_S = 1_000_000_000
IMAGE_TOPIC, INFO_TOPIC = "/perception_node/input/image", "/perception_node/input/camera_info"


def info_message(stamp_ns: int, width: int = WIDTH, height: int = HEIGHT, frame_id: str = "optical") -> CameraInfo:
    out = CameraInfo(width=width, height=height, k=[FX, 0.0, CX, 0.0, FY, CY, 0.0, 0.0, 1.0])
    out.header.frame_id = frame_id
    out.header.stamp.sec, out.header.stamp.nanosec = divmod(stamp_ns, NS_PER_S)
    return out


def image_message(stamp_ns: int, width: int = WIDTH, height: int = HEIGHT, frame_id: str = "optical") -> Image:
    """A bright thing where the fake engine paints one, and a camera's noise."""
    rgb = np.random.default_rng(stamp_ns % 1000).integers(0, 32, (height, width, 3), np.uint8)
    rgb[thing_mask(height, width)] += 200
    out = Image(width=width, height=height, encoding="rgb8", step=3 * width)
    out.data = array.array("B", rgb.tobytes())
    out.header = info_message(stamp_ns, frame_id=frame_id).header
    return out


def pixels(image: Image, dtype: type, channels: int = 1) -> NDArray[Any]:
    shape = (image.height, image.width, channels) if channels > 1 else (image.height, image.width)
    return np.frombuffer(image.data, dtype).reshape(shape)


class Bench:
    """`add_node`, `listen`, `send`, `spin_until`: everything happens in the test's thread but inference."""

    def __init__(self, domain: int, model: Path) -> None:
        self._model = model
        self.context = Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.helper = Node("helper", context=self.context, start_parameter_services=False)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.helper)
        self.nodes: list[PerceptionNode] = []
        self.heard: dict[str, list[Any]] = {}
        self.sent = 0
        self._next_ns = START_NS
        self.images = self.helper.create_publisher(Image, IMAGE_TOPIC, qos_profile("reliable"))
        self.infos = self.helper.create_publisher(CameraInfo, INFO_TOPIC, qos_profile("reliable"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for node in self.nodes:
            node.close()
            node.destroy_node()
        self.executor.shutdown()
        self.helper.destroy_node()
        rclpy.shutdown(context=self.context)

    def add_node(self, *, start: bool = True, **values: Any) -> PerceptionNode:  # noqa: ANN401 - as parameters are
        """A node with the toy model, the fake engine and quick reports, unless `values` say otherwise."""
        given = {"model": str(self._model), "backend": "fake", "input_qos": "reliable", "stats_rate_hz": 20.0} | values
        overrides = [Parameter(name, value=value) for name, value in given.items()]
        node = PerceptionNode(context=self.context, parameter_overrides=overrides)
        self.nodes.append(node)
        self.executor.add_node(node)
        if start:
            node.autostart()
        return node

    def listen(self, topic: str, kind: type = Image, qos: str = "reliable") -> list[Any]:
        """Collect what comes on a topic, below ~/output/ unless it is absolute."""
        name = topic if topic.startswith("/") else f"/perception_node/output/{topic}"
        heard: list[Any] = []
        self.heard[topic] = heard
        self.helper.create_subscription(kind, name, heard.append, qos_profile(qos, 50))
        return heard

    def call(self, kind: type, name: str, request: Any) -> Any:  # noqa: ANN401 - of the service's own type
        """Call a service of the node and wait for its answer."""
        client = self.helper.create_client(kind, f"/perception_node/{name}")
        self.spin_until(client.service_is_ready, "the service is there")
        future = client.call_async(request)
        self.spin_until(future.done, "the service answers")
        return future.result()

    def watch(self) -> None:
        """Collect LatencyStats and diagnostics."""
        self.listen("latency", LatencyStats)
        self.listen("/diagnostics", DiagnosticArray)

    def spin_until(self, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < until, f"waited in vain until {what}; last status: {self.status()}"
            self.executor.spin_once(timeout_sec=0.02)

    def spin_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.executor.spin_once(timeout_sec=0.02)

    def connect(self) -> None:
        """Wait until the node takes images and camera_infos from us."""
        self.spin_until(
            lambda: self.images.get_subscription_count() > 0 and self.infos.get_subscription_count() > 0,
            "the node subscribes to image and camera_info",
        )

    def settle(self) -> None:
        """Give another process, which we know already, the time to know us: else it misses what comes first."""
        self.spin_for(0.7)

    def heard_outputs(self) -> int:
        """How many outputs of the node have a listener, as the node's side sees it."""
        names = [name for name, _ in self.helper.get_topic_names_and_types() if "/output/" in name]
        publishers = [p for node in self.nodes for p in node.publishers if p.topic_name in names]
        return sum(p.get_subscription_count() > 0 for p in publishers)

    def next_stamp(self) -> int:
        self._next_ns += PERIOD_NS
        return self._next_ns

    def send(self, image: Image | None = None, camera: CameraInfo | None = None) -> Image:
        """Send an image with a camera_info of its stamp."""
        image = image_message(self.next_stamp()) if image is None else image
        stamp_ns = image.header.stamp.sec * NS_PER_S + image.header.stamp.nanosec
        self.infos.publish(info_message(stamp_ns) if camera is None else camera)
        return self.send_alone(image)

    def send_alone(self, image: Image) -> Image:
        """Send an image without camera_info."""
        self.images.publish(image)
        self.sent += 1
        return image

    def compressed_publisher(self) -> Publisher:
        return self.helper.create_publisher(CompressedImage, f"{IMAGE_TOPIC}/compressed", qos_profile("reliable"))

    def ledger(self) -> LatencyStats:
        """The last LatencyStats; zeros before the first."""
        heard = self.heard["latency"]
        return heard[-1] if heard else LatencyStats()

    def received(self, count: int) -> Callable[[], bool]:
        """A condition: so many images were received."""
        return lambda: bool(self.ledger().received == count)

    def processed(self, count: int) -> Callable[[], bool]:
        """A condition: so many images were processed."""
        return lambda: bool(self.ledger().processed == count)

    def status(self) -> DiagnosticStatus:
        """The last status of the node; empty before the first."""
        heard = self.heard.get("/diagnostics", [])
        return heard[-1].status[0] if heard else DiagnosticStatus()

    def spin_until_status(self, level: bytes, part: str) -> None:
        self.spin_until(lambda: self.status().level == level and part in self.status().message, f"{part!r} is reported")


def balances(stats: LatencyStats) -> bool:
    ended = stats.processed + stats.overwritten + stats.rejected + stats.failed + stats.skipped + stats.aged
    return bool(stats.received == ended + stats.waiting)
