"""Plots as SVG text: lines, steps by category, histograms.  Colours come from the page's style, series 0 to 5."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from vb_perception.evaluation.charts import round_axis

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 520, 270, 62, 16, 30, 42
_SERIES = 6
_KEYS_WIDTH, _KEY_WIDTH = 380, 100  # of all names of series, in one line above the plot, and of one at most
_MOST_POINTS = 240
_BINS = 24

Points = Sequence[tuple[float, float]]


def line_plot(
    series: Mapping[str, Points], x_label: str, y_label: str, ticks: Sequence[str] | None = None, unit: str = ""
) -> str:
    """Lines over one x axis that starts at 0; NaN breaks nothing, its points are left out.

    `ticks`: names of x = 0, 1, 2 ... instead of numbers.  "" where there is nothing to draw.
    """
    known = {name: [(x, y) for x, y in points if math.isfinite(y)] for name, points in series.items()}
    known = {name: points for name, points in known.items() if points}
    if not known:
        return ""
    step, top = round_axis(max(y for points in known.values() for _, y in points) * 1.02)
    last = max(x for points in known.values() for x, _ in points)
    right = max(len(ticks) - 0.5, 0.5) if ticks else max(last, 1e-9)
    left = -0.5 if ticks else 0.0
    x_step, x_top = round_axis(right)

    def place(x: float, y: float) -> tuple[float, float]:
        share = (x - left) / ((right if ticks else x_top) - left)
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * share, _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * y / top

    parts = _frame(step, top, x_label, y_label, place(left, 0)[0])
    numbers = [(i * x_step, f"{i * x_step:g}{unit}") for i in range(round(x_top / x_step) + 1)]
    for x, text in enumerate(ticks) if ticks else numbers:
        parts.append(_text(place(float(x), 0)[0], _HEIGHT - _BOTTOM + 17, str(text)))
    key_width = min(_KEY_WIDTH, _KEYS_WIDTH / len(known))
    for i, (name, points) in enumerate(known.items()):
        line = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in thinned(points))
        parts.append(f'<polyline class="curve s{i % _SERIES}" points="{line}"/>')
        if ticks or len(points) == 1:
            for x, y in (place(*point) for point in points):
                parts.append(f'<circle class="dot s{i % _SERIES}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
        at = f'x="{_WIDTH - _RIGHT - key_width * (len(known) - 1 - i):g}" y="16"'
        parts.append(f'<text class="s{i % _SERIES} key" {at} text-anchor="end">{escape(name)}</text>')
    return "".join(parts) + "</svg>"


def histogram(values: Sequence[float], x_label: str) -> str:
    """How often each value occurs, in at most 24 bins from 0; "" without a finite value."""
    known = np.asarray([value for value in values if math.isfinite(value)], np.float64)
    if not known.size:
        return ""
    x_step, x_top = round_axis(float(known.max()) * 1.001)
    counts, edges = np.histogram(known, bins=_BINS, range=(0, x_top))
    step, top = round_axis(float(counts.max()))
    step, top = max(1.0, step), max(1.0, top)  # frames are whole
    span = _WIDTH - _LEFT - _RIGHT
    parts = _frame(step, top, x_label, "frames", float(_LEFT))
    for count, edge in zip(counts, edges, strict=False):
        height = (_HEIGHT - _BOTTOM - _TOP) * count / top
        x, y = _LEFT + span * edge / x_top, _HEIGHT - _BOTTOM - height
        box = f'x="{x + 0.5:.1f}" y="{y:.1f}" width="{span / _BINS - 1:.1f}" height="{height:.1f}"'
        parts.append(f'<rect class="solid" {box}/>')
    for i in range(round(x_top / x_step) + 1):
        parts.append(_text(_LEFT + span * i * x_step / x_top, _HEIGHT - _BOTTOM + 17, f"{i * x_step:g}"))
    return "".join(parts) + "</svg>"


def thinned(points: Points) -> list[tuple[float, float]]:
    """At most `_MOST_POINTS` points; of each bucket the highest is kept, so that no peak is lost."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    buckets = np.array_split(np.arange(len(points)), _MOST_POINTS)
    return [points[max(bucket, key=lambda i: points[i][1])] for bucket in buckets]


def _frame(step: float, top: float, x_label: str, y_label: str, left: float) -> list[str]:
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(y_label)} by {escape(x_label)}">']
    for i in range(round(top / step) + 1):
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * i * step / top
        parts.append(f'<line class="grid" x1="{left:.1f}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{i * step:g}</text>')
    parts.append(f'<text class="tick" x="4" y="16">{escape(y_label)}</text>')
    parts.append(_text((_WIDTH + _LEFT) / 2, _HEIGHT - 5, x_label))
    return parts


def _text(x: float, y: float, text: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'
