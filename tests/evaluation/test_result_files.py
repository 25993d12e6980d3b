"""What is read is never taken away to make room for what is written."""

from pathlib import Path

import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.cli import main
from vb_perception.demo.processes import Orders, play_and_record
from vb_perception.errors import ConfigError
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.evaluation.camera_topics import find_camera
from vb_perception.evaluation.evaluate import evaluate
from vb_perception.evaluation.many import evaluate_many, on_this_machine
from vb_perception.evaluation.settings import Settings


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """As `demo` and --keep-outputs leave it."""
    path = tmp_path / "demo" / "outputs.mcap"
    write_samples(path, [make_sample(0)])
    (path.parent / "report.json").write_text("{}", encoding="utf-8")
    return path


@pytest.mark.parametrize("form", ["file", "link", "folder"])
def test_the_bag_that_is_evaluated_stays(
    recording: Path, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "link.mcap"
    link.symlink_to(recording)
    source = {"file": recording, "link": link, "folder": recording.parent}[form]
    before = recording.read_bytes()
    assert main(["evaluate", str(source), "--recorded", "--out", str(recording.parent)]) != 0
    told = capsys.readouterr().err
    assert "would be deleted to make room for the results in" in told
    assert "give another folder, or move the bag" in told
    assert recording.read_bytes() == before
    assert (recording.parent / "report.json").read_text(encoding="utf-8") == "{}"  # nor anything beside it


def test_the_bag_that_a_contestant_learns_from_stays(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = recording.parent.parent / "frames.mcap"
    write_samples(other, [make_sample(1)])
    ours = ["evaluate", str(other), "--out", str(recording.parent)]
    assert main([*ours, "--beside", f"mean=no-image:{recording}"]) != 0
    assert "would be deleted to make room for the results in" in capsys.readouterr().err
    assert recording.is_file()


def test_no_door_leads_past_it(recording: Path) -> None:
    recorded = Settings(recorded="/perception_node/output")
    with pytest.raises(ConfigError, match="would be deleted"):
        evaluate(recording, recorded, recording.parent)
    with pytest.raises(ConfigError, match="would be deleted"):
        evaluate_many([recording], recorded, recording.parent, on_this_machine(1), print)
    assert recording.is_file()


def test_a_part_does_not_take_the_place_of_a_source(tmp_path: Path) -> None:
    bag = tmp_path / "parts" / "outputs.mcap" / "outputs.mcap"
    write_samples(bag, [make_sample(0)])
    with pytest.raises(ConfigError, match="would be deleted"):
        evaluate_many([bag], Settings(recorded="/perception_node/output"), tmp_path, on_this_machine(1), print)
    assert bag.is_file()


def test_the_bag_that_the_demo_plays_stays(recording: Path) -> None:
    orders = Orders(recording, find_camera(recording), 1.0, Path("model"), "fake", recording.parent, "")
    with pytest.raises(ConfigError, match="would be deleted"):
        play_and_record(orders)
    assert recording.is_file()
