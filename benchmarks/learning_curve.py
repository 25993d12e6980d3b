"""What would reach the goals that are missed?  The figures of the models that were shipped against the images seen.

Each model's figures are read as they were measured when it was shipped, from git's history.  The frames, the truth and
the no-image baseline are the same in all of them (checked).  Error falls about as a power of the images; the power and
its standard error come from a line through the logarithms, and the images that a goal takes from following that power
from the newest model on.  Data, losses and the last layer changed on the way, and from the fourth model on instances
are read with a vote (.339 to .365 in boundary F): it is the power of work like ours, not of images alone.  What came
after the last of these commits without other weights (`codecs/fragments.py`, `codecs/guided.py`: .453 to .500) is not
in the line.

Usage: python benchmarks/learning_curve.py
"""

import json
import math
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from accuracy_goals import CROPS, GOALS, MUJOCO, OSD, RENDERS, Goal
from circumstances import circumstances
from scipy.stats import linregress, t

RESULTS = Path(__file__).parent / "results"
MEASURED = "benchmarks/results/accuracy.json"
SHIPPED = (
    ("87f2a97", 52_504),
    ("1259abc", 73_008),
    ("ed8c5f5", 77_808),
    ("f9c1594", 99_808),
    ("d7cdf07", 121_808),
    ("06a746b", 361_232),
    ("e7ec914", 371_344),
    ("d9383cd", 396_488),
)
"""Commits that measured a shipped model, and the images it had seen (docs/runs.md)."""
SETS = (OSD, CROPS, RENDERS, MUJOCO)
IMAGES_PER_S = {"H200": 480.0, "two cores": 4.0}
"""Of training, as measured in docs/training.md."""
SURE = 0.95
SIGHT = 1e8
"""Images, beyond which a line through a decade of them says nothing."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Error = that of the newest model (images / its images) ** -power."""

    goal: Goal
    images: tuple[int, ...]
    errors: tuple[float, ...]
    power: float
    standard_error: float

    @property
    def margin(self) -> float:
        """How far the power may be off with a likelihood of `SURE`: Student's t of as many models, less two."""
        return float(t.ppf((1 + SURE) / 2, len(self.images) - 2)) * self.standard_error

    def images_for(self, wanted: float, power: float) -> float:
        """Images at which the error is `wanted`, at a power; infinite if it does not fall."""
        return self.images[-1] * (self.errors[-1] / wanted) ** (1 / power) if power > 0 else math.inf


def main() -> None:
    """Read, fit, write, print."""
    measured = [(images, _measured(commit)) for commit, images in SHIPPED]
    _check_same_frames([of for _, of in measured])
    newest = measured[-1][1]["models"]["default"]["sets"]
    missed = [g for g in GOALS if g.set in SETS and "missed" in g.verdict(newest[g.set][g.figure]["mean"])]
    text = _table([curve_of(goal, measured) for goal in missed])
    told = ", ".join(f"{k} {v}" for k, v in circumstances().items() if k in ("commit", "python"))
    note = f"Measured with `python benchmarks/learning_curve.py`: {len(SHIPPED)} models, {told}."
    (RESULTS / "learning_curve.md").write_text(f"{text}\n\n{note}\n", encoding="utf-8")
    print(text)


def _measured(commit: str) -> dict[str, Any]:
    """What accuracy.json said at a commit."""
    shown = subprocess.run(["git", "show", f"{commit}:{MEASURED}"], capture_output=True, text=True, check=True)
    return dict(json.loads(shown.stdout))


def _check_same_frames(of: Sequence[dict[str, Any]]) -> None:
    """An error that fell because the frames became easier would be no learning."""
    for name in SETS:
        baselines = {round(m["no image"][name]["abs_rel"]["mean"], 4) for m in of if name in m["no image"]}
        if len(baselines) != 1:
            msg = f"{name}: AbsRel without an image is {sorted(baselines)}, expected one value: other frames or truth"
            raise SystemExit(msg)


def curve_of(goal: Goal, measured: Sequence[tuple[int, dict[str, Any]]]) -> Curve:
    """The curve of a goal's figure: itself if less is better, what it lacks to 1 if more is."""
    found = [
        (images, of["models"]["default"]["sets"][goal.set][goal.figure]["mean"])
        for images, of in measured
        if goal.figure in of["models"]["default"]["sets"].get(goal.set, {})
    ]
    images, values = zip(*found, strict=True)
    errors = tuple(_error(goal, v) for v in values)
    line = linregress(np.log(images), np.log(errors))
    return Curve(goal, images, errors, -float(line.slope), float(line.stderr))


def _error(goal: Goal, value: float) -> float:
    return value if goal.at_least is None else 1 - value


def _table(curves: Sequence[Curve]) -> str:
    hours = " | ".join(f"hours of {name}" for name in IMAGES_PER_S)
    lines = [
        f"| set | error | goal | first model | newest | power of images | images to the goal (95 %) | {hours} |",
        "|---|---|---|---|---|---|---|" + "---|" * len(IMAGES_PER_S),
    ]
    for curve in curves:
        goal = curve.goal
        wanted = _error(goal, goal.at_most if goal.at_least is None else goal.at_least)  # type: ignore[arg-type]
        cells = [goal.set, ("" if goal.at_least is None else "1 - ") + goal.label, f"{wanted:{goal.form}}"]
        cells += [f"{curve.errors[0]:{goal.form}}", f"{curve.errors[-1]:{goal.form}}"]
        cells.append(f"{curve.power:.2f} ± {curve.standard_error:.2f}")
        powers = (curve.power + curve.margin, curve.power, curve.power - curve.margin)
        least, likely, most = (curve.images_for(wanted, p) for p in powers)
        cells.append(f"{_count(likely)} ({_count(least)} to {_count(most)})")
        cells += [
            _count((likely - curve.images[-1]) / rate / 3600, SIGHT / rate / 3600) for rate in IMAGES_PER_S.values()
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _count(value: float, most: float = SIGHT) -> str:
    """Two significant digits, up to what such a line can say."""
    if value > most:
        return "out of sight"
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:.2g}"  # noqa: PLR2004


if __name__ == "__main__":
    main()
