"""Paired differences and their intervals against scipy's bootstrap; two reports beside each other."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import bootstrap

from vb_perception.cli import main
from vb_perception.errors import ConfigError
from vb_perception.evaluation.compare import compare
from vb_perception.evaluation.frames_log import FramesLog, read_frames_log
from vb_perception.evaluation.paired import paired_difference


def test_single_frames_agree_with_scipy() -> None:
    differences = np.random.default_rng(0).normal(0.1, 0.4, 80)
    ours = paired_difference(differences, block=1)
    theirs = bootstrap((differences,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(1))
    assert ours.mean == pytest.approx(differences.mean())
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)


def test_blocks_widen_the_interval_of_frames_that_are_alike() -> None:
    rng = np.random.default_rng(0)
    walk = np.convolve(rng.normal(0, 1, 420), np.ones(20) / 20, "valid")
    single, blocks = paired_difference(walk, block=1), paired_difference(walk, block=20)
    assert blocks.high - blocks.low > 2 * (single.high - single.low)


def test_of_independent_frames_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(120):
        interval = paired_difference(rng.normal(0.3, 1, 60), block=1, resamples=300)
        hits += interval.low <= 0.3 <= interval.high
    assert 0.88 <= hits / 120 <= 1


def test_few_frames_have_no_interval_and_some_more_a_wide_one() -> None:
    assert np.isnan(paired_difference(np.zeros(0)).mean)
    one = paired_difference(np.array([0.5]))
    assert (one.mean, one.frames, one.is_too_few, one.is_clear) == (0.5, 1, True, False)
    assert paired_difference(np.ones(7), block=1).is_too_few
    assert paired_difference(np.ones(9)).is_too_few  # 4.5 blocks
    assert paired_difference(np.ones(10)).is_clear


def test_chance_is_seldom_called_a_difference() -> None:
    rng = np.random.default_rng(0)
    alarms = sum(paired_difference(rng.normal(0, 1, 10), resamples=300).is_clear for _ in range(300))
    assert alarms <= 0.08 * 300


def _report(folder: Path, errors: list[float | None], digest: str = "d", problems: Sequence[str] = ()) -> Path:
    folder.mkdir()
    with FramesLog(folder / "frames.jsonl") as log:
        for i, error in enumerate(errors):
            figures = {"depth": {"abs_rel": error, "delta1": None if error is None else 1 - error}}
            figures["latency"] = {"total_ms": error}
            answers = {"ours": figures, "other": {"depth": {"abs_rel": 0.5}}}
            log.write({"source": "bag", "stamp_ns": i, "answers": answers})
    content = {"contestants": {"ours": {}, "other": {}}, "data": {"sha256": digest}, "problems": [*problems]}
    (folder / "report.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_better_worse_and_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    errors = rng.uniform(0.1, 0.3, 60)
    a = _report(tmp_path / "a", errors.tolist())
    b = _report(tmp_path / "b", (errors - 0.02 + rng.normal(0, 0.01, 60)).tolist())
    same = _report(tmp_path / "c", rng.permutation(errors).tolist(), digest="e")
    better = compare(str(a), str(b))
    assert [better.verdict(f"depth.{name}") for name in ("abs_rel", "delta1")] == ["better", "better"]
    assert compare(str(b), str(a)).verdict("depth.abs_rel") == "worse"
    shuffled = compare(str(a), str(same))
    assert shuffled.verdict("depth.abs_rel") == "same"
    assert "made from different data" in shuffled.notes[0]
    assert any("depth.abs_rel" in line and "+ better" in line for line in better.lines())
    plain = json.loads(json.dumps(better.as_json()))
    assert plain["figures"]["depth.abs_rel"]["b_is"] == "better"
    assert plain["figures"]["depth.abs_rel"]["frames"] == 60


def test_few_frames_are_said_to_be_too_few(tmp_path: Path) -> None:
    comparison = compare(str(_report(tmp_path / "a", [0.1] * 5)), str(_report(tmp_path / "b", [0.2] * 5)))
    assert comparison.verdict("depth.abs_rel") == "too few frames"
    assert not comparison.is_worse()
    assert any(line.endswith("? too few frames") for line in comparison.lines())
    told = json.loads(json.dumps(comparison.as_json(), allow_nan=False))["figures"]["depth.abs_rel"]
    assert (told["b_is"], told["low"], told["difference"]) == ("too few frames", None, pytest.approx(0.1))


def test_slower_alone_does_not_fail(tmp_path: Path) -> None:
    a, b = _report(tmp_path / "a", [0.1] * 20), _report(tmp_path / "b", [0.2] * 20)
    comparison = compare(str(a), str(b))
    assert comparison.is_worse()
    slower = replace(comparison, rows={"latency.total_ms": comparison.rows["latency.total_ms"]})
    assert slower.verdict("latency.total_ms") == "worse"
    assert not slower.is_worse()


def test_contestants_of_one_report_and_frames_that_only_one_has(tmp_path: Path) -> None:
    a = _report(tmp_path / "a", [0.1, 0.2, None, 0.1])
    b = _report(tmp_path / "b", [0.1, 0.2, 0.3])
    comparison = compare(f"{a}:ours", f"{a}:other")
    assert comparison.rows["depth.abs_rel"][2].frames == 3  # null: one of them was not judged
    assert compare(str(a), str(b)).frames == 3
    assert "only those in both" in compare(str(a), str(b)).notes[0]


def test_what_is_no_report(tmp_path: Path) -> None:
    a = _report(tmp_path / "a", [0.1])
    with pytest.raises(ConfigError, match=r"no contestant 'mine'; it has ours, other"):
        compare(f"{a}:mine", str(a))
    with pytest.raises(ConfigError, match="is no report"):
        compare(str(a), str(tmp_path))
    empty = _report(tmp_path / "b", [])
    with pytest.raises(ConfigError, match="no frame in common"):
        compare(str(a), str(empty))


def test_a_log_that_broke_is_not_there_under_its_name(tmp_path: Path) -> None:
    with pytest.raises(TypeError), FramesLog(tmp_path / "frames.jsonl") as log:
        log.write({"a": object()})
    assert [p.name for p in tmp_path.iterdir()] == ["frames.jsonl.part"]
    (tmp_path / "frames.jsonl").write_text('{"a": null}\n[1]\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="line 2"):
        list(read_frames_log(tmp_path / "frames.jsonl"))


@pytest.mark.parametrize(
    ("errors", "problems", "told"),
    [
        ([0.1] * 20, ["ended after 20 frames: the engine died"], "problem of B: ended after 20 frames"),
        ([0.1] * 15, [], "B lacks 5 of the 20 frames of A"),
        ([0.1] * 4, [], "too few frames to say"),
        ([0.1] * 20, [], ""),
    ],
)
def test_no_gate_is_passed_that_was_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], errors: list[float | None], problems: list[str], told: str
) -> None:
    first, second = str(_report(tmp_path / "a", [0.1] * 20)), str(_report(tmp_path / "b", errors, "d", problems))
    assert main(["compare", first, second]) == 0
    assert main(["compare", first, second, "--fail-if-worse"]) == (1 if told else 0)
    assert told in capsys.readouterr().err
