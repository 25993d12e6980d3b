"""What a result was made of: a change of it is noticed, and never booked under another name."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.evaluation import provenance
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.evaluation.evaluate import evaluate
from vb_perception.evaluation.many import Job, Result, evaluate_many, on_this_machine
from vb_perception.evaluation.settings import Settings
from vb_perception.runtime.toy_model import write_toy_model


def test_other_code_is_another_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(provenance.__file__) in provenance._PACKAGE.rglob("*.py")  # noqa: SLF001 -- it is this package
    prints = [Settings().fingerprint()]
    for name, code in (("a", "x = 1"), ("b", "x = 1"), ("c", "x = 2")):
        (tmp_path / name / "room").mkdir(parents=True)
        (tmp_path / name / "room" / "file.py").write_text(code, encoding="utf-8")
        (tmp_path / name / "room" / f"{name}.pyc").write_bytes(b"")  # no source
        monkeypatch.setattr(provenance, "_PACKAGE", tmp_path / name)
        prints.append(Settings().fingerprint())
    assert prints[1] == prints[2]
    assert len(set(prints)) == 3


@pytest.fixture
def model(tmp_path: Path) -> Path:
    pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")
    write_toy_model(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def bags(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.mcap", tmp_path / "b.mcap"]
    for path in paths:
        write_samples(path, [make_sample(0), make_sample(1)])
    return paths


def export_again(model: Path) -> None:
    """Other bytes in the same folder, as an export into it leaves them."""
    with (model / "spec.json").open("a", encoding="utf-8") as stream:
        stream.write("\n")


def test_what_changes_while_it_is_evaluated_fails_the_run(model: Path, bags: list[Path], tmp_path: Path) -> None:
    def on_the_way(frames: int) -> None:
        if frames == 1:
            export_again(model)

    asked = Settings((("ours", str(model)),), "fake")
    first = evaluate(bags[0], asked)
    outcome = evaluate(bags[0], asked, tmp_path / "out", progress=on_the_way)
    assert outcome.problems == (
        f"ours: {model} changed while it was evaluated; expected the same bytes from beginning to end, so run it again",
    )
    assert not outcome.passed
    assert outcome.fingerprint == ""  # no later run takes it over
    assert outcome.models == first.models  # what it began with
    assert evaluate(bags[0], asked).models != first.models


def test_parts_of_two_models_are_not_joined(model: Path, bags: list[Path], tmp_path: Path) -> None:
    ran: list[str] = []

    def changing(jobs: Sequence[Job], settings: Settings) -> Iterator[Result]:
        for result in on_this_machine(1)(jobs, settings):
            ran.append(result[0].name)
            yield result
            if len(ran) == 1:
                export_again(model)

    asked = Settings((("ours", str(model)),), "fake")
    outcome = evaluate_many(bags, asked, tmp_path / "out", changing, print)
    (problem,) = outcome.problems
    assert problem.startswith("b.mcap: made with another model than the run began with; ")
    assert outcome.parts == ("a.mcap",)
    again = evaluate_many(bags, asked, tmp_path / "out", changing, print)
    assert again.passed
    assert again.models != outcome.models
    assert ran == ["a.mcap", "b.mcap", "a.mcap"]


@pytest.mark.parametrize("place", [".", "report"])
def test_results_inside_the_source_are_no_change_of_it(model: Path, bags: list[Path], place: str) -> None:
    folder = bags[0].parent / "run"
    folder.mkdir()
    bags[0].rename(folder / "run_0.mcap")
    asked = Settings((("ours", str(model)),), "fake")
    assert evaluate(folder, asked, folder / place).problems == ()
