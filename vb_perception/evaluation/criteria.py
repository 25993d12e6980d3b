"""Criteria in YAML decide whether an evaluation passed.

::

    depth.abs_rel: "<= 0.06"
    latency.p95_ms: "<= 80"
    frames.scored: ">= 100"
    ledger: balanced

A figure is named `group.name` as in report.json; groups may also be nested.  Where a figure is missing or NaN, its
criterion failed: what was not measured was not met.
"""

import difflib
import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from vb_perception.errors import ConfigError
from vb_perception.evaluation.figure_names import FREE_GROUPS, KNOWN_FIGURES

LEDGER = "ledger"
_RELATIONS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "==": operator.eq}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line: a figure, "<=", ">=", "<", ">" or "==", and a limit; or the ledger and "balanced"."""

    figure: str
    relation: str
    limit: float

    def __str__(self) -> str:
        """As it was written."""
        return f"{LEDGER}: balanced" if self.figure == LEDGER else f"{self.figure} {self.relation} {self.limit:g}"


class Verdict(NamedTuple):
    """What became of a criterion; `value` is NaN where the figure was not measured, `frames` how many it is over."""

    criterion: Criterion
    value: float
    passed: bool
    frames: int | None = None

    @property
    def sentence(self) -> str:
        """In words, for people and for JUnit."""
        if self.criterion.figure == LEDGER:
            return "the frame ledger balances" if self.passed else "the frame ledger does not balance"
        if math.isnan(self.value):
            return f"{self.criterion.figure} was not measured: no frame had truth and an answer for it"
        over = "" if self.frames is None else f" over {self.frames} frame{'s' * (self.frames != 1)}"
        expected = f"{self.criterion.relation} {self.criterion.limit:g}"
        return f"{self.criterion.figure} is {self.value:.5g}{over}, expected {expected}"


def read_criteria(path: Path) -> tuple[Criterion, ...]:
    """The criteria of a file.

    Raises:
        ConfigError: it cannot be read, is no mapping, names a figure twice or one that is not known, or has a value
            that is no comparison.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content, twice = yaml.safe_load(text), _repeated(yaml.compose(text, yaml.SafeLoader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        msg = f'criteria {path}: {" ".join(str(error).split())}; expected lines such as `depth.abs_rel: "<= 0.06"`'
        raise ConfigError(msg) from error
    if not isinstance(content, dict) or not content:
        msg = f'criteria {path} holds {content!r}; expected lines such as `depth.abs_rel: "<= 0.06"`'
        raise ConfigError(msg)
    figures = [figure for figure, _ in _flat(content)]
    twice += [figure for figure in dict.fromkeys(figures) if figures.count(figure) > 1]
    if twice:
        msg = f"criteria {path}: {', '.join(twice)} more than once; expected each once"
        raise ConfigError(msg)
    return tuple(_criterion(path, figure, value) for figure, value in _flat(content))


def check_classes(criteria: Sequence[Criterion], classes: Sequence[str]) -> None:
    """Raise ConfigError if a criterion on `classes` names one that is not asked for."""
    for group, _, name in (criterion.figure.partition(".") for criterion in criteria):
        if group in FREE_GROUPS and name not in classes:
            near = difflib.get_close_matches(name, classes, n=1, cutoff=0)[0]
            msg = f"criterion on {group}.{name}: the classes are {', '.join(classes)}; did you mean {group}.{near}?"
            raise ConfigError(msg)


def judge_criteria(
    criteria: tuple[Criterion, ...],
    figures: Mapping[str, Mapping[str, float]],
    counts: Mapping[str, Mapping[str, int]] | None = None,
    *,
    balanced: bool,
) -> tuple[Verdict, ...]:
    """Whether the figures, by group and name, meet each of the criteria; `counts`: over how many frames they are."""
    out = []
    for criterion in criteria:
        if criterion.figure == LEDGER:
            out.append(Verdict(criterion, float(balanced), balanced))
            continue
        group, _, name = criterion.figure.partition(".")
        value = figures.get(group, {}).get(name, math.nan)
        # NaN compares false with everything: not measured is not met.
        passed = bool(_RELATIONS[criterion.relation](value, criterion.limit))
        out.append(Verdict(criterion, value, passed, (counts or {}).get(group, {}).get(name)))
    return tuple(out)


def _repeated(node: Any) -> list[str]:  # noqa: ANN401 - PyYAML has no types
    """Keys that stand more than once in a mapping: PyYAML takes the last, and a criterion were lost."""
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = [key.value for key, _ in node.value]
    own = [key for key in dict.fromkeys(keys) if keys.count(key) > 1]
    return own + [key for _, value in node.value for key in _repeated(value)]


def _flat(content: Mapping[object, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _criterion(path: Path, figure: str, value: object) -> Criterion:
    text = str(value).strip()
    if figure == LEDGER:
        if text != "balanced":
            msg = f"criteria {path}: {LEDGER} is {text!r}; the only thing to expect of it is: balanced"
            raise ConfigError(msg)
        return Criterion(LEDGER, "==", 1.0)
    group, _, name = figure.partition(".")
    if figure not in KNOWN_FIGURES and not (group in FREE_GROUPS and name):
        near = difflib.get_close_matches(figure, [*KNOWN_FIGURES, LEDGER], n=1, cutoff=0)[0]
        msg = f"criteria {path}: no figure is called {figure!r}; did you mean {near}? docs/evaluation.md lists them all"
        raise ConfigError(msg)
    relation = next((sign for sign in _RELATIONS if text.startswith(sign)), None)
    try:
        limit = float(text.removeprefix(relation or ""))
    except ValueError:
        limit = math.nan
    if relation is None or math.isnan(limit):
        signs = ", ".join(_RELATIONS)
        msg = f'criteria {path}: {figure} is {text!r}; expected one of {signs} and a number, such as "<= 0.06"'
        raise ConfigError(msg)
    return Criterion(figure, relation, limit)
