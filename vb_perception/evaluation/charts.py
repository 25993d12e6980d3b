"""Small charts as SVG text: they inherit the page's colours, so they read well on light and on dark."""

import math
from collections.abc import Sequence
from html import escape

from vb_perception.evaluation.traffic import StageFigures

_WIDTH, _LEFT, _RIGHT = 720, 84, 96
_ROW = 34
_MOST_STEPS = 8


def latency_chart(stages: Sequence[StageFigures]) -> str:
    """A bar a stage: solid to p50, light to p95, a tick at p99, on one axis of milliseconds."""
    known = [s for s in stages if math.isfinite(s.p99_ms)]
    if not known:
        return ""
    height = _ROW * len(known) + 34
    step_ms, limit_ms = round_axis(max(s.p99_ms for s in known))
    span = _WIDTH - _LEFT - _RIGHT

    def x(value_ms: float) -> float:
        return _LEFT + span * min(value_ms, limit_ms) / limit_ms

    parts = [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="latency of each stage">']
    for i in range(round(limit_ms / step_ms) + 1):
        at = x(i * step_ms)
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="6" y2="{height - 26}"/>')
        parts.append(f'<text class="tick" x="{at:.1f}" y="{height - 9}" text-anchor="middle">{i * step_ms:g}</text>')
    parts.append(f'<text class="tick" x="{_WIDTH - 4}" y="{height - 9}" text-anchor="end">ms</text>')
    for i, s in enumerate(known):
        y = 12 + i * _ROW
        parts += [
            f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(s.stage)}</text>',
            f'<rect class="light" x="{_LEFT}" y="{y}" width="{x(s.p95_ms) - _LEFT:.1f}" height="20" rx="3"/>',
            f'<rect class="solid" x="{_LEFT}" y="{y}" width="{x(s.p50_ms) - _LEFT:.1f}" height="20" rx="3"/>',
            f'<line class="mark" x1="{x(s.p99_ms):.1f}" x2="{x(s.p99_ms):.1f}" y1="{y - 2}" y2="{y + 22}"/>',
            f'<text class="value" x="{x(s.p99_ms) + 8:.1f}" y="{y + 15}">{s.p50_ms:.1f} / {s.p95_ms:.1f}</text>',
        ]
    return "".join(parts) + "</svg>"


def round_axis(largest: float) -> tuple[float, float]:
    """A round step and the limit of an axis of at most `_MOST_STEPS` steps that holds `largest`."""
    largest = max(largest, 1e-6)
    magnitude = 10 ** math.floor(math.log10(largest))
    step = next(m * magnitude for m in (0.125, 0.25, 0.5, 1, 2) if largest <= _MOST_STEPS * m * magnitude)
    return step, math.ceil(largest / step) * step
