"""What a recording says of time and losses: per topic count, rate and age; per camera the node's own ledger."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vb_perception.evaluation.bags import bag_topics, open_bag, read_messages, read_typed
from vb_perception.evaluation.message_types import stamp_of_cdr
from vb_perception.timing import STAGES, FrameLedger

LATENCY_TYPE = "vb_perception/msg/LatencyStats"


@dataclass(frozen=True, slots=True)
class TopicTraffic:
    """One topic of a recording.  Age: time of recording minus the header's stamp, ms; NaN where there is no header."""

    topic: str
    msgtype: str
    messages: int
    rate_hz: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class StageFigures:
    """Percentiles of one stage as the node last published them, ms."""

    stage: str
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class NodeAccount:
    """The node's last LatencyStats of one camera: its ledger, frames still waiting then, and its stages."""

    camera: str
    backend: str
    ledger: FrameLedger
    waiting: int
    stages: tuple[StageFigures, ...]


@dataclass(slots=True)
class _Times:
    recorded_ns: list[int] = field(default_factory=list)
    ages_ms: list[float] = field(default_factory=list)


def topic_traffic(path: Path | str) -> list[TopicTraffic]:
    """One row for each topic of the bag, by name.  A topic with one message has no rate (NaN).

    Raises:
        BagError: As `read_messages`.
    """
    with open_bag(path) as reader:
        stamped = {
            kind
            for kind in {c.msgtype for c in reader.connections}
            if (fields := reader.typestore.fielddefs[kind][1]) and fields[0][0] == "header"
        }
    times: dict[str, _Times] = {topic: _Times() for topic in bag_topics(path)}
    types = {topic: entry.msgtype for topic, entry in bag_topics(path).items()}
    for topic, msgtype, t_ns, cdr in read_messages(path):
        row = times[topic]
        row.recorded_ns.append(t_ns)
        if msgtype in stamped:
            row.ages_ms.append((t_ns - stamp_of_cdr(cdr)) / 1e6)
    return [_traffic(topic, types[topic], row) for topic, row in sorted(times.items())]


def _traffic(topic: str, msgtype: str, times: _Times) -> TopicTraffic:
    nan = math.nan
    span_s = (times.recorded_ns[-1] - times.recorded_ns[0]) / 1e9 if times.recorded_ns else 0.0
    rate_hz = (len(times.recorded_ns) - 1) / span_s if span_s > 0 else nan
    p50, p95, p99 = np.percentile(times.ages_ms, (50, 95, 99)) if times.ages_ms else (nan, nan, nan)
    return TopicTraffic(topic, msgtype, len(times.recorded_ns), rate_hz, float(p50), float(p95), float(p99))


def node_account(path: Path | str, latency_topic: str) -> NodeAccount | None:
    """What the node said of itself last, as far as the bag can be read; None if it never did.

    Raises:
        BagError: As `read_typed`.
    """
    last = None
    if latency_topic in bag_topics(path):
        for _, _, message in read_typed(path, [latency_topic], lambda _: None):
            last = message
    if last is None:
        return None
    columns = (last.received, last.processed, last.overwritten, last.rejected, last.failed, last.skipped, last.aged)
    ledger = FrameLedger(*columns)
    whole = [s for s in last.stages if not s.task]
    rows = {s.stage: StageFigures(s.stage, s.p50_ms, s.p95_ms, s.p99_ms, s.max_ms) for s in whole}
    return NodeAccount(
        last.camera, last.backend, ledger, int(last.waiting), tuple(rows[stage] for stage in STAGES if stage in rows)
    )
