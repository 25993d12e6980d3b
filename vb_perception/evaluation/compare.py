"""`vb-perception compare A B`: two reports, frame by frame."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vb_perception.errors import ConfigError
from vb_perception.evaluation.figure_names import lower_is_better
from vb_perception.evaluation.frames_log import Row, plain, read_frames_log
from vb_perception.evaluation.paired import LEVEL, PairedDifference, paired_difference

_HIDDEN = ("frames",)
_NO_GATE = ("latency",)
_TOO_FEW = "too few frames"
_ARROWS = {"better": "+", "worse": "-", "same": "=", _TOO_FEW: "?"}


@dataclass(frozen=True, slots=True)
class Side:
    """One report's folder, and which of its contestants."""

    name: str
    digest: str
    frames: dict[tuple[str, int], Row]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences B - A by figure `group.name`, over the frames that both have; notes are sentences.

    `gaps` are sentences too: why nobody can say that B is as good, though no figure be worse.
    """

    first: str
    second: str
    frames: int
    rows: dict[str, tuple[float, float, PairedDifference]]
    notes: tuple[str, ...]
    gaps: tuple[str, ...] = ()

    def verdict(self, figure: str) -> str:
        """What B is to A: "better", "worse", "same" where zero lies in the interval, "too few frames" without one."""
        difference = self.rows[figure][2]
        if difference.is_too_few:
            return _TOO_FEW
        if not difference.is_clear:
            return "same"
        return "better" if (difference.mean < 0) == lower_is_better(figure) else "worse"

    def is_worse(self) -> bool:
        """Whether B is worse in any figure but latency, which is as much the machine's and its load's."""
        return any(self.verdict(name) == "worse" for name in self.rows if name.partition(".")[0] not in _NO_GATE)

    def as_json(self) -> dict[str, object]:
        """Plain numbers, None for NaN."""
        figures = {
            name: plain({"a": a, "b": b, "difference": d.mean, "low": d.low, "high": d.high, "frames": d.frames,
                         "b_is": self.verdict(name)})
            for name, (a, b, d) in self.rows.items()
        }  # fmt: skip
        names = {"a": self.first, "b": self.second, "level": LEVEL}
        told = {"notes": list(self.notes), "gaps": list(self.gaps)}
        return {**names, "frames": self.frames, **told, "figures": figures}

    def lines(self) -> list[str]:
        """A table in text."""
        out = [f"A: {self.first}", f"B: {self.second}", f"{self.frames} frames in both", *self.notes, ""]
        width = max(map(len, self.rows), default=6)
        out.append(
            f"{'figure':<{width}}  {'A':>10}  {'B':>10}  {'B - A':>10}  {LEVEL:.0%} interval          frames  B is"
        )
        for name, (a, b, d) in self.rows.items():
            interval = "-" if d.is_too_few else f"[{d.low:+.4g}, {d.high:+.4g}]"
            word = self.verdict(name)
            out.append(
                f"{name:<{width}}  {a:>10.4g}  {b:>10.4g}  {d.mean:>+10.4g}  {interval:<22}  {d.frames:>6}  "
                f"{_ARROWS[word]} {word}"
            )
        return out


def compare(first: str, second: str, block: int | None = None) -> Comparison:
    """Compare two folders that `vb-perception evaluate --out` wrote; `FOLDER:NAME` picks a contestant of it.

    Frames are paired by bag and stamp.  `block`: as `paired_difference`.

    Raises:
        ConfigError: a report is missing or unfinished, has no such contestant, or they have no frame in common.
    """
    a, b = _side(first), _side(second)
    common = [key for key in a.frames if key in b.frames]
    if not common:
        msg = f"{first} and {second} have no frame in common (by bag and stamp); compare two evaluations of one source"
        raise ConfigError(msg)
    notes = []
    if a.digest != b.digest:
        notes.append("note: the two were made from different data (their digests differ)")
    if len(common) < max(len(a.frames), len(b.frames)):
        notes.append(f"note: A has {len(a.frames)} frames, B has {len(b.frames)}; only those in both are compared")
    names = dict.fromkeys(name for key in common for name in a.frames[key] if name in b.frames[key])
    rows = {}
    for name in names:
        pairs = [(a.frames[key].get(name), b.frames[key].get(name)) for key in common]
        values = np.array([pair for pair in pairs if None not in pair], np.float64).reshape(-1, 2)
        if len(values):
            difference = paired_difference(values[:, 1] - values[:, 0], block)
            rows[name] = float(values[:, 0].mean()), float(values[:, 1].mean()), difference
    gated = [difference for name, (_, _, difference) in rows.items() if name.partition(".")[0] not in _NO_GATE]
    return Comparison(a.name, b.name, len(common), rows, tuple(notes), tuple(_gaps(a, b, gated)))


def _gaps(a: Side, b: Side, differences: Sequence[PairedDifference]) -> Iterator[str]:
    yield from (f"problem of B: {problem}" for problem in b.problems)
    if missing := sum(key not in b.frames for key in a.frames):
        yield f"B lacks {missing} of the {len(a.frames)} frames of A"
    if all(difference.is_too_few for difference in differences):
        yield "there are too few frames to say of any figure whether B is worse"


def _side(text: str) -> Side:
    folder, contestant = Path(text), ""
    if not folder.is_dir() and ":" in text:
        head, _, contestant = text.rpartition(":")
        folder = Path(head)
    report = _report(folder)
    there = list(report["contestants"])
    contestant = contestant or there[0]
    if contestant not in there:
        msg = f"{folder} has no contestant {contestant!r}; it has {', '.join(there)}"
        raise ConfigError(msg)
    frames = {}
    for row in read_frames_log(folder / "frames.jsonl"):
        groups = row["answers"].get(contestant)
        if groups is not None:
            figures = {
                f"{g}.{n}": v for g, row_figures in groups.items() if g not in _HIDDEN for n, v in row_figures.items()
            }
            frames[row["source"], row["stamp_ns"]] = figures
    return Side(f"{folder}:{contestant}", report["data"]["sha256"], frames, tuple(report["problems"]))


def _report(folder: Path) -> dict[str, Any]:
    path = folder / "report.json"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        _ = report["contestants"], report["data"]["sha256"], report["problems"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"{path} is no report ({error!r}); expected a folder that `vb-perception evaluate --out` finished"
        raise ConfigError(msg) from error
    return dict(report)
