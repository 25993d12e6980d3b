"""The command line: light to start, clear when it cannot."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.cli import main
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.evaluation.bags import bag_topics
from vb_perception.runtime.toy_model import write_toy_model

HEAVY = ("rclpy", "torch", "matplotlib", "cv2", "onnxruntime", "rosbags")


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["evaluate", "--help"], ["--version"]])
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
    assert all(f"    {name} " in printed for name in ("demo", "bag", "evaluate", "render", "corpus", "train", "export"))


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


def test_evaluate_prints_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")
    write_toy_model(tmp_path / "model")
    write_samples(tmp_path / "x.mcap", [make_sample()])
    common = ["evaluate", str(tmp_path / "x.mcap"), "--model", str(tmp_path / "model"), "--backend", "fake"]
    assert main(common) == 0
    assert capsys.readouterr().out.startswith("1 frames with truth\n  depth ")
    assert main([*common, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 1


def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path / "gone.mcap"), "--backend", "fake"]) == 1
    assert capsys.readouterr().err.startswith(f"vb-perception: {tmp_path / 'gone.mcap'} does not exist")


@pytest.mark.parametrize("rate", ["0", "-1", "fast"])
def test_rates_are_above_zero(rate: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bag", "folder", "out.mcap", "--rate-hz", rate])
    assert ended.value.code == 2
