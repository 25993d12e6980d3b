"""The messages of a bag gathered by stamp: an image belongs with its camera_info, its truth and its answers."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vb_perception.evaluation.bags import bag_topics, read_messages, read_typed
from vb_perception.evaluation.message_types import Message, stamp_of, stamp_of_cdr


@dataclass(slots=True)
class Moment:
    """The messages of one stamp by topic; `latched` holds the latest message of each latched topic by then."""

    stamp_ns: int
    messages: dict[str, Message] = field(default_factory=dict)
    latched: dict[str, Message] = field(default_factory=dict)


def read_moments(path: Path | str, topics: Collection[str], latched: Collection[str] = ()) -> Iterator[Moment]:
    """The moments of a bag, each whole, in the order in which their first messages were recorded.

    Reads the bag twice: how many messages a stamp has is counted first, so that none waits longer than it must, however
    late an answer was recorded.

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
    missing = Counter(stamp_of_cdr(message.cdr) for message in read_messages(path, wanted))
    now_latched: dict[str, Message] = {}
    pending: dict[int, Moment] = {}
    for topic, _, message in read_typed(path, wanted | standing):
        if topic in standing:
            now_latched = now_latched | {topic: message}
            continue
        stamp_ns = stamp_of(message)
        moment = pending.setdefault(stamp_ns, Moment(stamp_ns))
        moment.messages[topic] = message
        moment.latched = now_latched
        missing[stamp_ns] -= 1
        while pending and not missing[next(iter(pending))]:
            yield pending.pop(next(iter(pending)))
