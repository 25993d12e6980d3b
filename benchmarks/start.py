"""The shipped model in the node's own process: start to first answer with a warm cache, and peak memory; prints JSON.

The node is started as a robot starts it, a camera of 640x480 publishes at 15 Hz beside it, and every output that a
robot takes has a listener.  Goals: 3 s to the first answer of every output, 500 MB of peak memory (VmHWM).

Usage: python benchmarks/start.py [--model DIR] [--backend auto] [--starts 5] [--frames 150]
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import rclpy
from node import OUTPUTS
from node_bench import report
from node_peer import Peer
from rclpy.executors import SingleThreadedExecutor

from vb_perception.demo.environment import ros_environment

RATE_HZ = 15.0
STEP_S = 0.01
PATIENCE_S = 240.0
STOP_S = 30.0
KB_PER_MB = 1000 / 1.024  # of the kernel, which counts in 1024 bytes


def main() -> None:
    """One start for the cache, the others are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--frames", type=int, default=150)
    given = parser.parse_args()
    os.environ.update(ros_environment())
    rclpy.init()
    found = [started(given.model, given.backend, given.frames) for _ in range(given.starts + 1)][1:]
    rclpy.shutdown()
    result = {
        "model": given.model,
        "backend": given.backend,
        "starts": given.starts,
        "first_answer_p50_s": round(statistics.median(s for s, _ in found), 2),
        "first_answer_max_s": round(max(s for s, _ in found), 2),
        "peak_memory_mb": round(max(mb for _, mb in found), 1),
    }
    report("start", result)


def started(model: str, backend: str, frames: int) -> tuple[float, float]:
    """Seconds from the start of the process to the first answer on every output, and its peak memory in MB."""
    parameters = ["-p", f"backend:={backend}", *([] if model == "default" else ["-p", f"model:={model}"])]
    command = [sys.executable, "-m", "vb_perception.ros.perception_node", "--ros-args", *parameters]
    peer, executor = Peer([""], list(OUTPUTS), 640, 480), SingleThreadedExecutor()
    executor.add_node(peer)
    ((image, _),) = peer.cameras
    begun = time.monotonic()
    first_s, sent, next_s = 0.0, 0, begun
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as node:
        while sent < frames or not first_s:
            executor.spin_once(timeout_sec=STEP_S)
            now = time.monotonic()
            if not first_s and len(peer.heard) == len(OUTPUTS):
                first_s = now - begun
            if node.poll() is not None or now - begun > PATIENCE_S:
                node.kill()
                msg = f"the node gave {sorted(peer.heard)} in {now - begun:.0f} s; run it by hand: {' '.join(command)}"
                raise SystemExit(msg)
            if now >= next_s and image.get_subscription_count():
                peer.send()
                sent, next_s = sent + bool(first_s), now + 1 / RATE_HZ
        peak_mb = _peak_kb(node.pid) / KB_PER_MB
        node.send_signal(signal.SIGINT)
        node.wait(STOP_S)
    executor.shutdown()
    peer.destroy_node()  # type: ignore[no-untyped-call]
    return first_s, peak_mb


def _peak_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
