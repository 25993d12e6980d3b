"""The tables of `distillation.py`, and what `larger.py` has in common with them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from accuracy_goals import OSD
from chance import LESS_IS_BETTER, legend, margins, word

from vb_perception.metrics.objects import BOUNDARY_SHARE

WAYS = ("control", "output", "score")
FORMS = {
    "abs_rel": ".3f",
    "delta1": ".3f",
    "normals_deg": ".1f",
    "overlap_f": ".3f",
    "boundary_f": ".3f",
    "miou": ".3f",
}
SHARE = 0.98
Figures = dict[str, dict[str, float]]
"""Set -> figure -> mean."""


def tables(kept: Mapping[str, Any]) -> list[str]:
    """The lines of results/distillation.md from what results/distillation.json holds."""
    told = {key: value for key, value in kept.items() if key not in {"costs", "figures"}}
    title = osd_title(f"the first {kept['frames'][OSD]}", kept["size"])
    figures = {
        who: {title if name == OSD else name: of for name, of in sets.items()}
        for who, sets in unrounded(kept["figures"]).items()
    }
    costs = kept["costs"]
    return [*figure_tables(figures, costs), *verdicts(figures, costs), "", f"Measured with {told}.", ""]


def osd_title(which: str, size: str) -> str:
    """What tells the set from that of results/accuracy.md: which frames of it, and at which height x width."""
    radius_px = math.ceil(BOUNDARY_SHARE * math.hypot(*map(int, size.split("x"))))
    return f"{OSD} ({which} at {size}, borders within {radius_px} px)"


def teacher_name(steps: int) -> str:
    """As the tables call it."""
    return f"teacher, {steps} step{'s' if steps > 1 else ''}"


def figure_tables(figures: Mapping[str, Figures], costs: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A table a set: contestants by figures."""
    lines = []
    for name in next(iter(figures.values())):
        shown = [f for f in FORMS if any(not math.isnan(of[name][f]) for of in figures.values())]
        lines += [f"### {name}", "", f"| | {' | '.join(shown)} | ms | GFLOP |", "|---" * (len(shown) + 3) + "|"]
        for contestant, of in figures.items():
            cost = costs[contestant if contestant in costs else "student"]
            told = " | ".join(f"{of[name][f]:{FORMS[f]}}" for f in shown)
            lines.append(f"| {contestant} | {told} | {cost['ms']:.0f} | {cost['gflop']:.2f} |")
        lines.append("")
    return lines


def verdicts(figures: Mapping[str, Figures], costs: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Students beside the teacher at its best number of steps, and beside the control."""
    ways = [way for way in WAYS if f"{way}-1" in figures]
    teachers = {name: of for name, of in figures.items() if name.startswith("teacher,")}
    chance = margins([[figures["control-1"], figures["control-2"]]])
    head = " | ".join(
        f"{way}: mean (seeds apart); of the teacher's" + ("" if way == "control" else "; against control")
        for way in ways
    )
    lines = [f"| row | teacher at its best | {head} |", "|---" * (len(ways) + 2) + "|"]
    for set_name in next(iter(figures.values())):
        for figure, form in FORMS.items():
            by_steps = {name: of[set_name][figure] for name, of in teachers.items()}
            if any(math.isnan(value) for value in by_steps.values()):
                continue
            pick = min if figure in LESS_IS_BETTER else max
            best = pick(by_steps, key=lambda name: by_steps[name])
            seeds = {
                way: [of[set_name][figure] for n, of in figures.items() if n.startswith(f"{way}-")] for way in ways
            }
            control = sum(seeds["control"]) / len(seeds["control"])
            cells = [
                _cell(figure, form, values, by_steps[best])
                + ("" if way == "control" else f"; {word(figure, sum(values) / len(values), control, chance[figure])}")
                for way, values in seeds.items()
            ]
            speed = costs[best]["ms"] / costs["student"]["ms"]
            told = f"{by_steps[best]:{form}} ({best}, {speed:.0f} x the student's time)"
            lines.append(f"| {set_name}, {figure} | {told} | {' | '.join(cells)} |")
    return [*lines, "", legend("control", chance)]


def _cell(figure: str, form: str, values: Sequence[float], teacher: float) -> str:
    mean = sum(values) / len(values)
    ratio = teacher / mean if figure in LESS_IS_BETTER else mean / teacher
    enough = "" if ratio >= SHARE else " (below 98 %)"
    return f"{mean:{form}} ({max(values) - min(values):{form}}); {ratio:.0%}{enough}"


def rounded(figures: Mapping[str, Figures]) -> dict[str, dict[str, dict[str, float | None]]]:
    """To five places, and None where there is no truth: what JSON can hold."""
    return {
        name: {s: {k: None if math.isnan(v) else round(v, 5) for k, v in of.items()} for s, of in sets.items()}
        for name, sets in figures.items()
    }


def unrounded(kept: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> dict[str, Figures]:
    """What `rounded` wrote, with NaN again where there is no truth."""
    return {
        name: {s: {k: math.nan if v is None else v for k, v in of.items()} for s, of in sets.items()}
        for name, sets in kept.items()
    }
