from importlib.util import find_spec
from pathlib import Path

import pytest

from vb_perception.errors import ConfigError, EngineMismatchError
from vb_perception.runtime import trial
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.build_command import TerminalProgress, build
from vb_perception.runtime.manifest import Manifest


def test_a_line_about_each_size(toy_dir: Path, empty_cache: Path) -> None:
    (line,) = build(toy_dir, "onnxruntime", [], "auto", 3, 0)
    assert line.startswith("toy 48x64, 3 prompts: onnxruntime ")
    assert str(empty_cache) in line


@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed: pip install it")
def test_the_number_of_prompts_that_was_asked_for_is_built(toy_dir: Path, empty_cache: Path) -> None:
    build(toy_dir, "openvino", [], "fp32", 2, 0)
    profiles = {Manifest.read(file).key.profile for file in empty_cache.glob("toy-*/manifest.json")}
    assert profiles == {"48x64, 3 prompts", "48x64, 2 prompts"}  # the golden question's, and what was asked for


@pytest.mark.skipif(find_spec("openvino") is None, reason="one backend has no rival: pip install openvino")
def test_a_choice_is_made_for_the_threads_that_the_node_has(
    toy_dir: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def time_it(_folder: Path, _candidate: trial.Candidate, _profile: str, threads: int, _prompts: int) -> float:
        tried.append(threads)
        return float(len(tried))

    monkeypatch.setattr(trial, "_tried", time_it)
    build(toy_dir, "auto", [], "auto", 3, 0, threads=2)
    assert set(tried) == {2}
    assert len(list(empty_cache.glob("trial-*/choice.json"))) == 1
    tried.clear()
    open_engine(toy_dir, "auto", 2).close()
    assert not tried, "the node need not choose again"


def test_fewer_threads_than_none(toy_dir: Path) -> None:
    with pytest.raises(ConfigError, match="-1 inference threads: expected 0"):
        build(toy_dir, "onnxruntime", [], "auto", 3, 0, threads=-1)


@pytest.mark.usefixtures("cuda")
def test_what_a_gpu_does_for_a_camera_is_built_too(toy_dir: Path, empty_cache: Path, parts: list[str]) -> None:
    (line,) = build(toy_dir, "tensorrt", [], "auto", 3, 0, ["40x72"])
    assert line.startswith("toy 48x64, 3 prompts, camera 40x72: tensorrt ")
    assert sorted(parts) == ["levels"] * 3 + [
        "prepare",
        "read_depth",
        "read_normals",
        "read_segments",
    ]  # of 1 to 3 tasks
    assert len(list(empty_cache.glob("read_*/manifest.json"))) == 3
    (line,) = build(toy_dir, "onnxruntime", [], "auto", 3, 0, ["40x72"])
    assert "camera" not in line


def test_a_size_that_the_model_lacks(toy_dir: Path) -> None:
    with pytest.raises(EngineMismatchError, match="has no fp32 graph of 480x640"):
        build(toy_dir, "onnxruntime", ["48x64", "480x640"], "auto", 3, 0)


@pytest.mark.parametrize("size", ["640", "480x", "axb", "48 x 64"])
def test_a_size_that_is_no_size(toy_dir: Path, size: str) -> None:
    with pytest.raises(ConfigError, match="expected height x width"):
        build(toy_dir, "onnxruntime", [size], "auto", 3, 0)


def test_progress_is_told_when_it_changes(capsys: pytest.CaptureFixture[str]) -> None:
    progress = TerminalProgress()
    for what, share in (("parsing", 0.0), ("building", 0.0), ("building", 0.1), ("building", 0.2)):
        progress(what, share)
    assert capsys.readouterr().err.splitlines() == ["parsing: 0%", "building: 0%"]
