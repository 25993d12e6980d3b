"""The messages of a bag gathered by stamp: an image belongs with its camera_info, its truth and its answers."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from vb_perception.evaluation.bags import Report, bag_topics, read_messages, read_typed, refuse
from vb_perception.evaluation.message_types import Message, stamp_of, stamp_of_cdr


@dataclass(slots=True)
class Moment:
    """The messages of one stamp by topic, and when each was recorded.

    `latched`: of each latched topic the latest message, or before there is one the first: a recorder writes it down
    when it hears of it, which may be after the first images.
    """

    stamp_ns: int
    messages: dict[str, Message] = field(default_factory=dict)
    recorded_ns: dict[str, int] = field(default_factory=dict)
    latched: dict[str, Message] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Matching:
    """Which messages belong together: those of one stamp, or within `tolerance_ns` of the stamp on topic `anchor`.

    Of several messages on one topic the nearest belongs to it (of equals the earlier), the others to nothing.
    """

    anchor: str = ""
    tolerance_ns: int = 0


EXACT = Matching()


def read_moments(
    path: Path | str,
    topics: Collection[str],
    latched: Collection[str] = (),
    matching: Matching = EXACT,
    on_damage: Report = refuse,
) -> Iterator[Moment]:
    """The moments of a bag, each whole, in the order in which their first messages were recorded.

    Reads the bag twice: how many messages a stamp has is counted first, so that none waits longer than it must, however
    late an answer was recorded.

    Args:
        path: A bag; see `open_bag`.
        topics: Topics whose messages have a header; those that the bag lacks are skipped.
        latched: Topics without a header, see `Moment`; those that the bag lacks are skipped.
        matching: What belongs together.
        on_damage: As `read_messages`; it is told once.

    Raises:
        BagError: As `read_typed`.
    """
    there = bag_topics(path)
    wanted = {topic for topic in topics if topic in there}
    standing = {topic for topic in latched if topic in there}
    stamps = Counter((m.topic, stamp_of_cdr(m.cdr)) for m in read_messages(path, wanted, on_damage))
    home = _homes(stamps, matching)
    missing: Counter[int] = Counter()
    for (topic, stamp_ns), count in stamps.items():
        missing[home.get((topic, stamp_ns), stamp_ns)] += count
    now_latched: dict[str, Message] = {}
    for topic in standing:
        for _, _, first in islice(read_typed(path, {topic}, _told_before), 1):
            now_latched[topic] = first
    pending: dict[int, Moment] = {}
    for topic, t_ns, message in read_typed(path, wanted | standing, _told_before):
        if topic in standing:
            now_latched = now_latched | {topic: message}
            continue
        stamp_ns = stamp_of(message)
        stamp_ns = home.get((topic, stamp_ns), stamp_ns)
        moment = pending.setdefault(stamp_ns, Moment(stamp_ns))
        moment.messages[topic] = message
        moment.recorded_ns[topic] = t_ns
        moment.latched = now_latched
        missing[stamp_ns] -= 1
        while pending and missing[next(iter(pending))] <= 0:
            yield pending.pop(next(iter(pending)))
    yield from pending.values()  # only a bag that broke leaves any


def _told_before(_reason: str) -> None:
    """What breaks the bag now has broken it, and was told, when its messages were counted."""


def _homes(stamps: Collection[tuple[str, int]], matching: Matching) -> dict[tuple[str, int], int]:
    """Topic and stamp of each message that belongs to an anchor of another stamp, and that stamp."""
    if not matching.tolerance_ns:
        return {}
    anchors = sorted({stamp_ns for topic, stamp_ns in stamps if topic == matching.anchor})
    taken: dict[tuple[str, int], tuple[int, int]] = {}  # topic and anchor: distance and stamp of what is nearest
    for topic, stamp_ns in stamps:
        nearest = _nearest(anchors, stamp_ns)
        if topic == matching.anchor or nearest is None or abs(nearest - stamp_ns) > matching.tolerance_ns:
            continue
        claim = abs(nearest - stamp_ns), stamp_ns
        taken[topic, nearest] = min(taken.get((topic, nearest), claim), claim)
    return {(topic, stamp_ns): anchor for (topic, anchor), (_, stamp_ns) in taken.items() if stamp_ns != anchor}


def _nearest(ascending: Sequence[int], value: int) -> int | None:
    at = bisect_left(ascending, value)
    return min(ascending[max(0, at - 1) : at + 1], key=lambda one: abs(one - value), default=None)
