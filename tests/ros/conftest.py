"""One ROS domain a test, kept from other test runs on this machine by a lock file."""

import fcntl
import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="the ROS room needs rclpy: `make test` installs it")
pytest.importorskip("vb_perception.msg", reason="the messages are not built: `make test` builds them")

from tests.ros.bench import Bench
from vb_perception.runtime.toy_model import write_toy_model

DOMAINS = range(1, 100)
TURNS = itertools.count()
"""Each test takes another domain than the one before it: what that one left is still discovered there for a
while, and rmw_fastrtps calls no service ready of which it knows other numbers of readers and of writers."""


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A ROS_DOMAIN_ID that no other test uses now, set in the environment."""
    with ExitStack() as stack:
        first = 37 * os.getpid() + next(TURNS)
        for number in sorted(DOMAINS, key=lambda n: (n - first) % len(DOMAINS)):
            path = Path(tempfile.gettempdir(), f"vb_perception_domain_{number}.lock")
            lock = stack.enter_context(path.open("a"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            break
        else:
            pytest.fail("every ROS domain is in use by another test run")
        monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
        monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        yield number


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of 64x48 pixels, for the fake engine and the real ones."""
    folder = tmp_path_factory.mktemp("toy_model")
    write_toy_model(folder)
    return folder


@pytest.fixture
def bench(domain: int, toy_model: Path) -> Iterator[Bench]:
    with Bench(domain, toy_model) as made:
        yield made
