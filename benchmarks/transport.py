"""What of large messages arrives between two processes, with Fast DDS's defaults and with config/fastdds_shm.xml.

For images and clouds, best effort and reliable: messages lost, and latency from publish to callback.  Each round runs
all cases, default and profile one after the other, each in two fresh processes, whose first messages are counted apart.
Prints JSON.  Goal: with the profile nothing is lost, and nothing takes longer.

Usage: python benchmarks/transport.py [--rounds 3] [--messages 90] [--rate-hz 30] [--profile FILE]
           [--kinds "vga image"]
"""

import argparse
import array
import json
import os
import select
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import rclpy
from circumstances import circumstances
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image

from vb_perception.ros.qos import DEPTH, qos_profile

PROFILE = Path(__file__).resolve().parents[1] / "config/fastdds_shm.xml"
BYTES = {
    "vga image": 640 * 480 * 3,
    "1080p image": 1920 * 1080 * 3,
    "vga cloud": 640 * 480 * 20,
    "1080p cloud": 1920 * 1080 * 20,
}
BYTES_PER_S = 200_000_000
"""More than a 1080p image or a VGA cloud at 30 Hz; larger messages come less often."""
TOPIC = "/benchmark/transport"
NS_PER_S = 1_000_000_000
WARM_UP = 15
PATIENCE_S = 60.0


def listen(qos: str) -> None:
    """The other process: until its input ends, then print number and latency of each message that came [ns]."""
    rclpy.init()
    node = Node("benchmark_listener")
    came: list[tuple[int, int]] = []

    def take(message: Image) -> None:
        sent_ns = message.header.stamp.sec * NS_PER_S + message.header.stamp.nanosec
        came.append((int(message.header.frame_id), time.time_ns() - sent_ns))

    node.create_subscription(Image, TOPIC, take, qos_profile(qos))
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not select.select([sys.stdin], [], [], 0)[0]:
        executor.spin_once(timeout_sec=0.2)
    print(json.dumps(came))
    rclpy.shutdown()


def send(size: int, qos: str, messages: int, rate_hz: float) -> None:
    """The process that publishes."""
    rclpy.init()
    node = Node("benchmark_sender")
    publisher = node.create_publisher(Image, TOPIC, qos_profile(qos))
    message = Image(encoding="mono8", width=size, height=1, step=size)
    message.data = array.array("B", bytes(size))
    until = time.monotonic() + PATIENCE_S
    while publisher.get_subscription_count() == 0:
        if time.monotonic() > until:
            msg = "no listener was discovered"
            raise SystemExit(msg)
        time.sleep(0.05)
    time.sleep(1.0)  # the other side has to know of us too
    started = time.monotonic()
    for i in range(messages):
        time.sleep(max(0.0, started + i / rate_hz - time.monotonic()))
        message.header.frame_id = str(i)
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(time.time_ns(), NS_PER_S)
        publisher.publish(message)
    time.sleep(2.0)
    rclpy.shutdown()


def measure(kind: str, qos: str, profile: Path | None, messages: int, rate_hz: float) -> list[tuple[int, int]]:
    """One case, in two fresh processes: number and latency [ns] of what came."""
    environment = {name: value for name, value in os.environ.items() if "PROFILES_FILE" not in name}
    environment |= {"ROS_DOMAIN_ID": "98", "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    if profile is not None:
        environment |= dict.fromkeys(("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"), str(profile))
    command = [sys.executable, __file__, "--qos", qos]
    sender = [*command, "--messages", str(messages), "--rate-hz", str(rate_hz), "--send", str(BYTES[kind])]
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, "--listen"], env=environment, stdin=pipe, stdout=pipe, text=True) as listener:
        subprocess.run(sender, env=environment, check=True)
        said, _ = listener.communicate(timeout=PATIENCE_S)
    return [(number, latency_ns) for number, latency_ns in json.loads(said)]


def figures(rounds: list[list[tuple[int, int]]], messages: int, period_ms: float) -> dict[str, object]:
    """Lost and late over all rounds.

    A message that waited for nearly as long as the listener's queue lasts tells that the queue was full: what is
    missing before it arrived at a process that did not run in time, and was lost there.
    """
    lost = overrun = lost_first = 0
    ms: list[float] = []
    for came in rounds:
        latency_ms = {number: latency_ns / 1e6 for number, latency_ns in came}
        ms += [latency for number, latency in latency_ms.items() if number >= WARM_UP]
        lost_first += sum(i not in latency_ms for i in range(WARM_UP))
        in_a_row = 0
        for i in range(WARM_UP, WARM_UP + messages):
            if i not in latency_ms:
                in_a_row += 1
                continue
            overrun += in_a_row if latency_ms[i] > (DEPTH - 2) * period_ms else 0
            lost, in_a_row = lost + in_a_row, 0
        lost += in_a_row
    percentiles = {"p50_ms": 50, "p95_ms": 95, "max_ms": 100}
    latency = {name: round(float(np.percentile(ms, q)), 2) if ms else None for name, q in percentiles.items()}
    return {"lost": lost, "of_these_in_a_full_queue": overrun, "lost_of_the_first": lost_first, **latency}


def measure_all(kinds: list[str], profile: Path, rounds: int, messages: int, rate_hz: float) -> list[dict[str, object]]:
    """All cases of these kinds; those to be compared take turns."""
    keys = [(kind, qos, used) for kind in kinds for qos in ("sensor_data", "reliable") for used in (None, profile)]
    rates = {kind: round(min(rate_hz, BYTES_PER_S / BYTES[kind]), 2) for kind in kinds}
    came: dict[tuple[str, str, Path | None], list[list[tuple[int, int]]]] = {key: [] for key in keys}
    for _ in range(rounds):
        for key in keys:
            came[key].append(measure(*key, WARM_UP + messages, rates[key[0]]))
    return [
        {
            "kind": kind,
            "bytes": BYTES[kind],
            "rate_hz": rates[kind],
            "qos": qos,
            "profile": "shared memory" if used else "default",
            "counted": rounds * messages,
            **figures(came[kind, qos, used], messages, 1000 / rates[kind]),
        }
        for kind, qos, used in keys
    ]


def main() -> None:
    """All cases, or one side of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=90)
    parser.add_argument("--rate-hz", type=float, default=30.0)
    parser.add_argument("--profile", type=Path, default=PROFILE)
    parser.add_argument("--kinds", nargs="*", choices=BYTES, default=list(BYTES))
    parser.add_argument("--qos", default="reliable", help=argparse.SUPPRESS)
    parser.add_argument("--listen", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--send", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.listen:
        listen(options.qos)
    elif options.send:
        send(options.send, options.qos, options.messages, options.rate_hz)
    else:
        cases = measure_all(options.kinds, options.profile.resolve(), options.rounds, options.messages, options.rate_hz)
        versions = {package: version(package) for package in ("ros-rclpy", "ros-rmw-fastrtps-cpp", "ros-fastrtps")}
        print(json.dumps({"benchmark": "transport", "cases": cases, "versions": versions, **circumstances()}, indent=1))


if __name__ == "__main__":
    main()
