"""Runs the node in this process and cameras with listeners in another, for the benchmarks of the node."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import rclpy
from circumstances import circumstances
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

from vb_perception.ros.allocator import keep_large_blocks
from vb_perception.ros.perception_node import PerceptionNode
from vb_perception.ros.stopping import SPIN_STEP_S
from vb_perception.ros.stream_account import StreamFigures
from vb_perception.runtime.toy_model import write_toy_model
from vb_perception.timing import FrameLedger

PROFILE = Path(__file__).resolve().parents[1] / "config/fastdds_shm.xml"
DOMAIN = os.environ.get("ROS_DOMAIN_ID", "97")
SETTLE_STEPS = 40


def settle() -> None:
    """Shared memory, and a domain of our own; before rclpy.init."""
    profile = {name: str(PROFILE) for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")}
    os.environ.update(profile | {"ROS_DOMAIN_ID": DOMAIN, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"})


@contextmanager
def running_node(**parameters: Any) -> Iterator[tuple[PerceptionNode, SingleThreadedExecutor]]:  # noqa: ANN401
    """An active node with the fake engine at 192x256 and the shared-memory profile."""
    settle()
    with tempfile.TemporaryDirectory() as folder:
        keep_large_blocks()  # as the node's own main does
        write_toy_model(Path(folder), height=192, width=256)
        given = {"model": folder, "backend": "fake", "latency_window": 100_000} | parameters
        rclpy.init()
        overrides = [Parameter(name, value=value) for name, value in given.items()]  # type: ignore[no-untyped-call]
        node = PerceptionNode(parameter_overrides=overrides)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        node.autostart()
        try:
            yield node, executor
        finally:
            executor.shutdown()
            node.close()
            node.destroy_node()
            rclpy.shutdown()


def spin_with_peer(
    executor: SingleThreadedExecutor, arguments: Sequence[object], each_step: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Spin while the peer publishes and listens; what the peer says."""
    command = [sys.executable, str(Path(__file__).with_name("node_peer.py")), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as peer:
        while peer.poll() is None:
            executor.spin_once(timeout_sec=SPIN_STEP_S)
            each_step()
        for _ in range(SETTLE_STEPS):
            executor.spin_once(timeout_sec=0.05)
        said = peer.stdout.read() if peer.stdout is not None else ""
    if peer.returncode:
        msg = f"the peer ended with {peer.returncode}"
        raise SystemExit(msg)
    answer: dict[str, Any] = json.loads(said)
    return answer


def figures(node: PerceptionNode) -> dict[str, StreamFigures]:
    """What every camera counted."""
    return {name: stream.account.figures() for name, stream in node._streams().items()}  # noqa: SLF001 - measured from inside


def ledger_row(ledger: FrameLedger) -> dict[str, object]:
    """The ledger, and whether it balances with nothing left in the node."""
    names = ("received", "processed", "overwritten", "rejected", "failed", "skipped", "aged")
    return {name: getattr(ledger, name) for name in names} | {"balances": ledger.balances()}


def report(name: str, result: dict[str, object]) -> None:
    """Print the result with machine and versions."""
    versions = {package: version(package) for package in ("numpy", "opencv-python-headless", "ros-rclpy")}
    print(json.dumps({"benchmark": name, **result, "versions": versions, **circumstances()}, indent=1))
