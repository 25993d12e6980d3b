"""`bag_player`: plays the camera of a bag, and what the bag knows as truth, over DDS.

Serialised messages are published as they were recorded.  With --restamp the header's stamp becomes the time of playing;
messages that shared a stamp share the new one, so that a recording of the answers can be scored against the truth.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.utilities import remove_ros_args

from vb_perception.errors import BagError
from vb_perception.evaluation.bags import bag_topics, read_messages
from vb_perception.evaluation.camera_topics import CameraTopics, find_camera
from vb_perception.evaluation.message_types import restamped, stamp_of_cdr
from vb_perception.ros.message_class import has_header, message_class
from vb_perception.ros.qos import qos_profile
from vb_perception.ros.stopping import ros_context

TRUTH = "/truth/"
NS_PER_S = 1_000_000_000
POLL_S = 0.05
SETTLE_S = 0.5  # a subscriber that we know may not know us yet, and would miss what comes first
ACKNOWLEDGE_S = 5


def played_topics(path: Path, camera: CameraTopics, more: Sequence[str]) -> list[str]:
    """The camera's topics, the truth, and those asked for; raises BagError if one is not in the bag."""
    there = bag_topics(path)
    missing = [topic for topic in more if topic not in there]
    if missing:
        msg = f"bag {path} has no topic {', '.join(missing)}; it has: {', '.join(there)}"
        raise BagError(msg)
    wanted = [camera.camera_info, camera.image, *(topic for topic in there if topic.startswith(TRUTH)), *more]
    return list(dict.fromkeys(wanted))


class BagPlayer:
    """Publishers for the topics of a bag, and the loop that feeds them in the bag's time."""

    def __init__(self, node: Node, path: Path, camera: CameraTopics, topics: Sequence[str], *, restamp: bool) -> None:
        self._node, self._path, self._camera, self._restamp = node, path, camera, restamp
        self._publishers: dict[str, Publisher] = {}
        self._stamped: set[str] = set()
        self.counts: Counter[str] = Counter()
        there = bag_topics(path)
        for topic in topics:
            kind = message_class(there[topic].msgtype)
            qos = qos_profile("transient_local", 1) if there[topic].latched else qos_profile("reliable", 10)
            self._publishers[topic] = node.create_publisher(kind, topic, qos)
            if has_header(kind):
                self._stamped.add(topic)

    def wait_for(self, nodes: Sequence[str], timeout_s: float, stop: Event) -> None:
        """Wait until each named node (else anybody) subscribes to the image; raises BagError when time is up."""
        until = time.monotonic() + timeout_s
        while not stop.is_set():
            there = {info.node_name for info in self._node.get_subscriptions_info_by_topic(self._camera.image)}
            missing = [name for name in nodes if name not in there]
            if there and not missing:
                stop.wait(SETTLE_S)
                return
            if time.monotonic() > until:
                compressed = ", its image_transport is compressed" if self._camera.is_compressed else ""
                msg = (
                    f"waited {timeout_s:g} s in vain for {' and '.join(missing) or 'anybody'} to subscribe to "
                    f"{self._camera.image}: perception_node does so when it is active, its ~/input/image is remapped "
                    f"to {self._camera.node_image}{compressed}, and somebody listens to one of its outputs"
                )
                raise BagError(msg)
            time.sleep(POLL_S)

    def play(self, rate: float, stop: Event) -> None:
        """Publish every message once, at its time, until done or stopped."""
        new_stamps: dict[int, int] = {}
        started_ns, first_ns = time.monotonic_ns(), None
        for topic, _, t_ns, cdr in read_messages(self._path, list(self._publishers)):
            first_ns = t_ns if first_ns is None else first_ns
            due_ns = started_ns + (t_ns - first_ns) / rate
            if stop.wait(max(0.0, (due_ns - time.monotonic_ns()) / NS_PER_S)):
                return
            out = cdr
            if self._restamp and topic in self._stamped:
                out = restamped(cdr, new_stamps.setdefault(stamp_of_cdr(cdr), time.time_ns()))
            self._publishers[topic].publish(out)
            self.counts[topic] += 1

    def finish(self) -> None:
        """Wait until reliable subscribers have everything."""
        for publisher in self._publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=ACKNOWLEDGE_S))


def main(args: list[str] | None = None) -> int:
    """Play a bag; 1 and a message on stderr if that is not possible."""
    argv = sys.argv if args is None else ["bag_player", *args]
    options = _parser().parse_args(remove_ros_args(argv)[1:])
    try:
        camera = find_camera(options.bag, options.image, options.camera_info)
        topics = played_topics(options.bag, camera, options.topics)
        with ros_context(argv[1:]) as stop:
            node = rclpy.create_node("bag_player")
            player = BagPlayer(node, options.bag, camera, topics, restamp=options.restamp)
            player.wait_for(options.wait_for, options.timeout_s, stop)
            player.play(options.rate, stop)
            while options.loop and not stop.is_set():
                player.play(options.rate, stop)
            player.finish()
            node.destroy_node()
    except (BagError, OSError) as error:
        sys.stderr.write(f"bag_player: {error}\n")
        return 1
    for topic in topics:
        sys.stdout.write(f"bag_player: {player.counts[topic]} messages on {topic}\n")
    return 0


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        msg = f"{text}: expected a number above zero"
        raise argparse.ArgumentTypeError(msg)
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bag_player", description="Play the camera of a bag, and its truth, over DDS."
    )
    parser.add_argument("bag", type=Path, help="an .mcap or .db3 file or a rosbag2 folder")
    parser.add_argument("--image-topic", "--image", dest="image", help="image topic; found by type if left out")
    parser.add_argument("--camera-info", help="camera_info topic; the one beside the image if left out")
    parser.add_argument("--topics", nargs="+", default=[], help=f"more topics to play; those below {TRUTH} always are")
    parser.add_argument("--rate", type=_positive, default=1.0, help="how much faster than recorded")
    parser.add_argument("--loop", action="store_true", help="start again at the end, until stopped")
    parser.add_argument("--restamp", action="store_true", help="stamp messages with the time of playing")
    parser.add_argument(
        "--wait-for", action="append", default=[], metavar="NODE", help="wait until this node subscribes to the image"
    )
    parser.add_argument("--timeout-s", type=_positive, default=30.0, help="how long to wait for subscribers")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
