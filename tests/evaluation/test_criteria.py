"""Criteria: what is met, what is missed, and what is no criterion at all."""

import math
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from vb_perception.errors import ConfigError
from vb_perception.evaluation.criteria import Criterion, check_classes, judge_criteria, read_criteria
from vb_perception.evaluation.figure_names import KNOWN_FIGURES, lower_is_better
from vb_perception.evaluation.junit import write_junit

FIGURES = {"depth": {"abs_rel": 0.05, "delta1": 0.97, "edge_f": math.nan}, "latency": {"p95_ms": 80.0}}


def _file(tmp_path: Path, text: str) -> Path:
    (tmp_path / "criteria.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "criteria.yaml"


def test_each_relation(tmp_path: Path) -> None:
    text = """
        depth.abs_rel: "<= 0.05"
        depth: {delta1: ">0.97"}
        latency.p95_ms: "<80"
        ledger: balanced
        classes.table: ">= 0.9"
        depth.edge_f: ">= 0"
    """
    verdicts = judge_criteria(read_criteria(_file(tmp_path, text)), FIGURES, balanced=True)
    assert [v.passed for v in verdicts] == [True, False, False, True, False, False]
    assert verdicts[1].sentence == "depth.delta1 is 0.97, expected > 0.97"
    assert "classes.table was not measured" in verdicts[4].sentence
    assert [str(v.criterion) for v in verdicts[2:4]] == ["latency.p95_ms < 80", "ledger: balanced"]


def test_a_verdict_says_over_how_many_frames(tmp_path: Path) -> None:
    criteria = read_criteria(_file(tmp_path, 'depth.abs_rel: "<= 0.05"'))
    (verdict,) = judge_criteria(criteria, FIGURES, {"depth": {"abs_rel": 3}}, balanced=True)
    assert verdict.sentence == "depth.abs_rel is 0.05 over 3 frames, expected <= 0.05"


def test_an_unbalanced_ledger(tmp_path: Path) -> None:
    (verdict,) = judge_criteria(read_criteria(_file(tmp_path, "ledger: balanced")), FIGURES, balanced=False)
    assert not verdict.passed
    assert verdict.sentence == "the frame ledger does not balance"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("depth.abs_rell: '<= 1'", "no figure is called 'depth.abs_rell'; did you mean depth.abs_rel?"),
        ("ledgr: balanced", "did you mean ledger?"),
        ("ledger: yes", "expect of it is: balanced"),
        ("depth.abs_rel: 0.06", "expected one of <=, >=, <, >, == and a number"),
        ("depth.abs_rel: '<= six'", "depth.abs_rel is '<= six'"),
        ("- depth", "expected lines such as"),
        ("", "holds None"),
        ("a: [", "expected lines such as"),
    ],
)
def test_a_typo_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_criteria(_file(tmp_path, text))
    assert told in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        'depth.abs_rel: "<= 0.06"\ndepth.abs_rel: ">= 0.0"',
        'depth: {abs_rel: "<= 0.06"}\ndepth.abs_rel: ">= 0.0"',
        'depth: {abs_rel: "<= 0.06"}\ndepth: {delta1: ">= 0.9"}',
    ],
)
def test_no_criterion_is_lost_to_one_of_the_same_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "criteria.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"depth(\.abs_rel)? more than once"):
        read_criteria(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_criteria(tmp_path / "none.yaml")


def test_a_class_that_is_not_asked_for_is_told() -> None:
    criteria = (Criterion("classes.tabel", ">=", 0.5),)
    with pytest.raises(ConfigError, match=r"did you mean classes\.table\?"):
        check_classes(criteria, ("table", "object"))
    check_classes(criteria, ("tabel",))


def test_which_way_is_better() -> None:
    better_less = {figure for figure in KNOWN_FIGURES if lower_is_better(figure)}
    assert {"depth.rmse_log", "normals.median_deg", "cloud.chamfer_m", "latency.p95_ms"} <= better_less
    assert not {"depth.delta1", "normals.share_5", "instances.ap", "confidence.aurg", "depth.edge_f"} & better_less


def test_junit_is_what_ci_systems_read(tmp_path: Path) -> None:
    criteria = read_criteria(_file(tmp_path, "depth.abs_rel: '<= 0.01'\nlatency.p95_ms: '<= 100'"))
    verdicts = judge_criteria(criteria, FIGURES, balanced=True)
    write_junit(tmp_path / "junit.xml", "a <bag>\x00", verdicts, ["it broke & stopped"], 1.5)
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]  # noqa: S314 -- written a line ago
    assert (suite.get("tests"), suite.get("failures"), suite.get("name")) == ("3", "2", "a <bag>?")
    failures = {case.get("name"): case.find("failure") for case in suite}
    assert failures["latency.p95_ms <= 100"] is None
    failure = failures["depth.abs_rel <= 0.01"]
    assert failure is not None
    assert failure.get("message") == "depth.abs_rel is 0.05, expected <= 0.01"
    assert next(case.get("name") for case in suite) == "evaluated without a problem"
