import dataclasses
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from vb_perception.errors import ConfigError, EngineError, EngineMismatchError, EngineUnavailableError
from vb_perception.runtime import trial
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.options import EngineOptions
from vb_perception.runtime.toy_model import write_toy_model

BOTH = pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed: pip install it")


@BOTH
@pytest.mark.usefixtures("empty_cache")
def test_auto_tries_once_says_what_it_measured_and_remembers(toy_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_engine(toy_dir) as engine:
        chosen = engine.backend
    assert re.search(r"was chosen \(openvino auto \d+\.\d ms, onnxruntime auto \d+\.\d ms for 3 prompts\)", caplog.text)
    caplog.clear()
    with open_engine(toy_dir) as engine:
        assert engine.backend == chosen
    assert "was chosen" not in caplog.text


@BOTH
def test_a_remembered_choice_that_cannot_be_read_is_made_again(
    toy_dir: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    times_ms = {"openvino": 2.0, "onnxruntime": 1.0}
    monkeypatch.setattr(trial, "_tried", lambda _, candidate, *__: times_ms[candidate.backend])
    with open_engine(toy_dir) as engine:
        assert engine.backend.startswith("onnxruntime")
    (file,) = empty_cache.glob("trial-*/choice.json")
    file.write_text("{")
    times_ms["onnxruntime"] = 3.0
    with open_engine(toy_dir) as engine:
        assert engine.backend.startswith("openvino")
    assert "cannot be read" in caplog.text


@BOTH
@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize(("first_ms", "asked", "best"), [(9.0, 4, "openvino"), (11.0, 2, "onnxruntime")])
def test_who_comes_near_the_best_is_heard_once_more(
    toy_dir: Path, monkeypatch: pytest.MonkeyPatch, first_ms: float, asked: int, best: str
) -> None:
    times_ms = {"openvino": [first_ms, 1.0], "onnxruntime": [5.0, 6.0]}
    tried = []

    def tried_in_turn(_folder: Path, candidate: trial.Candidate, *_rest: object) -> float:
        tried.append(candidate)
        return times_ms[candidate.backend].pop(0)

    monkeypatch.setattr(trial, "_tried", tried_in_turn)
    with open_engine(toy_dir) as engine:
        assert engine.backend.startswith(best)
    assert len(tried) == asked


@BOTH
@pytest.mark.usefixtures("empty_cache")
def test_a_backend_that_dies_in_the_trial_is_out_with_its_reason(
    toy_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def tried(_folder: Path, candidate: trial.Candidate, *_rest: object) -> float:
        if candidate.backend == "openvino":
            msg = "its process ended with -11 and said: nothing"
            raise EngineError(msg)
        return 1.0

    monkeypatch.setattr(trial, "_tried", tried)
    with open_engine(toy_dir) as engine:
        assert engine.backend.startswith("onnxruntime")
    assert "openvino auto is out: its process ended with -11" in caplog.text


def test_a_candidates_process_says_why_it_failed(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"ended with 1 and said: EngineMismatchError: no usable model"):
        trial._tried(tmp_path, trial.Candidate("onnxruntime", "auto"), "48x64", 1, 3)  # noqa: SLF001


@BOTH
@pytest.mark.usefixtures("empty_cache")
def test_a_candidates_process_tries_nothing_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an INT8 graph beside it, "openvino auto" has a rival: a trial within the trial would never end."""
    spec = write_toy_model(tmp_path / "model")
    spec = dataclasses.replace(spec, variants=(dataclasses.replace(spec.choose(), precision="int8"),))
    (tmp_path / "model" / "spec.json").write_text(spec.to_json(), encoding="utf-8")
    tried: list[trial.Candidate] = []

    def time_it(_folder: Path, candidate: trial.Candidate, *_rest: object) -> float:
        tried.append(candidate)
        return 1.0

    monkeypatch.setattr(trial, "_tried", time_it)
    open_engine(tmp_path / "model", "openvino").close()
    assert [str(candidate) for candidate in tried] == ["openvino auto", "openvino int8"] * 2
    tried.clear()
    assert trial.main([str(tmp_path / "model"), "openvino", "auto", "48x64", "1", "3"]) == 0
    assert not tried
    assert float(capsys.readouterr().out) > 0


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
    with pytest.raises(ConfigError, match=f"'{backend}': expected one of auto, openvino, onnxruntime, tensorrt, fake"):
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


@pytest.mark.parametrize("wrong", [{"precision": "int4"}, {"prompts": 0}, {"workspace_mb": -1}, {"overflow": "ignore"}])
def test_options_that_mean_nothing(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"expected"):
        EngineOptions(**wrong)


@pytest.mark.parametrize("options", [EngineOptions(precision="int8"), EngineOptions(size=(480, 640))])
def test_a_graph_that_the_model_lacks(toy_dir: Path, options: EngineOptions) -> None:
    with pytest.raises(EngineMismatchError, match=r"has no .* graph of .*, it has fp32 48x64; ask for one of these"):
        open_engine(toy_dir, "onnxruntime", 1, options)


def test_no_bf16_on_onnxruntime(toy_dir: Path) -> None:
    with pytest.raises(ConfigError, match="computes no bf16"):
        open_engine(toy_dir, "onnxruntime", 1, EngineOptions(precision="bf16"))
