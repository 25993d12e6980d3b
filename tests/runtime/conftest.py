"""A toy model folder, written once for all tests of the room, a cache of the tests' own, a GPU that is not there."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.runtime.fake_gpu import FakeCuda, FakeRuntime
from vb_perception.runtime import cache, tensorrt_engine, tensorrt_frames
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.tensorrt_plan import Plan
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


@pytest.fixture
def builds() -> list[int]:
    """The number of prompts of every plan of a generator that was built."""
    return []


@pytest.fixture
def parts() -> list[str]:
    """Every plan around the generator that was built."""
    return []


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch, builds: list[int], parts: list[str]) -> Iterator[FakeCuda]:
    """A machine with the GPU that is not there; what was taken from it has to be given back."""
    fake = FakeCuda()
    module = SimpleNamespace(__name__="tensorrt", __version__="10.3.0", Runtime=FakeRuntime)

    def build_plan(_trt: Any, file: Path, _spec: EngineSpec, wanted: Any, *_: object) -> Plan:  # noqa: ANN401
        builds.append(wanted.prompts)
        return Plan(json.dumps([str(file), wanted.prompts, {}]).encode(), b"timings")

    def build_part(_trt: Any, file: Path, shapes: Any, _wanted: Any) -> bytes:  # noqa: ANN401
        parts.append(file.stem)
        return json.dumps([str(file), 1, shapes]).encode()

    monkeypatch.setattr(FakeRuntime, "cuda", fake, raising=False)
    monkeypatch.setattr(FakeRuntime, "refuse", 0)
    monkeypatch.setattr(tensorrt_engine, "import_flavour", lambda: module)
    monkeypatch.setattr(tensorrt_engine, "make_logger", lambda _: SimpleNamespace(errors=[]))
    monkeypatch.setattr(tensorrt_engine, "cuda_runtime", lambda: fake)
    monkeypatch.setattr(tensorrt_engine, "build_plan", build_plan)
    monkeypatch.setattr(tensorrt_frames, "build_part", build_part)
    yield fake
    assert not fake.held
