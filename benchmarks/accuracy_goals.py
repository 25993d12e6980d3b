"""What is to be reached, and the table that says whether it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vb_perception.evaluation.paired import PairedDifference

Summary = Mapping[str, float]
Measured = Mapping[str, Mapping[str, Summary]]
"""Set -> figure -> mean (and sd, q1, median, q3, frames)."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A row: which figure of which set, how it is shown, and the bound to reach, if there is one."""

    set: str
    figure: str
    label: str
    form: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def bound(self) -> str:
        """The goal in words."""
        if self.at_most is not None:
            return f"<= {self.at_most:{self.form}}"
        return "" if self.at_least is None else f">= {self.at_least:{self.form}}"

    def verdict(self, value: float) -> str:
        """Reached, or missed by how much, in the figure's unit and as a share of the goal."""
        goal = self.at_least if self.at_most is None else self.at_most
        if goal is None:
            return ""
        missing = goal - value if self.at_most is None else value - goal
        if missing <= 0:
            return "reached"
        return f"missed by {missing:{self.form}} ({missing / goal:.0%})"


OSD, CROPS, RENDERS = "OSD test", "OSD test, crops of 60 % enlarged", "own renders, held out"
MUJOCO, MOTORCYCLE, MODEL = "MuJoCo kitchen and tables", "Middlebury motorcycle", "model"
GOALS = (
    Goal(OSD, "abs_rel", "depth AbsRel", ".3f", at_most=0.040),
    Goal(OSD, "delta1", "depth delta1", ".3f", at_least=0.985),
    Goal(OSD, "normals_deg", "normals, mean error [deg]", ".1f", at_most=9),
    Goal(OSD, "object_normals_deg", "normals, objects' pixels", ".1f"),
    Goal(OSD, "table_normals_deg", "normals, table's pixels", ".1f"),
    Goal(OSD, "table_truth_deg", "the truth's own noise: the table's normals from their mean", ".1f"),
    Goal(OSD, "overlap_f", "objects, overlap F", ".3f", at_least=0.70),
    Goal(OSD, "boundary_f", "objects, boundary F", ".3f", at_least=0.60),
    Goal(OSD, "outline_found", "objects' borders with table and background, found", ".3f"),
    Goal(OSD, "between_found", "objects' borders with one another, found", ".3f"),
    Goal(OSD, "share_75", "objects found with F > 0.75", ".3f"),
    Goal(OSD, "table_iou", "table IoU", ".3f", at_least=0.94),
    Goal(OSD, "objects_iou", "objects IoU", ".3f"),
    Goal(OSD, "object_abs_rel", "depth AbsRel, objects' pixels", ".3f", at_most=0.06),
    Goal(CROPS, "abs_rel", "depth AbsRel", ".3f", at_most=0.06),
    Goal(CROPS, "abs_rel, centre", "depth AbsRel, centre", ".3f"),
    Goal(CROPS, "abs_rel, elsewhere", "depth AbsRel, elsewhere", ".3f"),
    Goal(CROPS, "change", "depth of crop against whole image, AbsRel", ".3f"),
    Goal(RENDERS, "abs_rel", "depth AbsRel", ".3f", at_most=0.12),
    Goal(RENDERS, "delta1", "depth delta1", ".3f", at_least=0.85),
    Goal(RENDERS, "shape_abs_rel", "depth AbsRel under the best scale", ".3f"),
    Goal(RENDERS, "normals_deg", "normals, mean error [deg]", ".1f", at_most=10),
    Goal(RENDERS, "miou, usual", "mIoU of the classes in each image", ".3f", at_least=0.60),
    Goal(RENDERS, "class_miou", "mIoU by class over all images", ".3f", at_least=0.60),
    Goal(RENDERS, "kept, other colours", "mIoU kept under other colours", ".3f", at_least=0.95),
    Goal(RENDERS, "kept, other words", "mIoU kept under synonyms", ".3f", at_least=0.95),
    Goal(MUJOCO, "abs_rel", "depth AbsRel", ".3f", at_most=0.25),
    Goal(MUJOCO, "delta1", "depth delta1", ".3f", at_least=0.60),
    Goal(MUJOCO, "shape_abs_rel", "depth AbsRel under the best scale", ".3f"),
    Goal(MUJOCO, "normals_deg", "normals, mean error [deg]", ".1f", at_most=22),
    Goal(MOTORCYCLE, "abs_rel", "depth AbsRel", ".3f", at_most=0.15),
    Goal(MOTORCYCLE, "shape_abs_rel", "depth AbsRel under the best scale", ".3f"),
    Goal(MODEL, "mib", "shipped [MiB]", ".1f", at_most=30),
    Goal(MODEL, "gflop", "GFLOP of three prompts", ".2f", at_most=6),
    Goal(MODEL, "parameters_m", "parameters [M]", ".2f", at_most=6),
)


def goal_table(
    no_image: Measured,
    models: Mapping[str, Measured],
    changes: Mapping[str, Mapping[str, PairedDifference]] | None = None,
    goals: Sequence[Goal] = GOALS,
) -> str:
    """Markdown: a row a figure; a model's cell is its mean +- sd over frames [lower, upper quartile].

    `changes`: set -> figure -> second model minus first, for a last column; bold where chance does not explain it.
    """
    who = "".join(f" {name} | verdict |" for name in models)
    more = "" if changes is None else " second - first (95 %) |"
    rule = "|---|---|---|" + "---|---|" * len(models) + "---|" + "---|" * (changes is not None)
    lines = [f"| set (frames) | figure | no image |{who} goal |{more}", rule]
    for goal in goals:
        found = [measured.get(goal.set, {}).get(goal.figure) for measured in models.values()]
        blind = no_image.get(goal.set, {}).get(goal.figure)
        frames = next((int(f["frames"]) for f in found if f and "frames" in f), 0)
        cells = [goal.set + (f" ({frames})" if frames else ""), goal.label]
        cells.append("" if blind is None else format(blind["mean"], goal.form))
        for summary in found:
            cells += ["", "not measured"] if summary is None else [_cell(summary, goal), goal.verdict(summary["mean"])]
        cells.append(goal.bound)
        if changes is not None:
            cells.append(_change(changes.get(goal.set, {}).get(goal.figure), goal))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _change(change: PairedDifference | None, goal: Goal) -> str:
    if change is None:
        return ""
    mean, low, high = (format(value, f"+{goal.form}") for value in change[:3])
    if change.is_too_few:
        return f"{mean} (too few frames)"
    return f"**{mean}** [{low}, {high}]" if change.is_clear else f"{mean} [{low}, {high}]"


def _cell(summary: Summary, goal: Goal) -> str:
    text = format(summary["mean"], goal.form)
    if summary.get("frames", 0) > 1:
        text += f" ± {summary['sd']:{goal.form}} [{summary['q1']:{goal.form}}, {summary['q3']:{goal.form}}]"
    return text
