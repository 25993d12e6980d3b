"""What the node says of itself: LatencyStats and /diagnostics."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from vb_perception.msg import LatencyStats, StageLatency
from vb_perception.timing import FrameLedger, LatencySummary


def latency_message(
    now: Time, camera: str, backend: str, ledger: FrameLedger, stages: Mapping[str, LatencySummary]
) -> LatencyStats:
    """The figures of one moment; NaN percentiles while no frame was published."""
    return LatencyStats(
        header=Header(stamp=now),
        camera=camera,
        backend=backend,
        stages=[StageLatency(stage=name, **asdict(summary)) for name, summary in stages.items()],
        received=ledger.received,
        processed=ledger.processed,
        overwritten=ledger.overwritten,
        rejected=ledger.rejected,
        failed=ledger.failed,
        waiting=ledger.in_flight,
    )


@dataclass(frozen=True, slots=True)
class Health:
    """What a verdict needs to know; times in seconds."""

    state: str
    failure: str
    listened: bool
    silent_s: float
    image_topic: str
    image_publishers: int
    complaint: str
    qos_complaint: str


SILENT_S = 3.0


def verdict(health: Health) -> tuple[bytes, str]:
    """Diagnostic level and message.  A node that should publish and does not is never OK."""
    if health.failure:
        return DiagnosticStatus.ERROR, health.failure
    trouble = _trouble(health) if health.state == "active" else ""
    if trouble:
        return DiagnosticStatus.WARN, trouble
    if health.state == "active" and not health.listened:
        return DiagnosticStatus.OK, "active; nobody listens, so nothing is computed"
    return DiagnosticStatus.OK, health.state


def _trouble(health: Health) -> str:
    if health.qos_complaint or not health.listened:
        return health.qos_complaint
    if health.image_publishers == 0:
        return f"nobody publishes {health.image_topic}: remap ~/input/image to the camera's topic"
    if health.silent_s > SILENT_S:
        why = health.complaint or f"no usable image came on {health.image_topic}, though it has a publisher"
        return f"nothing published for {health.silent_s:.0f} s: {why}"
    return health.complaint


def diagnostics_message(
    now: Time, name: str, health: Health, backend: str, ledger: FrameLedger, stages: Mapping[str, LatencySummary]
) -> DiagnosticArray:
    """One status with the verdict and the figures behind it."""
    level, message = verdict(health)
    figures = {
        "state": health.state,
        "backend": backend,
        "image topic": health.image_topic,
        "image publishers": health.image_publishers,
        "received": ledger.received,
        "processed": ledger.processed,
        "overwritten": ledger.overwritten,
        "rejected": ledger.rejected,
        "failed": ledger.failed,
        "waiting": ledger.in_flight,
        **{f"{name} p95 [ms]": f"{s.p95_ms:.1f}" for name, s in stages.items()},
    }
    status = DiagnosticStatus(level=level, name=name, message=message, hardware_id=health.image_topic)
    status.values = [KeyValue(key=key, value=str(value)) for key, value in figures.items()]
    return DiagnosticArray(header=Header(stamp=now), status=[status])
