"""Phrases that nobody knows are told: not the model, or not the truth."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.evaluation.command import summary
from vb_perception.evaluation.evaluate import evaluate
from vb_perception.evaluation.many import evaluate_many, on_this_machine
from vb_perception.evaluation.settings import Settings, asked_tasks
from vb_perception.runtime.toy_model import write_toy_model

pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")


def asks(model: Path, classes: tuple[str, ...], phrase: str = "") -> Settings:
    return Settings((("ours", str(model)),), "fake", asked_tasks(classes, phrase))


def test_phrases_that_were_not_taught_are_noted(sample_bag: Path, tmp_path: Path) -> None:
    write_toy_model(tmp_path / "model")
    (tmp_path / "model" / "words.txt").write_text("cup\n", encoding="utf-8")
    spec = json.loads((tmp_path / "model" / "spec.json").read_text(encoding="utf-8"))
    spec["words_sha256"] = hashlib.sha256(b"cup\n").hexdigest()
    (tmp_path / "model" / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    asked = replace(Settings((("ours", str(tmp_path / "model")),), "fake"), tasks=asked_tasks(("cup", "unicorn"))[:3])
    outcome = evaluate(sample_bag, asked, tmp_path / "out")
    told = "ours: segmentation asks for 'unicorn', never taught to this model and painted nowhere"
    assert [note.startswith(told) for note in outcome.notes] == [True, False]  # nor does the truth know it
    assert f"note: {outcome.notes[0]}" in summary(outcome, None)
    assert outcome.passed
    assert json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["notes"] == list(outcome.notes)
    assert "never taught to this model" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_what_no_class_of_the_truth_means_is_noted(sample_bag: Path, model: Path, tmp_path: Path) -> None:
    outcome = evaluate(sample_bag, asks(model, ("Table", "cups", "unicorn"), "the robot"), tmp_path / "out")
    assert outcome.contestants["ours"].figures()["classes"].keys() == {"Table", "cups"}
    told = "which no class of the truth means, and is not judged: name one of table, box, cup"
    assert outcome.notes == (
        f"ours: segmentation asks for 'unicorn', {told}",
        f"ours: referring asks for 'the robot', {told}",
    )
    assert outcome.passed
    assert f"note: {outcome.notes[0]}" in summary(outcome, None)
    assert "no class of the truth means" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_truth_without_classes_is_no_reason_for_a_note(model: Path, tmp_path: Path) -> None:
    nothing = np.full((48, 64), -1, np.int16)
    write_samples(tmp_path / "x.mcap", [replace(make_sample(), class_ids=nothing, instance_ids=nothing)])
    assert evaluate(tmp_path / "x.mcap", asks(model, ("unicorn",))).notes == ()


def test_of_many_bags_a_note_names_those_that_it_is_on(model: Path, tmp_path: Path) -> None:
    other = replace(make_sample(), class_names=("background", "table", "box", "robot"))
    for name, sample in (("a", make_sample()), ("b", other)):
        write_samples(tmp_path / f"{name}.mcap", [sample])
    bags = [tmp_path / "a.mcap", tmp_path / "b.mcap"]
    outcome = evaluate_many(bags, asks(model, ("robot", "box")), tmp_path / "out", on_this_machine(1), print)
    (note,) = outcome.notes
    assert note.startswith("a.mcap: ours: segmentation asks for 'robot', which no class of the truth means")
