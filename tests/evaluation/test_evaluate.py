"""Lock-step evaluation from a bag or a folder, with an engine that paints known answers."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.errors import BagError, ConfigError, InferenceError
from vb_perception.evaluation.bag_samples import (
    IMAGE_TOPIC,
    INFO_TOPIC,
    write_samples,
)
from vb_perception.evaluation.bags import BagWriter, read_messages
from vb_perception.evaluation.compare import compare
from vb_perception.evaluation.criteria import Criterion
from vb_perception.evaluation.evaluate import TASKS, evaluate
from vb_perception.evaluation.figure_names import FREE_GROUPS, KNOWN_FIGURES
from vb_perception.evaluation.frames_log import read_frames_log
from vb_perception.evaluation.message_types import Message, message_types
from vb_perception.evaluation.settings import Settings, asked_tasks
from vb_perception.evaluation.sources import is_folder_of_frames, read_source
from vb_perception.scenes.sample import Sample
from vb_perception.tasks import Task

pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")


@pytest.fixture
def folder(tmp_path: Path, samples: list[Sample]) -> Path:
    """Frames as files, two of them with depth."""
    frames = tmp_path / "frames"
    frames.mkdir()
    for i, sample in enumerate(samples[:3]):
        cv2.imwrite(str(frames / f"{i}_rgb.png"), sample.rgb[..., ::-1])
        if i < 2:
            cv2.imwrite(str(frames / f"{i}_depth.png"), np.nan_to_num(sample.depth_m * 1000).astype(np.uint16))
    return frames


def settings(
    model: Path, tasks: Sequence[Task] = TASKS, criteria: tuple[Criterion, ...] = (), *, keep_outputs: bool = False
) -> Settings:
    contestants = (("ours", str(model)),)
    return Settings(contestants, "fake", tuple(tasks), criteria=criteria, keep_outputs=keep_outputs)


def test_bag_to_scores_and_report(sample_bag: Path, model: Path, tmp_path: Path) -> None:
    outcome = evaluate(sample_bag, settings(model), tmp_path / "out")
    assert outcome.passed
    assert (outcome.counts.images, outcome.counts.answered, outcome.counts.scored) == (6, 6, 6)
    figures = outcome.contestants["ours"].figures()
    assert {"depth", "normals", "classes", "objects", "cloud", "latency"} <= figures.keys()
    assert "confidence" not in figures  # the fake engine is as sure of every pixel
    assert 0 < figures["depth"]["abs_rel"] < 5  # the fake engine sees a leaning plane
    stored = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert stored["contestants"]["ours"]["figures"]["depth"]["abs_rel"] == figures["depth"]["abs_rel"]
    assert stored["contestants"]["ours"]["counts"]["depth"]["abs_rel"] == 6
    assert stored["data"]["sha256"] == hashlib.sha256(sample_bag.read_bytes()).hexdigest()
    assert stored["versions"]["numpy"] == np.__version__
    written = {p.name for p in (tmp_path / "out").iterdir()}
    assert written == {"report.json", "report.html", "frames.jsonl", "junit.xml", "contact_sheet.png", "tallies.npz"}
    rows = list(read_frames_log(tmp_path / "out" / "frames.jsonl"))
    assert [row["stamp_ns"] for row in rows] == [1_000_000_000 + i * 100_000_000 for i in range(6)]
    mean = np.mean([row["answers"]["ours"]["depth"]["abs_rel"] for row in rows])
    assert mean == pytest.approx(figures["depth"]["abs_rel"])


def test_every_figure_that_is_written_can_be_a_criterion(sample_bag: Path, model: Path) -> None:
    outcome = evaluate(sample_bag, settings(model))
    figures = {**outcome.contestants["ours"].figures(), "frames": outcome.counts.figures()}
    named = {f"{group}.{name}" for group, row in figures.items() if group not in FREE_GROUPS for name in row}
    assert named <= set(KNOWN_FIGURES)


def test_the_same_frames_score_the_same_twice(sample_bag: Path, model: Path, tmp_path: Path) -> None:
    def frames(out: Path) -> list[dict[str, Any]]:
        evaluate(sample_bag, settings(model), out)
        rows = list(read_frames_log(out / "frames.jsonl"))
        for row in rows:
            del row["answers"]["ours"]["latency"]
        return rows

    assert frames(tmp_path / "a") == frames(tmp_path / "b")


def test_folder_to_scores(folder: Path, model: Path) -> None:
    outcome = evaluate(folder, settings(model, TASKS[:2]))
    assert outcome.counts.scored == 3
    assert not np.isnan(outcome.contestants["ours"].figures()["depth"]["abs_rel"])


def test_criteria_decide(sample_bag: Path, model: Path, tmp_path: Path) -> None:
    criteria = (Criterion("depth.abs_rel", "<=", 0.0), Criterion("ledger", "==", 1.0))
    outcome = evaluate(sample_bag, settings(model, TASKS[:1], criteria=criteria), tmp_path)
    assert [verdict.passed for verdict in outcome.verdicts] == [False, True]
    assert not outcome.passed
    assert 'failures="1"' in (tmp_path / "junit.xml").read_text(encoding="utf-8")
    assert "missed" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_not_one_usable_frame_leaves_nothing_that_looks_finished(sample_bag: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    evaluate(sample_bag, settings(model, TASKS[:1]), out)
    with BagWriter(tmp_path / "x.mcap") as bag:
        for topic, msgtype, t_ns, cdr in read_messages(sample_bag, [IMAGE_TOPIC, INFO_TOPIC]):
            message: Message = message_types().deserialize_cdr(cdr, msgtype)
            if topic == INFO_TOPIC:
                message.width = 1
            bag.write_typed(topic, message, t_ns)
    with pytest.raises(BagError, match=r"no usable frame \(6 unusable: image of stamp"):
        evaluate(tmp_path / "x.mcap", settings(model, TASKS[:1]), out)
    assert {p.name for p in out.iterdir()} == {"frames.jsonl.part"}


def test_an_engine_that_fails_at_once_leaves_nothing(sample_bag: Path, model: Path, tmp_path: Path) -> None:
    failing = Settings(contestants=(("ours", str(model)),), backend="fake:fail_every=1")
    with pytest.raises(InferenceError, match="inference 1 fails"):
        evaluate(sample_bag, failing, tmp_path / "out")
    assert not (tmp_path / "out" / "report.json").exists()


def test_an_engine_that_fails_on_the_way_leaves_a_report_of_what_was_done(
    sample_bag: Path, model: Path, tmp_path: Path
) -> None:
    failing = Settings(contestants=(("ours", str(model)),), backend="fake:fail_every=3")
    outcome = evaluate(sample_bag, failing, tmp_path / "out")
    assert (outcome.counts.answered, outcome.counts.dropped) == (2, 4)
    assert not outcome.passed
    assert not outcome.balanced
    assert outcome.problems[0].startswith("ended after 2 frames: ")
    assert "inference 3 fails" in outcome.problems[0]
    stored = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert stored["fingerprint"] == ""  # no later run takes it over
    assert len(list(read_frames_log(tmp_path / "out" / "frames.jsonl"))) == 2


def test_a_cut_bag_is_read_as_far_as_it_goes(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.mcap"
    write_samples(path, [make_sample(i % 3, 160, 120) for i in range(60)], depth="32FC1")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.8)])
    outcome = evaluate(path, settings(model, TASKS[:1]), tmp_path / "out")
    assert 0 < outcome.counts.scored < 60
    assert not outcome.passed
    assert "is cut short: only its first" in outcome.problems[0]
    assert "is cut short" in (tmp_path / "out" / "junit.xml").read_text(encoding="utf-8")


def test_nothing_true_is_no_figure_and_missed(model: Path, tmp_path: Path) -> None:
    blind = replace(make_sample(), depth_m=np.full((48, 64), np.nan, np.float32))
    write_samples(tmp_path / "x.mcap", [blind])
    criteria = (Criterion("depth.abs_rel", "<=", 1.0),)
    outcome = evaluate(tmp_path / "x.mcap", settings(model, TASKS[:1], criteria=criteria))
    assert "depth" not in outcome.contestants["ours"].figures()
    assert "was not measured" in outcome.verdicts[0].sentence
    assert not outcome.passed


def test_other_classes_and_a_phrase_are_asked(sample_bag: Path, model: Path) -> None:
    figures = evaluate(sample_bag, settings(model, asked_tasks(("cup", "box"), "box"))).contestants["ours"].figures()
    assert figures["classes"].keys() == {"cup", "box"}
    assert figures["referring"].keys() == {"iou", "c_iou", "g_iou"}
    assert asked_tasks() == TASKS
    with pytest.raises(ConfigError, match="expected each once"):
        asked_tasks(("cup", "cup"))


def test_the_written_answers_score_as_they_did(sample_bag: Path, model: Path, tmp_path: Path) -> None:
    direct = evaluate(sample_bag, settings(model, keep_outputs=True), tmp_path / "out").contestants["ours"].figures()
    recorded = Settings(recorded="/perception_node/output")
    again = evaluate(tmp_path / "out" / "outputs.mcap", recorded).contestants["ours"].figures()
    for group in ("depth", "normals", "classes", "segmentation", "objects", "cloud"):
        assert again[group] == pytest.approx(direct[group], nan_ok=True), group


def test_contestants_stand_in_one_table(sample_bag: Path, model: Path, tmp_path: Path) -> None:
    names = (("ours", str(model)), ("no image", f"no-image:{sample_bag}"))
    outcome = evaluate(sample_bag, Settings(contestants=names, backend="fake"), tmp_path)
    ours, guess = (outcome.contestants[name].figures()["depth"]["abs_rel"] for name, _ in names)
    assert guess < 0.1 < ours  # it learnt these very frames
    assert "<th>no image</th>" in (tmp_path / "report.html").read_text(encoding="utf-8")
    comparison = compare(f"{tmp_path}:ours", f"{tmp_path}:no image")
    assert comparison.rows["depth.abs_rel"][2].mean < 0
    assert comparison.verdict("depth.abs_rel") == "too few frames"


@pytest.mark.parametrize("what", ["nowhere", "no-image:nowhere"])
def test_contestants_that_are_none(sample_bag: Path, what: str) -> None:
    with pytest.raises((ConfigError, BagError), match="nowhere"):
        evaluate(sample_bag, Settings(contestants=(("ours", what),)))


@pytest.mark.parametrize("name", ["gone", "gone.mcap"])
def test_a_source_that_is_not_there(tmp_path: Path, model: Path, name: str) -> None:
    with pytest.raises(BagError, match="does not exist"):
        evaluate(tmp_path / name, settings(model))


def test_what_is_a_folder_of_frames(folder: Path, sample_bag: Path, tmp_path: Path) -> None:
    assert is_folder_of_frames(folder)
    assert not is_folder_of_frames(sample_bag)
    shutil.copy(sample_bag, tmp_path / "run_0.mcap")
    assert not is_folder_of_frames(tmp_path)


def test_the_real_frames() -> None:
    split = Path(__file__).resolve().parents[3] / "shared/data/osd/test"
    if not split.is_dir():
        pytest.skip(f"{split} is not there: the OSD frames are not part of this repository")
    frames = read_source(split)
    frame, truth = next(frames)
    assert truth is not None
    assert truth.class_names == ("background", "table", "object")
    assert frame.intrinsics == truth.intrinsics
