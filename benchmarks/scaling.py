"""More images seen, better figures?  Draws what `accuracy.py --images-seen` kept, as docs/images/scaling.png.

results/scaling.json: run -> images seen -> set -> figure -> mean and spread; one run is one line of the picture.
A model named RUN@ANYTHING belongs to RUN: `accuracy.py --model long@20k=DIR --images-seen 20000`.

Usage: python benchmarks/scaling.py
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from accuracy_goals import GOALS, MUJOCO, OSD, RENDERS, Goal, Measured
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "benchmarks" / "results" / "scaling.json"
DRAWN = (
    (OSD, "abs_rel"),
    (OSD, "normals_deg"),
    (OSD, "overlap_f"),
    (RENDERS, "abs_rel"),
    (RENDERS, "class_miou"),
    (MUJOCO, "abs_rel"),
)
COLUMNS = 3
Runs = dict[str, dict[str, Measured]]


def main() -> None:
    """Draw."""
    draw(read(KEPT), ROOT / "docs" / "images" / "scaling.png")


def read(path: Path) -> Runs:
    """What was kept, nothing if there is no such file."""
    runs: Runs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return runs


def record(model: str, images_seen: int, measured: Measured, path: Path = KEPT) -> None:
    """Add the figures of a model; those of the same run after as many images are replaced."""
    runs = read(path)
    runs.setdefault(model.partition("@")[0], {})[str(images_seen)] = {
        name: {figure: {k: round(v, 5) for k, v in spread.items()} for figure, spread in figures.items()}
        for name, figures in measured.items()
    }
    path.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")


def line(points: Mapping[str, Measured], goal: Goal) -> tuple[list[int], list[float], list[float]]:
    """Images seen, mean and standard error over frames of one figure, in the order of images."""
    seen = sorted((int(n) for n, m in points.items() if goal.figure in m.get(goal.set, {})))
    spreads = [points[str(n)][goal.set][goal.figure] for n in seen]
    errors = [s.get("sd", 0.0) / max(1, s.get("frames", 1)) ** 0.5 for s in spreads]
    return seen, [s["mean"] for s in spreads], errors


def draw(runs: Runs, path: Path, drawn: Sequence[tuple[str, str]] = DRAWN) -> None:
    """One panel a figure, one line a run, the goal dashed; bars are standard errors over frames."""
    goals = [next(g for g in GOALS if (g.set, g.figure) == wanted) for wanted in drawn]
    rows = -(-len(goals) // COLUMNS)
    figure, panels = plt.subplots(rows, COLUMNS, figsize=(9, 2.6 * rows), dpi=120, layout="constrained", squeeze=False)
    for axes, goal in zip(panels.flat, goals, strict=False):
        for run, points in runs.items():
            seen, means, errors = line(points, goal)
            axes.errorbar(seen, means, errors, marker="o", markersize=3, linewidth=1, capsize=2, label=run)
        bound = goal.at_least if goal.at_most is None else goal.at_most
        if bound is not None:
            axes.axhline(bound, color="grey", linestyle="--", linewidth=0.8)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title(f"{goal.set}\n{goal.label}", fontsize=8)
        axes.tick_params(labelsize=7)
    for axes in panels[-1]:
        axes.set_xlabel("images seen", fontsize=8)
    if len(runs) > 1:
        panels[0, 0].legend(fontsize=7, frameon=False)
    figure.savefig(path)
    plt.close(figure)


if __name__ == "__main__":
    main()
