"""`topic_recorder`: writes the topics it is given into an .mcap file, serialised as they came, until it is stopped."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rclpy.exceptions import NameValidationException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.utilities import remove_ros_args
from rclpy.validate_topic_name import validate_topic_name

from vb_perception.errors import BagError, ConfigError
from vb_perception.evaluation.bags import BagWriter
from vb_perception.evaluation.message_types import register_type
from vb_perception.ros.message_class import message_class
from vb_perception.ros.qos import qos_profile
from vb_perception.ros.stopping import SPIN_STEP_S, ros_context

DISCOVER_PERIOD_S = 0.1
# What was published before the signal is still on its way: until nothing came for so long, but no longer than the cap.
DRAIN_QUIET_S = 0.5
DRAIN_CAP_S = 5.0
QUEUE = 100  # messages of a burst that are kept while earlier ones are written


class TopicRecorder(Node):
    """Subscribes to each topic as soon as it has a publisher, with the QoS that publisher offers."""

    def __init__(self, topics: Sequence[str], bag: BagWriter) -> None:
        super().__init__("topic_recorder")
        self._bag = bag
        self._missing = list(dict.fromkeys(topics))
        self._taken: list[Subscription] = []
        self.create_timer(DISCOVER_PERIOD_S, self._discover)

    def _discover(self) -> None:
        for topic in list(self._missing):
            offers = self.get_publishers_info_by_topic(topic)
            if not offers:
                continue
            reliable = all(offer.qos_profile.reliability == ReliabilityPolicy.RELIABLE for offer in offers)
            latched = all(offer.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
            name = ("transient_local" if latched else "reliable") if reliable else "sensor_data"
            msgtype = offers[0].topic_type
            register_type(msgtype)  # slow the first time: before messages come
            store = self._store(topic, msgtype, latched=latched)
            qos = qos_profile(name, QUEUE)
            self._taken.append(self.create_subscription(message_class(msgtype), topic, store, qos, raw=True))
            self._missing.remove(topic)

    def _store(self, topic: str, msgtype: str, *, latched: bool) -> Callable[[bytes], None]:
        return lambda cdr: self._bag.write(topic, msgtype, time.time_ns(), cdr, latched=latched)


def main(args: list[str] | None = None) -> int:
    """Record until SIGINT or SIGTERM; prints how many messages came on each topic."""
    argv = sys.argv if args is None else ["topic_recorder", *args]
    options = _parser().parse_args(remove_ros_args(argv)[1:])
    try:
        for topic in options.topics:
            check_name(topic)
        with ros_context(argv[1:]) as stop, BagWriter(options.output) as bag:
            node = TopicRecorder(options.topics, bag)
            executor = SingleThreadedExecutor()
            executor.add_node(node)
            while not stop.is_set():
                executor.spin_once(timeout_sec=SPIN_STEP_S)
            _drain(executor, bag)
            executor.shutdown()
            node.destroy_node()
    except (BagError, ConfigError, OSError) as error:
        sys.stderr.write(f"topic_recorder: {error}\n")
        return 1
    for topic in options.topics:
        sys.stdout.write(f"topic_recorder: {bag.counts.get(topic, 0)} messages on {topic}\n")
    return 0


def check_name(topic: str) -> None:
    """Raises ConfigError if this can be no topic's name."""
    try:
        validate_topic_name(topic)
    except NameValidationException as error:
        why = " ".join(str(error).split())
        msg = f"{topic!r} is no topic's name ({why}): give names as in /camera/image_rect"
        raise ConfigError(msg) from error


def _drain(executor: SingleThreadedExecutor, bag: BagWriter) -> None:
    cap = time.monotonic() + DRAIN_CAP_S
    written, quiet_since = sum(bag.counts.values()), time.monotonic()
    while time.monotonic() < min(cap, quiet_since + DRAIN_QUIET_S):
        executor.spin_once(timeout_sec=DISCOVER_PERIOD_S)
        if written != (written := sum(bag.counts.values())):
            quiet_since = time.monotonic()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="topic_recorder", description="Record topics until SIGINT or SIGTERM.")
    parser.add_argument("output", type=Path, help="the .mcap file to write; it appears, whole, at the end")
    parser.add_argument("topics", nargs="+", help="names of topics; their types are those of their publishers")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
