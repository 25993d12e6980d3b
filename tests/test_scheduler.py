"""The newest frame wins, cameras take turns, nothing is lost without being counted; with real threads."""

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vb_perception.errors import ConfigError
from vb_perception.scheduler import FrameScheduler

CAMERAS = ("front", "left", "right")
PATIENCE_S = 10.0  # never waited for unless something is broken
FOREVER_S = 1000.0  # a take that is not woken outlives our patience


class SchedulerAgainstModel(RuleBasedStateMachine):
    """One thread; the model keeps what waits by camera and when each camera was last served."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler: FrameScheduler[int] = FrameScheduler(CAMERAS)
        self.waiting: dict[str, int] = {}
        self.served_at = dict.fromkeys(CAMERAS, -1)
        self.submitted = self.taken = self.overwritten = self.cleared = 0
        self.closed = False

    @rule(camera=st.sampled_from(CAMERAS))
    def submit(self, camera: str) -> None:
        overwrote = self.scheduler.submit(camera, self.submitted)
        assert overwrote == (camera in self.waiting)
        self.overwritten += overwrote
        self.waiting[camera] = self.submitted
        self.submitted += 1

    @rule()
    def take(self) -> None:
        taken = self.scheduler.take(0.0)
        if self.closed or not self.waiting:
            assert taken is None
            return
        assert taken is not None
        camera, item = taken
        assert item == self.waiting[camera]  # the newest
        longest_ago = min(self.served_at[name] for name in self.waiting)
        assert self.served_at[camera] == longest_ago
        assert longest_ago >= 0 or camera == next(n for n in CAMERAS if n in self.waiting and self.served_at[n] < 0)
        del self.waiting[camera]
        self.served_at[camera] = self.taken
        self.taken += 1

    @rule()
    def clear(self) -> None:
        dropped = self.scheduler.clear()
        assert dropped == len(self.waiting)
        self.cleared += dropped
        self.waiting.clear()

    @precondition(lambda self: self.submitted > 5)
    @rule()
    def close(self) -> None:
        self.scheduler.close()
        self.closed = True

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.scheduler.pending() == len(self.waiting)
        assert self.submitted == self.taken + self.overwritten + self.cleared + self.scheduler.pending()


SchedulerAgainstModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_scheduler_agrees_with_its_model = SchedulerAgainstModel.TestCase


def in_threads(*works: Callable[[], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads


def join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_many_threads_lose_nothing_and_never_go_back() -> None:
    scheduler: FrameScheduler[int] = FrameScheduler(CAMERAS)
    count = 3000
    overwritten = dict.fromkeys(CAMERAS, 0)
    errors: list[BaseException] = []
    taken: list[list[tuple[str, int]]] = [[], []]

    def produce(camera: str) -> None:
        try:
            for item in range(count):
                overwritten[camera] += scheduler.submit(camera, item)
        except BaseException as error:  # noqa: BLE001 (handed to the main thread)
            errors.append(error)

    def consume(out: list[tuple[str, int]]) -> None:
        while (got := scheduler.take(FOREVER_S)) is not None:
            out.append(got)

    consumers = in_threads(*(lambda out=out: consume(out) for out in taken))
    producers = in_threads(*(lambda camera=camera: produce(camera) for camera in CAMERAS))
    join(producers)
    scheduler.close()
    join(consumers)
    assert not errors
    both = [got for out in taken for got in out]
    assert len(both) + sum(overwritten.values()) + scheduler.pending() == count * len(CAMERAS)
    assert len(set(both)) == len(both)  # none served twice
    for camera in CAMERAS:
        for out in taken:
            items = [item for name, item in out if name == camera]
            assert items == sorted(items)


def test_a_busy_camera_does_not_starve_the_others() -> None:
    scheduler: FrameScheduler[int] = FrameScheduler(CAMERAS)
    served = []
    for turn in range(30):
        for _ in range(5):
            scheduler.submit("left", turn)
        scheduler.submit("front", turn)
        scheduler.submit("right", turn)
        got = scheduler.take(0.0)
        assert got is not None
        served.append(got[0])
    assert served == ["front", "left", "right"] * 10


def test_take_waits_until_a_frame_comes() -> None:
    scheduler: FrameScheduler[str] = FrameScheduler(["front"])
    got: list[tuple[str, str] | None] = []
    taker = in_threads(lambda: got.append(scheduler.take(FOREVER_S)))
    time.sleep(0.05)
    assert got == []
    scheduler.submit("front", "frame")
    join(taker)
    assert got == [("front", "frame")]


def test_take_gives_up_after_its_timeout() -> None:
    scheduler: FrameScheduler[str] = FrameScheduler(["front"])
    assert scheduler.take(0.05) is None


def test_close_wakes_every_taker_and_stays_closed() -> None:
    scheduler: FrameScheduler[str] = FrameScheduler(["front"])
    got: list[object] = []
    takers = in_threads(*[lambda: got.append(scheduler.take(FOREVER_S))] * 3)
    time.sleep(0.05)
    scheduler.close()
    join(takers)
    assert got == [None] * 3
    assert scheduler.submit("front", "late") is False
    assert scheduler.take(FOREVER_S) is None
    assert scheduler.pending() == 1
    scheduler.close()  # twice is fine


@pytest.mark.parametrize("cameras", [(), ("front", "front")])
def test_cameras_must_be_named_once(cameras: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="expected at least one name and each only once"):
        FrameScheduler(cameras)


def test_unknown_cameras_are_refused_by_name() -> None:
    scheduler: FrameScheduler[int] = FrameScheduler(CAMERAS)
    with pytest.raises(ConfigError, match="unknown camera 'rear': expected one of front, left, right"):
        scheduler.submit("rear", 1)
    assert scheduler.pending() == 0
