"""What the node says of itself: LatencyStats, and /diagnostics with a status for the node and two for each camera."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from vb_perception.msg import LatencyStats, MachineLoad, StageLatency
from vb_perception.ros.answers import WHOLE
from vb_perception.ros.parameter_validation import full_name
from vb_perception.ros.settings import CameraSettings
from vb_perception.ros.stream_account import StreamFigures
from vb_perception.ros.stream_troubles import Notice
from vb_perception.timing import LatencySummary

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
SILENT_S = 3.0


def latency_message(
    now: Time, name: str, topic: str, backend: str, figures: StreamFigures, machine: MachineLoad
) -> LatencyStats:
    """The figures of one moment; NaN percentiles while no frame was published."""
    ledger = figures.ledger
    stages = [
        StageLatency(stage=stage, task=task, **asdict(summary)) for (stage, task), summary in figures.stages.items()
    ]
    return LatencyStats(
        header=Header(stamp=now),
        camera=topic,
        camera_name=name,
        backend=backend,
        stages=stages,
        received=ledger.received,
        processed=ledger.processed,
        overwritten=ledger.overwritten,
        rejected=ledger.rejected,
        failed=ledger.failed,
        skipped=ledger.skipped,
        aged=ledger.aged,
        waiting=ledger.in_flight,
        machine=machine,
    )


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """What a verdict on one camera needs to know; times in seconds."""

    name: str
    listened: bool
    switched_off: str
    silent_s: float
    image_topic: str
    image_remedy: str
    image_publishers: int
    info_topic: str
    info_remedy: str
    infos: int
    needs_info: bool
    complaint: str
    notice: Notice | None
    qos_complaint: str
    silence_hint: str
    figures: StreamFigures


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """What a verdict on the node needs to know."""

    name: str
    state: str
    failure: str
    backend: str
    warn_ms: float
    error_ms: float


def image_remedy(settings: CameraSettings) -> str:
    """What brings another image topic to a camera."""
    without = " without /compressed" if settings.compressed else ""
    if settings.image_topic:
        named = full_name(settings.name, "image_topic")
        return f"correct parameter {named}, which names the camera's topic{without}"
    return f"remap {settings.topic('input/image')} to the camera's topic{without}"


def info_remedy(settings: CameraSettings) -> str:
    """What brings another camera_info topic to a camera."""
    if settings.camera_info_topic:
        return f"correct parameter {full_name(settings.name, 'camera_info_topic')}"
    return f"remap {settings.topic('input/camera_info')}"


def camera_status(health: CameraHealth) -> tuple[str, bytes, str]:
    """State, diagnostic level and words of one camera of an active node, in the manner of Autoware."""
    if health.qos_complaint:
        return "incompatible_qos", WARN, health.qos_complaint
    if not health.listened and health.switched_off:
        return "task_off", WARN, health.switched_off
    if not health.listened:
        return "idle", OK, "nobody listens, so nothing is computed"
    if health.image_publishers == 0:
        return "no_publisher", WARN, f"nobody publishes {health.image_topic}: {health.image_remedy}"
    return _flow_status(health)


def _flow_status(health: CameraHealth) -> tuple[str, bytes, str]:
    """The same of a camera whose images should flow."""
    stale = health.silent_s > SILENT_S
    if health.needs_info and health.infos == 0 and (stale or health.complaint):
        why = health.complaint or f"no camera_info came on {health.info_topic}: publish it, or {health.info_remedy}"
        return "waiting_camera_info", WARN, _silence(health, why) if stale else why
    if stale:
        return "stale", WARN, _silence(health, health.complaint or _cause_of_silence(health))
    if health.complaint:
        return "rejected", WARN, health.complaint
    if health.notice is not None:
        return "notice", WARN if health.notice.worse else OK, health.notice.text
    return "ok", OK, ""


def _cause_of_silence(health: CameraHealth) -> str:
    waiting = health.figures.ledger.in_flight
    if waiting:
        return (
            f"{waiting} of its images wait for the model, which has answered none in that time: take a faster backend "
            "or fewer tasks, or restart the process if it hangs"
        )
    if health.figures.ledger.received:
        return f"images came on {health.image_topic} and come no more: look at the camera; else {health.silence_hint}"
    return f"no usable image came on {health.image_topic}, though it has a publisher: {health.silence_hint}"


def _silence(health: CameraHealth, why: str) -> str:
    return f"nothing published for {health.silent_s:.0f} s: {why}"


def processing_time_status(summary: LatencySummary | None, warn_ms: float, error_ms: float) -> tuple[bytes, str]:
    """Level and words on the time that prepare, infer, decode and publish took together."""
    if summary is None or summary.count == 0:
        return OK, "n/a: no frame was answered yet"
    words = f"p95 {summary.p95_ms:.1f} ms over {summary.count} frames"
    if 0 < error_ms < summary.p95_ms:
        return ERROR, f"{words}: above processing_time_error_ms = {error_ms:g}"
    if 0 < warn_ms < summary.p95_ms:
        return WARN, f"{words}: above processing_time_warn_ms = {warn_ms:g}"
    return OK, words


def diagnostics_message(now: Time, node: NodeHealth, cameras: Sequence[CameraHealth]) -> DiagnosticArray:
    """The node's verdict first, then camera_status and processing_time_status of each camera."""
    level, message = _verdict(node, cameras)
    hardware = cameras[0].image_topic if cameras else ""
    values: dict[str, object] = {"state": node.state, "backend": node.backend}
    if len(cameras) == 1:
        values |= _figures(cameras[0])
    rows = [_status(node.name, level, message, hardware, values)]
    for camera in cameras:
        prefix = f"{node.name}: {camera.name + '/' if camera.name else ''}"
        active = node.state == "active"
        state, camera_level, words = camera_status(camera) if active else (node.state, OK, "")
        told = f"{state}: {words}" if words else state
        more: dict[str, object] = {"state": state} | _figures(camera)
        rows.append(_status(f"{prefix}camera_status", camera_level, told, camera.image_topic, more))
        summary = camera.figures.stages.get((WHOLE, ""))
        time_level, time_words = processing_time_status(summary, node.warn_ms, node.error_ms)
        stages = {
            f"{'/'.join(filter(None, key))} p95 [ms]": f"{s.p95_ms:.1f}" for key, s in camera.figures.stages.items()
        }
        rows.append(_status(f"{prefix}processing_time_status", time_level, time_words, camera.image_topic, stages))
    return DiagnosticArray(header=Header(stamp=now), status=rows)


