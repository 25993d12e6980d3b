"""The messages of a bag gathered by stamp: an image belongs with its camera_info, its truth and its answers."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vb_perception.evaluation.bags import bag_topics, read_typed
from vb_perception.evaluation.message_types import Message, stamp_of

WAIT_NS = 2_000_000_000  # how much later than its first message, by time of recording, the last of a stamp may come


@dataclass(slots=True)
class Moment:
    """The messages of one stamp by topic; `latched` holds the latest message of each latched topic by then."""

    stamp_ns: int
    recorded_ns: int
    messages: dict[str, Message] = field(default_factory=dict)
    latched: dict[str, Message] = field(default_factory=dict)


def read_moments(path: Path | str, topics: Collection[str], latched: Collection[str] = ()) -> Iterator[Moment]:
    """The moments of a bag in the order in which their first messages were recorded.

    Args:
        path: A bag; see `open_bag`.
        topics: Topics whose messages have a header; those that the bag lacks are skipped.
        latched: Topics without a header whose latest message holds; those that the bag lacks are skipped.

    Raises:
        BagError: As `read_typed`.
    """
    there = bag_topics(path)
    wanted = {topic for topic in topics if topic in there}
    standing = {topic for topic in latched if topic in there}
    now_latched: dict[str, Message] = {}
    pending: dict[int, Moment] = {}
    for topic, recorded_ns, message in read_typed(path, wanted | standing):
        if topic in standing:
            now_latched = now_latched | {topic: message}
            continue
        stamp_ns = stamp_of(message)
        moment = pending.setdefault(stamp_ns, Moment(stamp_ns, recorded_ns))
        moment.messages[topic] = message
        moment.latched = now_latched
        while pending:
            first = next(iter(pending.values()))
            if not first.messages.keys() >= wanted and recorded_ns - first.recorded_ns <= WAIT_NS:
                break
            yield pending.pop(first.stamp_ns)
    yield from pending.values()
