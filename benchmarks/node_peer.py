"""The other side of the node's benchmarks, a process of its own: cameras that publish, and listeners that only count.

Prints what it sent and heard as JSON.  Started by the benchmarks; not meant to be started by hand.
"""

import argparse
import array
import json
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from vb_perception.ros.qos import qos_profile

KINDS = {"camera_info": CameraInfo, "points": PointCloud2, "obstacles": PointCloud2}
NS_PER_S = 1_000_000_000
PATIENCE_S = 60.0


class Peer(Node):
    """One image publisher a camera, one raw subscription an output."""

    def __init__(self, cameras: list[str], outputs: list[str], width: int, height: int) -> None:
        """Make the topics; an empty camera name is the only camera."""
        super().__init__("benchmark_peer")
        self.heard: Counter[str] = Counter()
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        self._image = Image(width=width, height=height, encoding="rgb8", step=3 * width)
        self._image.data = array.array("B", pixels.tobytes())
        focal, cx, cy = float(width), (width - 1) / 2, (height - 1) / 2
        self._info = CameraInfo(width=width, height=height, k=[focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0])
        self.cameras = []
        for camera in cameras:
            base = f"/perception_node/{camera}" if camera else "/perception_node"
            image = self.create_publisher(Image, f"{base}/input/image", qos_profile("reliable"))
            info = self.create_publisher(CameraInfo, f"{base}/input/camera_info", qos_profile("reliable"))
            self.cameras.append((image, info))
            for output in outputs:
                topic = f"{base}/output/{output}"
                kind = KINDS.get(output.rsplit("/", 1)[-1], Image)
                self.create_subscription(kind, topic, self._counter(topic), qos_profile("reliable"), raw=True)

    def send(self) -> None:
        """One image with its camera_info from every camera."""
        stamp = self.get_clock().now().to_msg()
        self._image.header.stamp = self._info.header.stamp = stamp
        self._image.header.frame_id = self._info.header.frame_id = "camera_optical"
        for image, info in self.cameras:
            info.publish(self._info)
            image.publish(self._image)

    def _counter(self, topic: str) -> Callable[[bytes], None]:
        def count(_message: bytes) -> None:
            self.heard[topic] += 1

        return count


def main() -> None:
    """Publish `--frames` images at `--rate-hz` as soon as the node takes them, then wait for what is on its way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", nargs="*", default=[""])
    parser.add_argument("--outputs", nargs="*", default=[])
    parser.add_argument("--size", type=int, nargs=2, default=(640, 480))
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--rate-hz", type=float, required=True)
    options = parser.parse_args()
    rclpy.init()
    peer = Peer(options.cameras or [""], options.outputs, *options.size)
    executor = SingleThreadedExecutor()
    executor.add_node(peer)
    until = time.monotonic() + PATIENCE_S
    while options.outputs and any(image.get_subscription_count() == 0 for image, _ in peer.cameras):
        executor.spin_once(timeout_sec=0.05)
        if time.monotonic() > until:
            parser.error("the node never subscribed to the images")
    _spin(executor, time.monotonic() + 1.0)
    started = time.monotonic()
    for i in range(options.frames):
        _spin(executor, started + i / options.rate_hz)
        peer.send()
    sent_s = time.monotonic() - started
    _spin(executor, time.monotonic() + 2.0)
    print(json.dumps({"sent_each": options.frames, "seconds": round(sent_s, 2), "heard": dict(peer.heard)}))
    executor.shutdown()
    peer.destroy_node()  # type: ignore[no-untyped-call]
    rclpy.shutdown()


def _spin(executor: SingleThreadedExecutor, until: float) -> None:
    executor.spin_once(timeout_sec=0)
    while (left := until - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=left)


if __name__ == "__main__":
    main()