def _verdict(node: NodeHealth, cameras: Sequence[CameraHealth]) -> tuple[bytes, str]:
    """A node that should publish and does not is never OK; a trouble that lasts hides no slowness."""
    if node.failure:
        return ERROR, node.failure
    if node.state != "active":
        return OK, node.state
    told = [(health, *camera_status(health)) for health in cameras]
    parts = [f"{health.name}: {words}" if health.name else words for health, _, level, words in told if level != OK]
    slow = [
        (health, *processing_time_status(health.figures.stages.get((WHOLE, "")), node.warn_ms, node.error_ms))
        for health in cameras
    ]
    worst = max((level for _, level, _ in slow), default=OK)
    if worst != OK:
        words = "; ".join(f"{health.name} {words}".strip() for health, level, words in slow if level != OK)
        parts.append(f"processing time {words}")
    if parts:
        return max(worst, WARN), "; ".join(parts)
    if cameras and all(not health.listened for health in cameras):
        return OK, "active; nobody listens, so nothing is computed"
    return OK, "active"


def _figures(camera: CameraHealth) -> dict[str, object]:
    ledger = camera.figures.ledger
    age = camera.figures.stages.get(("age", ""))
    return {
        "image topic": camera.image_topic,
        "image publishers": camera.image_publishers,
        "received": ledger.received,
        "processed": ledger.processed,
        "overwritten": ledger.overwritten,
        "rejected": ledger.rejected,
        "failed": ledger.failed,
        "skipped": ledger.skipped,
        "aged": ledger.aged,
        "waiting": ledger.in_flight,
        "age p95 [ms]": f"{age.p95_ms if age else math.nan:.1f}",
    }


def _status(name: str, level: bytes, message: str, hardware: str, values: Mapping[str, object]) -> DiagnosticStatus:
    out = DiagnosticStatus(level=level, name=name, message=message, hardware_id=hardware)
    out.values = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    return out
