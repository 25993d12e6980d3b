"""Where the time of a frame goes, latency percentiles over many frames, and the ledger of frames."""

from collections import deque
from dataclasses import dataclass, fields

import numpy as np

from vb_perception.errors import ConfigError


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Nanoseconds that one frame spent in each stage; `age_ns` is camera stamp to published.

    `parts` tells what single tasks or outputs took of a stage: (stage, task, ns).
    """

    receive_ns: int = 0
    prepare_ns: int = 0
    infer_ns: int = 0
    decode_ns: int = 0
    publish_ns: int = 0
    age_ns: int = 0
    parts: tuple[tuple[str, str, int], ...] = ()


STAGES = tuple(f.name.removesuffix("_ns") for f in fields(StageTimes) if f.name.endswith("_ns"))


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """Percentiles of one stage over a window, in milliseconds; NaN while the window is empty."""

    count: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class LatencyWindow:
    """The last `size` frames' stage times.  Not thread-safe: one owner."""

    def __init__(self, size: int = 300) -> None:
        if size < 1:
            msg = f"latency window of {size} frames: expected at least 1"
            raise ConfigError(msg)
        self._times: deque[StageTimes] = deque(maxlen=size)

    def add(self, times: StageTimes) -> None:
        """Remember one frame."""
        self._times.append(times)

    def clear(self) -> None:
        """Forget everything (after a jump back in time, or a warm-up)."""
        self._times.clear()

    def summary(self, stage: str) -> LatencySummary:
        """Percentiles (linear interpolation) of a stage named in `STAGES`."""
        if stage not in STAGES:
            msg = f"unknown stage {stage!r}: expected one of {', '.join(STAGES)}"
            raise ConfigError(msg)
        if not self._times:
            nan = float("nan")
            return LatencySummary(0, nan, nan, nan, nan, nan)
        return _summary([getattr(t, f"{stage}_ns") for t in self._times])

    def part_summaries(self) -> dict[tuple[str, str], LatencySummary]:
        """By stage and task, in the order of first appearance: what the window's frames tell of single tasks."""
        found: dict[tuple[str, str], list[int]] = {}
        for times in self._times:
            for stage, task, ns in times.parts:
                found.setdefault((stage, task), []).append(ns)
        return {key: _summary(ns) for key, ns in found.items()}


def _summary(ns: list[int]) -> LatencySummary:
    ms = np.array(ns, np.float64) / 1e6
    p50, p95, p99 = np.percentile(ms, (50, 95, 99))
    return LatencySummary(len(ms), float(ms.mean()), float(p50), float(p95), float(p99), float(ms.max()))


@dataclass(slots=True)
class FrameLedger:
    """Every received frame ends in exactly one of the other columns, or is still in flight."""

    received: int = 0
    processed: int = 0
    overwritten: int = 0
    rejected: int = 0
    failed: int = 0
    skipped: int = 0
    aged: int = 0

    @property
    def in_flight(self) -> int:
        """Received frames without an outcome yet; never negative in a correct node."""
        ended = self.processed + self.overwritten + self.rejected + self.failed + self.skipped + self.aged
        return self.received - ended

    def balances(self, waiting: int = 0) -> bool:
        """Whether in = out, with `waiting` frames still in slots or in the worker."""
        return self.in_flight == waiting
