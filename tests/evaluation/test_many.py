"""A folder of bags: in parallel, resumed, with a broken one among them, here and on a local Ray."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.errors import BagError
from vb_perception.evaluation.bag_folders import sources_in
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.evaluation.cluster import on_ray
from vb_perception.evaluation.compare import compare
from vb_perception.evaluation.criteria import Criterion
from vb_perception.evaluation.evaluate import evaluate
from vb_perception.evaluation.many import Job, Result, evaluate_many, on_this_machine
from vb_perception.evaluation.settings import TASKS, Settings
from vb_perception.runtime.toy_model import write_toy_model

pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("toy")
    write_toy_model(folder)
    return Settings((("ours", str(folder)),), "fake", TASKS)


@pytest.fixture
def bags(tmp_path: Path) -> Path:
    folder = tmp_path / "bags"
    for i in range(3):
        write_samples(folder / f"run{'abc'[i]}.mcap", [make_sample(2 * i), make_sample(2 * i + 1)], 10, (i + 1) * 10**9)
    return folder


def _said() -> list[str]:
    return []


def test_together_they_score_as_one_bag(bags: Path, settings: Settings, tmp_path: Path) -> None:
    outcome = evaluate_many(sources_in([bags]), settings, tmp_path / "out", on_this_machine(2), print)
    write_samples(tmp_path / "whole.mcap", [make_sample(i) for i in range(6)])
    whole = evaluate(tmp_path / "whole.mcap", settings).contestants["ours"].figures()
    joined = outcome.contestants["ours"].figures()
    for group in joined.keys() - {"latency", "flicker"}:
        assert joined[group] == pytest.approx(whole[group], nan_ok=True), group
    assert outcome.counts.scored == 6
    assert outcome.passed
    written = {p.name for p in (tmp_path / "out").iterdir()}
    assert written == {"parts", "report.json", "report.html", "frames.jsonl", "junit.xml", "tallies.npz"}
    assert compare(str(tmp_path / "out"), str(tmp_path / "out")).frames == 6
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert '<a href="parts/runa.mcap/report.html">' in page
    assert "How frames differ: AbsRel of a frame" in page


def test_a_killed_run_goes_on_where_it_was(bags: Path, settings: Settings, tmp_path: Path) -> None:
    ran: list[str] = []

    def killed_after_one(jobs: Sequence[Job], asked: Settings) -> Iterator[Result]:
        for result in on_this_machine(1)(jobs[:1], asked):
            ran.append(result[0].name)
            yield result
        raise KeyboardInterrupt

    def counting(jobs: Sequence[Job], asked: Settings) -> Iterator[Result]:
        ran.extend(job.name for job in jobs)
        return on_this_machine(1)(jobs, asked)

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        evaluate_many(sources_in([bags]), settings, out, killed_after_one, print)
    assert not (out / "report.json").exists()
    said = _said()
    outcome = evaluate_many(sources_in([bags]), settings, out, counting, said.append)
    assert ran == ["runa.mcap", "runb.mcap", "runc.mcap"]
    assert said[0].startswith("1 of 3 sources were finished before")
    assert outcome.counts.scored == 6
    ran.clear()
    write_samples(bags / "runb.mcap", [make_sample(9)])  # other bytes: this one has to be done again
    assert evaluate_many(sources_in([bags]), settings, out, counting, print).counts.scored == 5
    assert ran == ["runb.mcap"]
    ran.clear()
    stricter = Settings(settings.contestants, "fake", TASKS, criteria=(Criterion("depth.abs_rel", "<=", 0.0),))
    assert not evaluate_many(sources_in([bags]), stricter, out, counting, print).passed
    assert len(ran) == 3  # asked for something else


def test_a_broken_bag_is_told_and_the_others_are_done(bags: Path, settings: Settings, tmp_path: Path) -> None:
    (bags / "runb.mcap").write_bytes(b"no bag")
    outcome = evaluate_many(sources_in([bags]), settings, tmp_path / "out", on_this_machine(1), print)
    assert outcome.counts.scored == 4
    assert not outcome.passed
    assert outcome.problems[0].startswith("runb.mcap: bag ")
    stored = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert stored["parts"] == ["runa.mcap", "runc.mcap"]
    for bag in bags.iterdir():
        bag.write_bytes(b"no bag")
    with pytest.raises(BagError, match="not one of 3 sources could be evaluated"):
        evaluate_many(sources_in([bags]), settings, tmp_path / "out", on_this_machine(1), print)


def test_an_error_that_nobody_expects_is_told_and_the_others_are_done(
    bags: Path, settings: Settings, tmp_path: Path
) -> None:
    names = ["a", "no unicode \udcff", "c"]  # what a file is called whose name is no UTF-8; the report cannot hold it
    jobs = [
        Job(bag, name, tmp_path / str(i)) for i, (bag, name) in enumerate(zip(sources_in([bags]), names, strict=True))
    ]
    results = list(on_this_machine(1)(jobs, settings))
    assert [job.name for job, _ in results] == names
    assert [bool(trouble) for _, trouble in results] == [False, True, False]
    assert re.match(r"\w+Error: .*a defect of this package: evaluate the source alone to see where$", results[1][1])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_the_same_on_a_local_ray(bags: Path, settings: Settings, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="`make test` installs it")
    outcome = evaluate_many(sources_in([bags]), settings, tmp_path / "ray", on_ray("local"), print)
    here = evaluate_many(sources_in([bags]), settings, tmp_path / "here", on_this_machine(1), print)
    for group, figures in here.contestants["ours"].figures().items():
        if group != "latency":
            assert outcome.contestants["ours"].figures()[group] == pytest.approx(figures, nan_ok=True), group
