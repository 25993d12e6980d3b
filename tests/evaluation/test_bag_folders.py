"""Every bag of a folder is found, and two recordings are not taken for one."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.cli import main
from vb_perception.evaluation.bag_folders import sources_in
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.evaluation.frames_log import read_frames_log
from vb_perception.runtime.toy_model import write_toy_model


def bag(*paths: Path) -> None:
    for path in paths:
        write_samples(path, [make_sample(0), make_sample(1)])


def names(folder: Path, said: list[str] | None = None) -> list[str]:
    return [p.relative_to(folder).as_posix() for p in sources_in([folder], (said if said is not None else []).append)]


def test_a_file_and_the_files_of_a_folder(tmp_path: Path) -> None:
    bag(tmp_path / "a.mcap", tmp_path / "b.mcap")
    assert sources_in([tmp_path / "a.mcap"]) == [tmp_path / "a.mcap"]
    assert names(tmp_path) == ["a.mcap", "b.mcap"]


def test_what_a_killed_recorder_leaves_is_a_bag_too(tmp_path: Path) -> None:
    bag(tmp_path / "monday" / "monday_0.mcap", tmp_path / "tuesday" / "tuesday_0.mcap")
    bag(tmp_path / "tuesday" / "tuesday_1.mcap")
    (tmp_path / "monday" / "metadata.yaml").write_text("", encoding="utf-8")
    (tmp_path / "wednesday.bag.active").write_bytes(b"#ROSBAG V2.0\n")
    assert names(tmp_path) == ["monday", "tuesday", "wednesday.bag.active"]


@pytest.mark.parametrize("stems", [["run_1", "run_2"], ["run_0", "run_2"], ["run_1"], ["other_0", "other_1"]])
def test_numbers_alone_make_no_pieces_of_one_recording(tmp_path: Path, stems: Sequence[str]) -> None:
    folder = tmp_path / "run"
    bag(*(folder / f"{stem}.mcap" for stem in stems))
    assert names(folder) == [f"{stem}.mcap" for stem in stems]


def test_pieces_of_one_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    bag(*(folder / f"run_{i}.mcap" for i in range(11)))
    assert names(folder) == ["."]
    monkeypatch.chdir(folder)
    assert sources_in([Path()]) == [Path()]
    monkeypatch.undo()
    shutil.move(folder, tmp_path / "renamed")
    (tmp_path / "renamed" / "metadata.yaml").write_text("", encoding="utf-8")
    assert names(tmp_path / "renamed") == ["."]  # whatever they are called


def test_what_is_passed_over_is_named(tmp_path: Path) -> None:
    bag(tmp_path / "a.mcap", tmp_path / "report" / "outputs.mcap", tmp_path / "days" / "x.mcap")
    bag(tmp_path / "days" / "y.mcap")
    (tmp_path / "report" / "report.json").write_text("{}", encoding="utf-8")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "b.mcap.zstd").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    said: list[str] = []
    assert names(tmp_path, said) == ["a.mcap", "days/x.mcap", "days/y.mcap"]
    told = [line.partition(" is passed over: expected a bag file or a folder that is one")[0] for line in said]
    assert told == [str(tmp_path / name) for name in ("b.mcap.zstd", "pictures", "report")]


def test_two_runs_are_two_sources_of_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")
    write_toy_model(tmp_path / "model")
    bag(tmp_path / "bags" / "run_1.mcap", tmp_path / "bags" / "run_2.mcap")
    (tmp_path / "bags" / "pictures").mkdir()
    arguments = ["--model", str(tmp_path / "model"), "--backend", "fake", "--jobs", "1", "--out", str(tmp_path / "out")]
    assert main(["evaluate", str(tmp_path / "bags"), *arguments]) == 0
    rows = read_frames_log(tmp_path / "out" / "frames.jsonl")
    assert [row["source"] for row in rows] == ["run_1.mcap"] * 2 + ["run_2.mcap"] * 2
    assert "pictures is passed over" in capsys.readouterr().err
