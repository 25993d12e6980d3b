"""One slot a camera, in which the newest frame wins, and a fair choice among the cameras.  Knows no ROS and no frames.

The subscriptions submit from the executor's threads and never wait; the worker takes when it is free.
"""

import threading
from collections.abc import Sequence
from typing import Generic, TypeVar

from vb_perception.errors import ConfigError

T = TypeVar("T")


class RateLimit:
    """Lets through at most `rate_hz` items a second by their stamps, at that mean rate where more come.  0: all."""

    def __init__(self, rate_hz: float) -> None:
        if not 0 <= rate_hz < float("inf"):
            msg = f"rate limit of {rate_hz} Hz: expected 0 (none) or above"
            raise ConfigError(msg)
        self._period_ns = round(1e9 / rate_hz) if rate_hz else 0
        self._due_ns: int | None = None

    def admits(self, stamp_ns: int) -> bool:
        """Whether the item stamped so may pass; stamps rise.  What comes late pulls the next one forward by half."""
        if self._due_ns is not None and stamp_ns < self._due_ns:
            return False
        due = stamp_ns if self._due_ns is None else self._due_ns
        self._due_ns = max(due + self._period_ns, stamp_ns + self._period_ns // 2)
        return True

    def clear(self) -> None:
        """Start again (after a jump back in time)."""
        self._due_ns = None


class FrameScheduler(Generic[T]):
    """The newest item of each camera, for one or more takers.  Thread-safe.

    Nothing is lost silently: submitted = taken + overwritten + cleared + pending.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        if not cameras or len(set(cameras)) != len(cameras):
            msg = f"cameras {list(cameras)}: expected at least one name and each only once; correct the list of cameras"
            raise ConfigError(msg)
        self._order = list(cameras)  # served longest ago first
        self._slots: dict[str, T] = {}
        self._changed = threading.Condition()
        self._closed = False

    def submit(self, camera: str, item: T) -> bool:
        """Put `item` into the camera's slot; True if that overwrote one that nobody had taken.

        After `close` the slot is still filled and counted by `pending`.  Raises ConfigError on an unknown camera.
        """
        with self._changed:
            if camera not in self._order:
                msg = f"unknown camera {camera!r}: expected one of {', '.join(sorted(self._order))}; correct its name"
                raise ConfigError(msg)
            overwrote = camera in self._slots
            self._slots[camera] = item
            self._changed.notify()
            return overwrote

    def take(self, timeout_s: float) -> tuple[str, T] | None:
        """The item of the camera that was served longest ago, among those that have one.

        Waits up to `timeout_s` for one to come; None if none came or the scheduler was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._slots, timeout_s)
            if self._closed or not self._slots:
                return None
            camera = next(name for name in self._order if name in self._slots)
            self._order.remove(camera)
            self._order.append(camera)
            return camera, self._slots.pop(camera)

    def pending(self) -> int:
        """How many items wait."""
        with self._changed:
            return len(self._slots)

    def clear(self, camera: str | None = None) -> int:
        """Drop what waits (after a jump back in time), of one camera or of all; how many that were."""
        with self._changed:
            names = list(self._slots) if camera is None else [name for name in self._slots if name == camera]
            for name in names:
                del self._slots[name]
            return len(names)

    def close(self) -> None:
        """Wake every `take`; from now on each returns None at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
