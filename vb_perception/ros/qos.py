"""Quality of service by name, and what to change when two ends do not fit."""

from collections.abc import Callable, Iterable
from typing import Any

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
    qos_policy_name_from_kind,
)

from vb_perception.errors import ConfigError

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

__all__ = [
    "DEPTH",
    "PROFILES",
    "PublisherEventCallbacks",
    "QosTrouble",
    "SubscriptionEventCallbacks",
    "clash",
    "incompatible_input",
    "incompatible_output",
    "qos_by_topic",
    "qos_profile",
    "silence_hint",
]

QosTrouble = Callable[[str, Callable[[], bool]], None]
"""Takes what is wrong between two ends, and what tells whether it still is."""

# The queue is emptied at once; it only bridges moments in which the process gets no processor.
DEPTH = 10
MAX_DEPTH = 1000

PROFILES = {
    "sensor_data": (ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE),
    "reliable": (ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE),
    "transient_local": (ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL),
}


def qos_profile(name: str, depth: int = DEPTH) -> QoSProfile:
    """The profile of "NAME" or "NAME:DEPTH", NAME one of `PROFILES`, keeping the last `depth` messages.

    Raises:
        ConfigError: no such name, or a depth that is no number from 1 to `MAX_DEPTH`.
    """
    base, colon, kept = name.partition(":")
    if base not in PROFILES or (colon and not (kept.isdecimal() and 1 <= int(kept) <= MAX_DEPTH)):
        names = ", ".join(PROFILES)
        msg = f"quality of service {name!r}: expected one of {names}, or such a name with a depth as in reliable:5"
        raise ConfigError(msg)
    reliability, durability = PROFILES[base]
    kept_depth = int(kept) if kept else depth
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=kept_depth, reliability=reliability, durability=durability)


def qos_by_topic(entries: Iterable[str]) -> dict[str, str]:
    """What "TOPIC=PROFILE" entries say, by topic; empty entries say nothing.

    Raises:
        ConfigError: an entry of another form, or an unknown profile.
    """
    out: dict[str, str] = {}
    for entry in filter(None, entries):
        topic, equals, profile = entry.partition("=")
        if not equals or not topic:
            msg = f"entry {entry!r} of parameter qos: expected <topic>=<profile>, as in points=sensor_data"
            raise ConfigError(msg)
        qos_profile(profile)
        out[topic.strip()] = profile.strip()
    return out


def clash(offered: QoSProfile, asked: QoSProfile) -> bool:
    """Whether a publisher and a subscription with these profiles never match."""
    return bool(qos_check_compatible(offered, asked)[0] == QoSCompatibility.ERROR)


def incompatible_input(topic: str, parameter: str, now: str, event: Any) -> str:  # noqa: ANN401 - rclpy's event has no type
    """What to say when a publisher of `topic` offers less than our subscription asks for."""
    policy = qos_policy_name_from_kind(event.last_policy_kind)
    return (
        f"a publisher of {topic} offers a weaker {policy} than parameter {parameter} ({now}) asks for: nothing is "
        f"received from it; set {parameter} to sensor_data, which takes every publisher"
    )


def incompatible_output(topic: str, now: str, event: Any) -> str:  # noqa: ANN401 - rclpy's event has no type
    """What to say when a subscriber of `topic` asks for more than our publisher offers."""
    policy = qos_policy_name_from_kind(event.last_policy_kind)
    cure = (
        "set output_qos to reliable"
        if policy.startswith("RELIABILITY")
        else "let the subscriber ask for volatile, or set output_qos to transient_local"
    )
    return (
        f"a subscriber of {topic} asks for a stronger {policy} than output_qos ({now}) offers, and gets nothing; "
        f"{cure} (or this topic alone with parameter qos)"
    )


def silence_hint(publishers: Iterable[Any], parameter: str, now: str) -> str:
    """What to change when a topic has publishers and yet no message comes; `publishers` as rclpy's endpoint infos."""
    offers = [publisher.qos_profile.reliability for publisher in publishers]
    if now.startswith("sensor_data") and offers and all(offer == ReliabilityPolicy.RELIABLE for offer in offers):
        return (
            f"its publisher is reliable but {parameter} is {now}, and best effort loses large images: set {parameter} "
            "to reliable, or use config/fastdds_shm.xml in both processes"
        )
    return "the publisher may be idle, or its images are lost on the way: use config/fastdds_shm.xml in both processes"
