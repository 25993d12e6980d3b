"""The parts of the report that judge: criteria, figures beside each other, plots over frames and distance."""

from collections.abc import Mapping, Sequence
from html import escape

from vb_perception.evaluation.criteria import LEDGER, Verdict
from vb_perception.evaluation.frame_scores import Figures
from vb_perception.evaluation.plots import histogram, line_plot
from vb_perception.evaluation.report_figures import GROUPS, figure_text, label
from vb_perception.metrics.calibration import Curve
from vb_perception.metrics.depth_bands import band_names

Counts = Mapping[str, Mapping[str, int]]
"""Group -> figure -> over how many frames."""

_OTHERS = ("depth_by_distance",)  # drawn instead
HISTOGRAMS = {"depth.abs_rel": "AbsRel of a frame", "normals.mean_deg": "mean error of the normals of a frame [deg]"}


def section(title: str, note: str, body: str) -> str:
    """A titled part of the page; nothing where there is no body."""
    lead = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{lead}{body}</section>" if body else ""


def verdict_section(verdicts: Sequence[Verdict]) -> str:
    """The criteria, one a row."""
    rows = []
    for verdict in verdicts:
        chip = '<span class="chip good">met</span>' if verdict.passed else '<span class="chip bad">missed</span>'
        if verdict.criterion.figure == LEDGER:
            value = "balanced" if verdict.passed else "not balanced"
        else:
            value = figure_text(verdict.criterion.figure, verdict.value)
        rows.append(f"<tr><td>{escape(str(verdict.criterion))}</td><td>{value}</td><td>{chip}</td></tr>")
    head = "<thead><tr><th>criterion</th><th>value</th><th></th></tr></thead>"
    return section("Criteria", "", f"<table>{head}<tbody>{''.join(rows)}</tbody></table>" if rows else "")


def contest_section(contestants: Mapping[str, Mapping[str, Figures]], frames: int, counts: Mapping[str, Counts]) -> str:
    """All figures, a table a group, a column a contestant; `counts` by contestant."""
    tables = []
    for group in (g for g in GROUPS if g not in _OTHERS):
        rows = {name: one.get(group, {}) for name, one in contestants.items()}
        names = dict.fromkeys(name for figures in rows.values() for name in figures)
        if not names:
            continue
        many = len(contestants) > 1
        heads = "".join(f"<th>{escape(who)}</th>" for who in contestants) if many else "<th></th>"
        head = f"<thead><tr><th>{escape(GROUPS[group])}</th>{heads}</tr></thead>"
        body = "".join(
            f"<tr><td>{escape(label(name))}</td>"
            + "".join(
                f"<td>{figure_text(name, figures.get(name, float('nan')))}"
                f"{_of_fewer(counts.get(who, {}).get(group, {}).get(name, frames), frames)}</td>"
                for who, figures in rows.items()
            )
            + "</tr>"
            for name in names
        )
        tables.append(f"<table>{head}<tbody>{body}</tbody></table>")
    note = f"Over the {frames} frames with truth, or as many as stand behind a figure; "
    note += "pixels without a label or true depth do not count."
    return section("Against the truth", note, f'<div class="scores">{"".join(tables)}</div>' if tables else "")


def _of_fewer(count: int, frames: int) -> str:
    """How many frames a figure is over, if not all."""
    return f" ({count} frame{'s' * (count != 1)})" if 0 < count < frames else ""


def plots_section(
    contestants: Mapping[str, Mapping[str, Figures]],
    curves: Mapping[str, tuple[Curve, Curve]],
    times_ms: Mapping[str, Sequence[float]],
    per_frame: Mapping[str, Sequence[float]],
) -> str:
    """Error by distance, risk and coverage, how frames differ, and latency over time."""
    bands = band_names()
    by_distance = {
        name: [(float(i), one.get("depth_by_distance", {}).get(f"abs_rel_{band}", float("nan")))
               for i, band in enumerate(bands)]
        for name, one in contestants.items()
    }  # fmt: skip
    risk = {name: [(100 * float(c), float(r)) for c, r in zip(*curve, strict=True)] for name, curve in curves.items()}
    times = {
        stage or "whole frame": [(float(i), float(ms)) for i, ms in enumerate(values)]
        for stage, values in times_ms.items()
        if any(values)
    }
    ticks = [band.removesuffix("m").replace("_", "-") for band in bands]
    drawn = {
        "Depth error by distance": line_plot(by_distance, "true depth [m]", "AbsRel", ticks),
        "Risk and coverage of depth": line_plot(risk, "pixels kept, surest first [%]", "AbsRel of those"),
        **{f"How frames differ: {text}": histogram(per_frame.get(name, ()), text) for name, text in HISTOGRAMS.items()},
        "Latency over time": line_plot(times, "frame", "ms"),
    }
    body = "".join(
        f'<figure class="chart half">{plot}<figcaption>{escape(caption)}</figcaption></figure>'
        for caption, plot in drawn.items()
        if plot
    )
    return section("Plots", "", f'<div class="scores">{body}</div>' if body else "")
