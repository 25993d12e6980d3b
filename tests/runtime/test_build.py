import logging
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from vb_perception.errors import ConfigError, EngineUnavailableError
from vb_perception.runtime.build import open_engine


@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed: pip install it")
def test_auto_prefers_openvino_and_says_so(toy_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_engine(toy_dir) as engine:
        assert engine.backend.startswith("openvino ")
    assert caplog.record_tuples == [
        ("vb_perception.runtime.build", logging.WARNING, "backend auto: openvino was chosen")
    ]


def test_auto_takes_onnxruntime_where_openvino_is_absent(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with open_engine(toy_dir) as engine:
        assert engine.backend.startswith("onnxruntime ")


def test_auto_with_nothing_installed(toy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("openvino", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineUnavailableError, match=r"none of openvino, onnxruntime is installed.*pip install"):
        open_engine(toy_dir)


@pytest.mark.parametrize("backend", ["tensorflow", "", "OpenVINO", "openvino:latency_ms=3", "auto:x=1"])
def test_an_unknown_backend_lists_the_known(toy_dir: Path, backend: str) -> None:
    with pytest.raises(ConfigError, match=f"'{backend}': expected one of auto, openvino, onnxruntime, fake"):
        open_engine(toy_dir, backend)


def test_a_negative_number_of_threads(toy_dir: Path) -> None:
    with pytest.raises(ConfigError, match="-1 inference threads"):
        open_engine(toy_dir, "fake", threads=-1)


@pytest.mark.parametrize(
    "options", ["latency_ms=slow", "fail_every=1.5", "speed=2", "latency_ms", "latency_ms=1,", "latency_ms=-1"]
)
def test_fake_options_that_mean_nothing(toy_dir: Path, options: str) -> None:
    with pytest.raises(ConfigError, match=r"latency_ms|fake"):
        open_engine(toy_dir, f"fake:{options}")
