"""What rclpy and the middleware alone take to publish what the node publishes of a VGA frame; prints JSON.

A bare node answers every camera image with five messages that were filled beforehand, as large as in node.py, to the
same listeners: the least that any node written in Python can take.

Usage: python benchmarks/node_floor.py [--frames 300] [--rate-hz 15]
"""

import argparse
import array
import statistics
import time

import rclpy
from node import OUTPUTS
from node_bench import report, settle, spin_with_peer
from node_peer import KINDS
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image

from vb_perception.ros.allocator import keep_large_blocks
from vb_perception.ros.qos import qos_profile

PIXELS = 640 * 480
BYTES_PER_PIXEL = {
    "depth/image_rect": 4,
    "normals/image": 12,
    "segmentation/mask": 1,
    "segmentation/confidence": 1,
    "points": 20,
}


class Bare(Node):
    """Publishes what was filled once, and times each publication."""

    def __init__(self) -> None:
        super().__init__("perception_node")
        self.took_ms: dict[str, list[float]] = {topic: [] for topic in OUTPUTS}
        self._rows = []
        for topic in OUTPUTS:
            kind = KINDS.get(topic.rsplit("/", 1)[-1], Image)
            message = kind()
            message.data = array.array("B", bytes(PIXELS * BYTES_PER_PIXEL[topic]))
            publisher = self.create_publisher(kind, f"~/output/{topic}", qos_profile("reliable"))
            self._rows.append((topic, publisher, message))
        self.create_subscription(Image, "~/input/image", self._answer, qos_profile("sensor_data"))

    def _answer(self, image: Image) -> None:
        for topic, publisher, message in self._rows:
            message.header = image.header
            begun = time.perf_counter()
            publisher.publish(message)
            self.took_ms[topic].append(1000 * (time.perf_counter() - begun))


def main() -> None:
    """Run the bare node here and the rest in another process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rate-hz", type=float, default=15.0)
    options = parser.parse_args()
    settle()
    keep_large_blocks()
    rclpy.init()
    node, executor = Bare(), SingleThreadedExecutor()
    executor.add_node(node)
    peer = spin_with_peer(executor, ["--frames", options.frames, "--rate-hz", options.rate_hz, "--outputs", *OUTPUTS])
    each = {topic: round(statistics.median(values), 2) for topic, values in node.took_ms.items()}
    whole = statistics.median(map(sum, zip(*node.took_ms.values(), strict=True)))
    executor.shutdown()
    node.destroy_node()  # type: ignore[no-untyped-call]
    rclpy.shutdown()
    report("node_floor", {"size": [640, 480], "publish_p50_ms": round(whole, 2), "each_p50_ms": each, "peer": peer})


if __name__ == "__main__":
    main()
