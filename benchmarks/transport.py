"""What of large messages arrives between two processes, with Fast DDS's defaults and with config/fastdds_shm.xml.

For VGA and 1080p images and a VGA cloud, best effort and reliable: messages lost, and latency from publish to callback.
Prints JSON.

Usage: python benchmarks/transport.py [--messages 90] [--rate-hz 30]
"""

import argparse
import array
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import rclpy
from circumstances import circumstances
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import Image

from vb_perception.ros.qos import qos_profile

PROFILE = Path(__file__).resolve().parents[1] / "config/fastdds_shm.xml"
BYTES = {"vga image": 640 * 480 * 3, "1080p image": 1920 * 1080 * 3, "vga cloud": 640 * 480 * 20}
TOPIC = "/benchmark/transport"
NS_PER_S = 1_000_000_000
PATIENCE_S = 30.0


def listen(qos: str, messages: int) -> None:
    """The other process: print the latency of each message that comes [ns]."""
    rclpy.init()
    node = Node("benchmark_listener")
    latencies: list[int] = []

    def take(message: Image) -> None:
        sent_ns = message.header.stamp.sec * NS_PER_S + message.header.stamp.nanosec
        latencies.append(time.time_ns() - sent_ns)

    node.create_subscription(Image, TOPIC, take, qos_profile(qos))
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    print("ready", flush=True)
    quiet_since = time.monotonic()
    while len(latencies) < messages and time.monotonic() < quiet_since + PATIENCE_S / (3 if latencies else 1):
        before = len(latencies)
        executor.spin_once(timeout_sec=0.2)
        if len(latencies) != before:
            quiet_since = time.monotonic()
    print(json.dumps(latencies), flush=True)
    rclpy.shutdown()


def send(size: int, qos: str, messages: int, rate_hz: float) -> None:
    """The process that publishes."""
    rclpy.init()
    node = Node("benchmark_sender")
    publisher = node.create_publisher(Image, TOPIC, qos_profile(qos))
    message = Image(encoding="mono8", width=size, height=1, step=size)
    message.data = array.array("B", bytes(size))
    until = time.monotonic() + PATIENCE_S
    while publisher.get_subscription_count() == 0 and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1.0)
    started = time.monotonic()
    for i in range(messages):
        time.sleep(max(0.0, started + i / rate_hz - time.monotonic()))
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(time.time_ns(), NS_PER_S)
        publisher.publish(message)
    time.sleep(2.0)
    rclpy.shutdown()


def measure(kind: str, qos: str, profile: bool, messages: int, rate_hz: float) -> dict[str, object]:  # noqa: FBT001
    """One case, in two fresh processes."""
    environment = {name: value for name, value in os.environ.items() if "PROFILES_FILE" not in name}
    environment |= {"ROS_DOMAIN_ID": "98", "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    if profile:
        environment |= dict.fromkeys(("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"), str(PROFILE))
    command = [sys.executable, __file__, "--messages", str(messages), "--rate-hz", str(rate_hz), "--qos", qos]
    with subprocess.Popen([*command, "--listen"], env=environment, stdout=subprocess.PIPE, text=True) as listener:
        subprocess.run([*command, "--send", str(BYTES[kind])], env=environment, check=True)
        lines = (listener.communicate(timeout=120)[0]).splitlines()
    ms = np.array(json.loads(lines[-1]), np.float64) / 1e6
    p50, p95 = np.percentile(ms, (50, 95)) if len(ms) else (float("nan"), float("nan"))
    return {
        "kind": kind,
        "bytes": BYTES[kind],
        "qos": qos,
        "profile": "shared memory" if profile else "default",
        "sent": messages,
        "lost": messages - len(ms),
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
    }


def main() -> None:
    """All cases, or one side of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=90)
    parser.add_argument("--rate-hz", type=float, default=30.0)
    parser.add_argument("--qos", default="reliable", help=argparse.SUPPRESS)
    parser.add_argument("--listen", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--send", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.listen:
        listen(options.qos, options.messages)
    elif options.send:
        send(options.send, options.qos, options.messages, options.rate_hz)
    else:
        cases = [
            measure(kind, qos, profile, options.messages, options.rate_hz)
            for kind in BYTES
            for qos in ("sensor_data", "reliable")
            for profile in (False, True)
        ]
        print(json.dumps({"benchmark": "transport", "cases": cases, **circumstances()}, indent=1))


if __name__ == "__main__":
    main()
