"""What could not be judged is told in a sentence, and costs no more than itself."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.evaluation.bag_samples import (
    IMAGE_TOPIC,
    LEGEND_TOPIC,
    TRUE_DEPTH_TOPIC,
    image_message,
    write_sample,
    write_samples,
)
from vb_perception.evaluation.bags import BagWriter, read_messages
from vb_perception.evaluation.criteria import Criterion
from vb_perception.evaluation.evaluate import evaluate
from vb_perception.evaluation.frames_log import read_frames_log
from vb_perception.evaluation.message_types import Message, message_types
from vb_perception.evaluation.settings import TASKS, Settings
from vb_perception.tasks import Task


def settings(model: Path, tasks: Sequence[Task] = TASKS, criteria: tuple[Criterion, ...] = ()) -> Settings:
    return Settings((("ours", str(model)),), "fake", tuple(tasks), criteria=criteria)


def test_frames_that_cannot_be_used_are_left_out_and_told(
    sample_bag: Path, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with BagWriter(tmp_path / "x.mcap") as bag:
        for topic, msgtype, t_ns, cdr in read_messages(sample_bag):
            message: Message = message_types().deserialize_cdr(cdr, msgtype)
            if topic == IMAGE_TOPIC and t_ns > 1_200_000_000:
                message.data = message.data[:100]
            bag.write_typed(topic, message, t_ns)
    outcome = evaluate(tmp_path / "x.mcap", settings(model, TASKS[:1]))
    assert (outcome.counts.scored, outcome.counts.unusable, outcome.balanced) == (3, 3, True)
    assert sum("left out: image of stamp" in record.message for record in caplog.records) == 3
    assert not outcome.passed
    assert outcome.problems[0].startswith("3 images could not be used; the first: image of stamp 1300000000 ns")
    tolerant = settings(model, TASKS[:1], criteria=(Criterion("frames.unusable", "<=", 3.0),))
    assert evaluate(tmp_path / "x.mcap", tolerant).passed


def test_a_class_beyond_the_legend_costs_one_frame(model: Path, tmp_path: Path) -> None:
    frames = [make_sample(i) for i in range(5)]
    frames[2].class_ids[0, 0] = 30
    write_samples(tmp_path / "x.mcap", frames)
    criteria = (Criterion("frames.unusable", "<=", 1.0),)
    outcome = evaluate(tmp_path / "x.mcap", settings(model, criteria=criteria), tmp_path / "out")
    assert (outcome.counts.answered, outcome.counts.scored, outcome.counts.unusable) == (4, 4, 1)
    assert outcome.balanced
    assert outcome.passed
    assert len(list(read_frames_log(tmp_path / "out" / "frames.jsonl"))) == 4
    (problem,) = evaluate(tmp_path / "x.mcap", settings(model)).problems
    assert "class id 30 is true, but the legend names 4 classes: name every id" in problem


def test_class_masks_without_a_legend_are_told_and_the_rest_is_judged(
    sample_bag: Path, model: Path, tmp_path: Path
) -> None:
    with BagWriter(tmp_path / "x.mcap") as bag:
        for message in read_messages(sample_bag):
            if message.topic != LEGEND_TOPIC:
                bag.write(*message)
    outcome = evaluate(tmp_path / "x.mcap", settings(model))
    assert outcome.counts.scored == 6
    assert outcome.contestants["ours"].figures().keys() >= {"depth", "normals"}
    assert "classes" not in outcome.contestants["ours"].figures()
    (problem,) = outcome.problems
    assert problem.startswith("true class ids on /truth/segmentation/mask were not judged: the bag has no legend")


def test_images_of_one_stamp_are_a_problem(model: Path, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "x.mcap") as bag:
        for i in range(4):
            write_sample(bag, make_sample(i), max(i, 2) * 10**9, "16UC1", 90)
    outcome = evaluate(tmp_path / "x.mcap", settings(model, TASKS[:1]))
    assert (outcome.counts.images, outcome.counts.answered, outcome.counts.dropped) == (4, 2, 2)
    (problem,) = outcome.problems
    assert problem.startswith(f"2 images on {IMAGE_TOPIC} share a stamp with another and were not answered")
    assert not outcome.passed


def test_true_depth_without_a_pixel_is_told(model: Path, tmp_path: Path) -> None:
    blind = replace(make_sample(), depth_m=np.full((48, 64), np.nan, np.float32))
    with BagWriter(tmp_path / "x.mcap") as bag:
        write_sample(bag, blind, 10**9, "32FC1", 90)
        depth = image_message(blind.depth_m, "32FC1", 10**9)
        bag.write_typed(TRUE_DEPTH_TOPIC, depth, 10**9)
    outcome = evaluate(tmp_path / "x.mcap", settings(model, TASKS[:1]))
    assert outcome.problems == (f"true depth on {TRUE_DEPTH_TOPIC} has not one pixel to judge by (finite and above 0)",)
