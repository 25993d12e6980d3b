"""The latencies of one camera as a small picture, for RViz and others that draw no plots."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.timing import STAGES, FrameLedger, LatencySummary

WIDTH_PX, HEIGHT_PX = 360, 200
ROW_PX, LEFT_PX, TOP_PX = 22, 78, 28
GREY, WHITE, MEDIAN, TAIL = (48, 48, 48), (235, 235, 235), (90, 170, 250), (40, 80, 130)


def draw_latency(
    title: str, ledger: FrameLedger, stages: Mapping[tuple[str, str], LatencySummary]
) -> NDArray[np.uint8]:
    """(200, 360, 3) uint8 RGB: a bar a stage, bright to the median and dark to the 99th percentile, and the ledger."""
    picture = np.full((HEIGHT_PX, WIDTH_PX, 3), GREY, np.uint8)
    rows = [(stage, stages.get((stage, ""))) for stage in STAGES]
    longest_ms = max((s.p99_ms for _, s in rows if s is not None and s.count), default=1.0) or 1.0
    _write(picture, title, (6, 16))
    for i, (stage, summary) in enumerate(rows):
        y = TOP_PX + i * ROW_PX
        _write(picture, stage, (6, y + 13))
        if summary is None or not summary.count:
            continue
        room = WIDTH_PX - LEFT_PX - 100
        for ms, colour in ((summary.p99_ms, TAIL), (summary.p50_ms, MEDIAN)):
            right = LEFT_PX + max(1, round(room * max(0.0, ms) / longest_ms))
            cv2.rectangle(picture, (LEFT_PX, y + 2), (min(right, LEFT_PX + room), y + 15), colour, -1)
        _write(picture, f"{summary.p50_ms:.1f} / {summary.p99_ms:.1f} ms", (WIDTH_PX - 94, y + 13))
    dropped = ledger.overwritten + ledger.rejected + ledger.failed + ledger.skipped + ledger.aged
    _write(picture, f"{ledger.received} in, {ledger.processed} answered, {dropped} not", (6, HEIGHT_PX - 30))
    _write(picture, "p50 / p99", (WIDTH_PX - 94, 16))
    detail = f"overwritten {ledger.overwritten} rejected {ledger.rejected} aged {ledger.aged} skipped {ledger.skipped}"
    _write(picture, detail, (6, HEIGHT_PX - 10))
    return picture


def _write(picture: NDArray[np.uint8], text: str, at: tuple[int, int]) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.38, WHITE, 1, cv2.LINE_AA)
