"""`evaluate --live`: through the real node over DDS, recorded, and judged by the scorer of the lock-step replay."""

import argparse
import json
from pathlib import Path

import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.cli import main
from vb_perception.demo.live import record_live
from vb_perception.errors import ConfigError
from vb_perception.evaluation.bag_samples import LEGEND_TOPIC, write_samples
from vb_perception.evaluation.bags import BagWriter, read_messages
from vb_perception.runtime.toy_model import write_toy_model

pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")
pytest.importorskip("rclpy", reason="`make test` installs ROS from wheels")


@pytest.mark.slow
def test_what_the_node_answers_live_is_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_toy_model(tmp_path / "model")
    write_samples(tmp_path / "made.mcap", [make_sample(i) for i in range(8)], rate_hz=2)
    with BagWriter(tmp_path / "x.mcap") as bag:
        for topic, msgtype, t_ns, cdr in read_messages(tmp_path / "made.mcap"):
            moved = topic.replace("/truth/depth", "/sim/depth")  # where nobody looks unless it is named
            bag.write(moved, msgtype, t_ns, cdr, latched=topic == LEGEND_TOPIC)
    out, criteria = tmp_path / "out", tmp_path / "criteria.yaml"
    criteria.write_text("ledger: balanced\nframes.scored: '>= 1'\nlatency.age_p50_ms: '> 0'\n", encoding="utf-8")
    arguments = ["--live", "--out", str(out), "--criteria", str(criteria), "--backend", "fake"]
    arguments += ["--classes", "box", "--truth-depth", "/sim/depth/image_rect"]
    assert main(["evaluate", str(tmp_path / "x.mcap"), "--model", str(tmp_path / "model"), *arguments]) == 0
    assert "criterion met: ledger: balanced" in capsys.readouterr().out
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["mode"] == "recorded live run"
    assert report["contestants"]["ours"]["figures"]["depth"]["abs_rel"] > 0
    assert report["contestants"]["ours"]["figures"]["classes"].keys() == {"box"}
    assert report["node_ledger"]["received"] == 8
    frames = report["frames"]
    assert frames["images"] == frames["answered"] + frames["unusable"] + frames["dropped"]
    assert (out / "live" / "outputs.mcap").is_file()


def test_frames_as_files_are_not_played(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    with pytest.raises(ConfigError, match="make one with `vb-perception bag"):
        record_live(tmp_path / "frames", argparse.Namespace())
