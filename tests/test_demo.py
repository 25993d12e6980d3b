"""The demo, thin: real node, player and recorder, an engine with known answers."""

import os
import signal
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.demo.environment import DISCOVERY_PORT, DOMAINS, PORTS_PER_DOMAIN, free_domain, ros_environment
from vb_perception.demo.process import Process
from vb_perception.demo.run import SAMPLE, DemoOptions, run_demo
from vb_perception.errors import BagError, VbPerceptionError
from vb_perception.evaluation.bag_frames import read_frames
from vb_perception.evaluation.bag_samples import (
    IMAGE_TOPIC,
    INFO_TOPIC,
    TRUE_CLASSES_TOPIC,
    TRUE_DEPTH_PNG_TOPIC,
    write_samples,
)
from vb_perception.evaluation.bags import bag_topics
from vb_perception.evaluation.live_run import CALIBRATED_OUTPUTS, OUTPUTS
from vb_perception.runtime.toy_model import write_toy_model

WAITS_FOR_SIGINT = """
import signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
print("ready", flush=True)
signal.pause()
"""


def process(tmp_path: Path, code: str) -> Process:
    return Process("child", [sys.executable, "-c", code], dict(os.environ), tmp_path / "child.log")


def test_a_process_ends_by_sigint_and_leaves_its_words(tmp_path: Path) -> None:
    with process(tmp_path, WAITS_FOR_SIGINT) as child:
        while "ready" not in child.text():
            assert child.running()
        assert child.interrupt(20) == 0
    assert child.last_words().startswith("ready (all of it:")


def test_a_process_that_will_not_end_is_ended(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
    )
    with process(tmp_path, code) as child:
        while "ready" not in child.text():
            assert child.running()
        assert child.interrupt(0.2) is None
    assert child.wait(0) == -signal.SIGKILL


def test_a_process_that_failed_says_so(tmp_path: Path) -> None:
    with process(tmp_path, "raise SystemExit('no camera here')") as child:
        assert child.wait(20) == 1
        with pytest.raises(VbPerceptionError, match=r"child could not play; its last words: no camera here"):
            child.fail("could not play")


def test_nobody_listens_in_a_free_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 42
    monkeypatch.setattr("vb_perception.demo.environment.random.sample", lambda *_: [taken, 43])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("", DISCOVERY_PORT + PORTS_PER_DOMAIN * taken))
        assert free_domain() == 43


def test_the_environment_of_the_processes() -> None:
    environment = ros_environment()
    assert int(environment["ROS_DOMAIN_ID"]) in DOMAINS
    assert environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    profile = Path(environment["FASTRTPS_DEFAULT_PROFILES_FILE"])
    assert environment["FASTDDS_DEFAULT_PROFILES_FILE"] == str(profile)
    assert "SHM" in profile.read_text(encoding="utf-8")


def test_the_sample_is_small_and_has_truth_for_every_frame() -> None:
    assert SAMPLE.stat().st_size <= 5_000_000
    assert set(bag_topics(SAMPLE)) > {IMAGE_TOPIC, INFO_TOPIC, TRUE_DEPTH_PNG_TOPIC, TRUE_CLASSES_TOPIC}
    counts = {topic: entry.messages for topic, entry in bag_topics(SAMPLE).items() if not entry.latched}
    assert set(counts.values()) == {45}
    frame, truth = next(read_frames(SAMPLE))
    assert (frame.width, frame.height) == (640, 480)
    assert truth is not None
    assert {"table", "box", "floor"} <= {truth.class_names[i] for i in np.unique(truth.class_ids)}


def options(tmp_path: Path, bag: Path, model: Path) -> DemoOptions:
    return DemoOptions(tmp_path / "out", bag, None, None, model, "fake", 1.0)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    pytest.importorskip("rclpy", reason="the demo needs rclpy: `make test` installs it")
    pytest.importorskip("vb_perception.msg", reason="the messages are not built: `make test` builds them")
    write_toy_model(tmp_path / "model")
    return tmp_path / "model"


def test_the_outputs_that_are_expected_are_those_of_the_node(model: Path) -> None:
    assert model.is_dir()
    outputs = pytest.importorskip("vb_perception.ros.outputs")
    from vb_perception.tasks import MetricDepth, SemanticSegmentation, SurfaceNormals  # noqa: PLC0415 -- beside its use

    tasks = (MetricDepth(), SurfaceNormals(), SemanticSegmentation((("table", (255, 0, 0)),)))
    rows = outputs.outputs_of(tasks)
    assert set(OUTPUTS) - {"latency"} <= {row.topic for row in rows}
    assert {row.topic for row in rows if row.needs_camera} & set(OUTPUTS) == set(CALIBRATED_OUTPUTS)


def test_a_bag_is_played_recorded_and_judged(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = tmp_path / "run.mcap"
    write_samples(bag, [make_sample(i) for i in range(8)], rate_hz=4)
    status = run_demo(options(tmp_path, bag, model))
    printed = capsys.readouterr().out
    assert status == 0, printed
    lines = printed.splitlines()
    assert lines[-1] == "demo: ok"
    assert lines[0].split()[:3] == ["topic", "type", "messages"]
    assert any(line.startswith("ledger: received ") for line in lines)
    assert any("abs_rel" in line for line in lines)
    out = tmp_path / "out"
    for name in ("outputs.mcap", "report.html", "contact_sheet.png", "perception_node.log", "bag_player.log"):
        assert (out / name).stat().st_size > 0
    assert len(list(read_frames(out / "outputs.mcap"))) == 8


def test_a_model_that_is_not_there_fails_with_the_nodes_words(tmp_path: Path, model: Path) -> None:
    bag = tmp_path / "run.mcap"
    write_samples(bag, [make_sample()])
    with pytest.raises(VbPerceptionError, match=r"perception_node refused to start.*gone"):
        run_demo(options(tmp_path, bag, model.parent / "gone"))


def test_a_bag_without_camera_is_told_before_anything_starts(tmp_path: Path, model: Path) -> None:
    (tmp_path / "x.mcap").write_bytes(b"no bag")
    with pytest.raises(BagError, match=r"x\.mcap"):
        run_demo(options(tmp_path, tmp_path / "x.mcap", model))
    assert list((tmp_path / "out").iterdir()) == []
