"""Quality of service by name, and what to change when two ends do not fit."""

from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy, qos_policy_name_from_kind

# The queue is emptied at once; it only bridges moments in which the process gets no processor.
DEPTH = 10

PROFILES = {
    "sensor_data": (ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.VOLATILE),
    "reliable": (ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE),
    "transient_local": (ReliabilityPolicy.RELIABLE, DurabilityPolicy.TRANSIENT_LOCAL),
}


def qos_profile(name: str, depth: int = DEPTH) -> QoSProfile:
    """The profile of one of the names in `PROFILES`, keeping the last `depth` messages."""
    reliability, durability = PROFILES[name]
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability, durability=durability)


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
    cure = "set output_qos to reliable" if policy.startswith("RELIABILITY") else "let the subscriber ask for volatile"
    return (
        f"a subscriber of {topic} asks for a stronger {policy} than output_qos ({now}) offers, and gets nothing; {cure}"
    )
