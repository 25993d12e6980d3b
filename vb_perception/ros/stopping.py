"""Ending in order: SIGINT and SIGTERM set a flag, and the ROS context stays usable until everything is closed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

# rcl does not wake for Python's signals, so spin in steps.
SPIN_STEP_S = 0.2


@contextmanager
def ros_context(args: list[str] | None) -> Iterator[Event]:
    """An initialised rclpy; yields the event that a signal sets."""
    stop = Event()

    def note(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        rclpy.shutdown()


def serve(node: Node, stop: Event) -> None:
    """Run a node's callbacks in this thread until the event is set."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stop.is_set():
        executor.spin_once(timeout_sec=SPIN_STEP_S)
    executor.shutdown()
