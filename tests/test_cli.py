"""The command line: light to start, clear when it cannot."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.cli import main
from vb_perception.evaluation.bag_frames import read_frames
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.evaluation.bags import bag_topics
from vb_perception.evaluation.command_arguments import model_argument
from vb_perception.evaluation.frames_log import FramesLog
from vb_perception.runtime.toy_model import write_toy_model

HEAVY = ("rclpy", "torch", "matplotlib", "cv2", "onnxruntime", "rosbags")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["demo", "--help"], ["evaluate", "--help"], ["compare", "--help"], ["--version"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from vb_perception.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        f"print('loaded', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.rstrip().endswith("loaded []"), out.stdout


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert all(
        f"    {name} " in printed
        for name in ("demo", "bag", "evaluate", "compare", "render", "train", "distil", "export")
    )


def test_no_command_and_unknown_commands_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["fly"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    assert "fly" in capsys.readouterr().err


def test_a_folder_becomes_a_bag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2 = pytest.importorskip("cv2")
    for i in range(2):
        cv2.imwrite(str(tmp_path / f"{i}_rgb.png"), make_sample(i).rgb)
    assert main(["bag", str(tmp_path), str(tmp_path / "out.mcap"), "--rate-hz", "5"]) == 0
    assert "2 frames" in capsys.readouterr().out
    assert bag_topics(tmp_path / "out.mcap")["/camera/image_raw/compressed"].messages == 2


def test_a_bag_holds_the_truth_that_the_folder_held(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite(str(tmp_path / "0_rgb.png"), make_sample().rgb)
    cv2.imwrite(str(tmp_path / "0_classes.png"), np.full((48, 64), 1, np.uint8))
    cv2.imwrite(str(tmp_path / "0_normals.png"), np.full((48, 64, 3), (1, 32768, 32768), np.uint16))  # BGR
    (tmp_path / "classes.json").write_text('{"classes": ["background", "cup"]}')
    assert main(["bag", str(tmp_path), str(tmp_path / "out.mcap")]) == 0
    ((_, truth),) = read_frames(tmp_path / "out.mcap")
    assert truth is not None
    assert truth.class_names[truth.class_ids[0, 0]] == "cup"
    np.testing.assert_allclose(truth.normals[5, 5], (0, 0, -1), atol=1e-4)


def test_evaluate_prints_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")
    write_toy_model(tmp_path / "model")
    write_samples(tmp_path / "x.mcap", [make_sample()])
    common = ["evaluate", str(tmp_path / "x.mcap"), "--model", str(tmp_path / "model"), "--backend", "fake"]
    assert main(common) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("1 of 1 images answered, 1 with truth\nours (fake):\n  depth ")
    assert printed.endswith("evaluation: passed\n")
    assert main([*common, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"]["scored"] == 1


def test_criteria_set_the_exit_code_and_two_reports_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")
    write_toy_model(tmp_path / "model")
    write_samples(tmp_path / "x.mcap", [make_sample(i) for i in range(10)])
    common = ["evaluate", str(tmp_path / "x.mcap"), "--model", str(tmp_path / "model"), "--backend", "fake"]
    criteria = tmp_path / "criteria.yaml"
    criteria.write_text("depth.abs_rel: '<= 0.0'\nledger: balanced\n", encoding="utf-8")
    out = str(tmp_path / "out")
    beside = ["--beside", f"guess=no-image:{tmp_path / 'x.mcap'}"]
    assert main([*common, "--criteria", str(criteria), "--out", out, *beside]) == 1
    printed = capsys.readouterr().out
    assert "criterion MISSED: depth.abs_rel <= 0" in printed
    assert "criterion met: ledger: balanced" in printed
    assert main(["compare", f"{out}:ours", f"{out}:guess"]) == 0
    assert "depth.abs_rel" in capsys.readouterr().out
    assert main(["compare", f"{out}:guess", f"{out}:ours", "--json", "--fail-if-worse"]) == 1
    assert json.loads(capsys.readouterr().out)["frames"] == 10
    criteria.write_text("depth.abs_rell: '<= 0.0'\n", encoding="utf-8")
    assert main([*common, "--criteria", str(criteria)]) == 1
    assert "did you mean depth.abs_rel?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--beside", "mine"], "expected NAME=WHAT"),
        (["--beside", "ours=x.yaml"], "give each a name of its own"),
        (["--recorded", "--beside", "a=b"], "a recording has no others beside it"),
        (["y.mcap"], "name a folder for their reports with --out"),
        (["--live"], "give one source and --out"),
        (["--recorded", "--refer", "the cup"], "a recording holds no answer to it"),
    ],
)
def test_arguments_that_contradict_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["evaluate", str(tmp_path / "x.mcap"), *arguments]) == 1
    assert told in capsys.readouterr().err


def test_where_nothing_was_evaluated_junit_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.json").write_text("{}", encoding="utf-8")  # of an earlier evaluation
    assert main(["evaluate", str(tmp_path / "gone.mcap"), "--out", str(out)]) == 1
    assert 'failures="1"' in (out / "junit.xml").read_text(encoding="utf-8")
    assert {p.name for p in out.iterdir()} == {"junit.xml"}
    (tmp_path / "file").touch()
    assert main(["evaluate", str(tmp_path / "gone.mcap"), "--out", str(tmp_path / "file")]) == 1
    assert "a folder --out that can be written" in capsys.readouterr().err


def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path / "gone.mcap"), "--backend", "fake"]) == 1
    assert capsys.readouterr().err.startswith(f"vb-perception: {tmp_path / 'gone.mcap'} does not exist")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--jobs", "0"],
        ["--rate", "0"],
        ["--rate", "inf"],
        ["--tolerance-ms", "-1"],
        ["--tolerance-ms", "inf"],
        ["--jobs", "x"],
    ],
)
def test_numbers_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "x.mcap", *arguments])
    assert ended.value.code == 2


@pytest.mark.parametrize(("rate", "told"), [("1e10", "one a nanosecond"), ("1e-12", "raise the rate")])
def test_rates_give_each_frame_a_stamp(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: str, told: str
) -> None:
    cv2 = pytest.importorskip("cv2")
    for i in range(2):
        cv2.imwrite(str(tmp_path / f"{i}_rgb.png"), make_sample(i).rgb)
    assert main(["bag", str(tmp_path), str(tmp_path / "out.mcap"), "--rate-hz", rate]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out.mcap").exists()


@pytest.mark.parametrize("rate", ["0", "-1", "fast", "inf", "nan"])
def test_rates_are_above_zero(rate: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bag", "folder", "out.mcap", "--rate-hz", rate])
    assert ended.value.code == 2


@pytest.mark.parametrize("option", ["--width", "--height", "--frames", "--workers"])
def test_a_corpus_has_sizes_above_zero(option: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["corpus", "folder", option, "0"])
    assert ended.value.code == 2


def test_ctrl_c_ends_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")
    write_toy_model(tmp_path / "model")
    write_samples(tmp_path / "x.mcap", [make_sample()])

    def interrupted(*_arguments: object) -> None:
        assert (tmp_path / "out" / "frames.jsonl.part").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(FramesLog, "write", interrupted)
    common = ["evaluate", str(tmp_path / "x.mcap"), "--model", str(tmp_path / "model"), "--backend", "fake"]
    assert main([*common, "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err.endswith("vb-perception: interrupted\n")
    assert not list((tmp_path / "out").iterdir())


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite(str(tmp_path / "0_rgb.png"), make_sample().rgb)
    (tmp_path / "file").touch()
    assert main(["bag", str(tmp_path), str(tmp_path / "file" / "x.mcap")]) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("vb-perception: ")
    assert str(tmp_path / "file") in told
    assert told.endswith("; expected what can be read, and a place that can be written")


@pytest.mark.parametrize("command", ["bag", "evaluate"])
@pytest.mark.parametrize(("name", "told"), [("gone", "does not exist"), ("text.txt", "is no "), ("empty", "holds no")])
def test_what_is_no_folder_of_frames(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, name: str, told: str
) -> None:
    (tmp_path / "text.txt").touch()
    (tmp_path / "empty").mkdir()
    behind = [str(tmp_path / "x.mcap")] if command == "bag" else ["--model", str(tmp_path / "no-model")]
    assert main([command, str(tmp_path / name), *behind]) == 1
    words = capsys.readouterr().err
    assert f"{name} {told}" in words
    assert "docs/frames.md" in words or (command, name) == ("evaluate", "gone")


def test_the_default_model_has_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert model_argument(Path("/here"))("default") == Path("/here")
    assert model_argument(Path("/here"))("default@480x640") == Path("/here@480x640")
    assert model_argument(Path("/here"))("mine@480x640") == Path("mine@480x640")
    with pytest.raises(argparse.ArgumentTypeError, match="expected a path that begins with /"):
        model_argument(Path("/here"))("~nobody_of_this_name/model")
    assert main(["build", "--model", "default", "--backend", "nothing"]) == 1
    assert "unknown backend 'nothing'" in capsys.readouterr().err
