"""The verdict on a recorded run, and what it writes."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.evaluation.test_recorded import DELAY_NS, OUTPUT, latency, recording  # noqa: F401 -- a fixture
from vb_perception.evaluation.bags import BagWriter, read_messages
from vb_perception.evaluation.camera_topics import find_camera
from vb_perception.evaluation.live_run import CALIBRATED_OUTPUTS, OUTPUTS, LiveRun, judge, problems_of
from vb_perception.timing import FrameLedger


@pytest.fixture
def run(recording: Path) -> LiveRun:  # noqa: F811
    played = {"/camera/image_raw/compressed": 6}
    return LiveRun(recording, find_camera(recording), OUTPUT, ("table", "object"), True, played, "made up")  # noqa: FBT003


def with_last_ledger(run: LiveRun, path: Path, ledger: FrameLedger, waiting: int = 0) -> LiveRun:
    with BagWriter(path) as bag:
        for topic, msgtype, t_ns, cdr in read_messages(run.recording):
            bag.write(topic, msgtype, t_ns, cdr)
        bag.write_typed(f"{OUTPUT}/latency", latency(10**9, ledger, waiting), 2 * DELAY_NS)
    return replace(run, recording=path)


def test_silent_topics_are_problems(run: LiveRun) -> None:
    problems = problems_of(run)
    assert f"topic {OUTPUT}/points stayed silent" in problems
    assert not any("depth/image_rect" in p or "ledger" in p for p in problems)
    spoke = {"depth/image_rect", "depth/confidence", "generated/depth", "normals/image", "segmentation/mask", "latency"}
    assert len(problems) == len(set(OUTPUTS) - spoke)


def test_an_uncalibrated_camera_owes_no_cloud(run: LiveRun) -> None:
    problems = problems_of(replace(run, calibrated=False))
    assert not any(name in problem for problem in problems for name in CALIBRATED_OUTPUTS)


@pytest.mark.parametrize(
    ("ledger", "waiting", "told"),
    [
        (FrameLedger(received=6, processed=3, overwritten=2), 0, "does not balance: received 6 = processed 3"),
        (FrameLedger(received=6, processed=3, overwritten=2), 1, "1 frames were still in the node"),
        (FrameLedger(received=7, processed=7), 0, "received 7 images, but only 6 were played"),
        (FrameLedger(received=6, processed=3, failed=3), 0, "3 frames failed"),
    ],
)
def test_a_ledger_that_is_wrong(run: LiveRun, tmp_path: Path, ledger: FrameLedger, waiting: int, told: str) -> None:
    changed = with_last_ledger(run, tmp_path / "x.mcap", ledger, waiting)
    assert any(told in problem for problem in problems_of(changed))


def test_frames_lost_in_transport_are_counted_but_no_fault_of_the_node(run: LiveRun, tmp_path: Path) -> None:
    changed = with_last_ledger(run, tmp_path / "x.mcap", FrameLedger(received=4, processed=4))
    judgement = judge(changed, tmp_path)
    assert judgement.lost == 2
    assert not any("ledger" in problem for problem in judgement.problems)


def test_a_node_without_ledger_is_a_problem(run: LiveRun, sample_bag: Path) -> None:
    assert "the node never published its ledger" in problems_of(replace(run, recording=sample_bag))


def test_an_unusable_image_is_told_and_the_rest_is_judged(run: LiveRun, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.mcap"
    images = 0
    with BagWriter(damaged) as bag:
        for topic, msgtype, t_ns, cdr in read_messages(run.recording):
            images += topic == run.camera.image
            first = topic == run.camera.image and images == 1
            bag.write(topic, msgtype, t_ns, cdr[: len(cdr) - 40] + bytes(40) if first else cdr)
    judgement = judge(replace(run, recording=damaged), tmp_path)
    assert judgement.scores.frames == 2
    assert "unusable images" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_report_shows_scores_topics_and_problems(run: LiveRun, tmp_path: Path) -> None:
    judgement = judge(run, tmp_path, ["topic_recorder ended with status 1"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert judgement.scores.frames == 3
    for text in (
        "topic_recorder ended with status 1",
        "table IoU",
        "/truth/legend",
        "received 6 = processed 3",
        "AbsRel",
    ):
        assert text in page
    assert (tmp_path / "contact_sheet.png").read_bytes().startswith(b"\x89PNG")
