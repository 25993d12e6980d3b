"""A toy model folder, written once for all tests of the room, and a cache of the tests' own."""

from pathlib import Path

import pytest

from vb_perception.runtime import cache
from vb_perception.runtime.toy_model import write_toy_model


@pytest.fixture(scope="session")
def toy_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Treat as read-only; tests that damage a model copy it first."""
    folder = tmp_path_factory.mktemp("toy")
    write_toy_model(folder)
    return folder


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache; what one test compiled may serve the next."""
    monkeypatch.setenv(cache.VARIABLE, str(shared_cache))


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "empty_cache"
    monkeypatch.setenv(cache.VARIABLE, str(folder))
    return folder
