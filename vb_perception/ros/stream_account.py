"""The books of one camera: where every image went, how long each stage took, and who waits for an answer."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from vb_perception.timing import STAGES, FrameLedger, LatencySummary, LatencyWindow, StageTimes


@dataclass(slots=True)
class Ticket:
    """A wish for one frame: `stamp_ns` once it was answered, `refusal` if it could not be."""

    stamp_ns: int | None = None
    refusal: str = ""

    @property
    def done(self) -> bool:
        """Whether the wish has an answer."""
        return self.stamp_ns is not None or bool(self.refusal)


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """A consistent copy of what a camera's stream counts; summaries by stage and task ("" the whole frame)."""

    ledger: FrameLedger
    stages: Mapping[tuple[str, str], LatencySummary]


class StreamAccount:
    """Ledger, latencies and tickets; thread-safe."""

    def __init__(self, window: int) -> None:
        """`window`: how many frames the latencies are summarised over."""
        self._lock = threading.Lock()
        self._ledger, self._window = FrameLedger(), LatencyWindow(window)
        self._tickets: list[Ticket] = []

    def count(self, column: str, images: int = 1) -> None:
        """Add images to a column of the ledger."""
        with self._lock:
            setattr(self._ledger, column, getattr(self._ledger, column) + images)

    def answered(self, times: StageTimes) -> None:
        """Count one image as processed, and what it took."""
        with self._lock:
            self._ledger.processed += 1
            self._window.add(times)

    @property
    def in_flight(self) -> int:
        """Received images without an outcome yet."""
        with self._lock:
            return self._ledger.in_flight

    def new_run(self) -> None:
        """Forget the latencies so far, but not the ledger."""
        with self._lock:
            self._window.clear()

    def figures(self) -> StreamFigures:
        """A consistent copy of the ledger and the summary of every stage."""
        with self._lock:
            stages = {(stage, ""): self._window.summary(stage) for stage in STAGES}
            return StreamFigures(replace(self._ledger), stages | self._window.part_summaries())

    def request(self) -> Ticket:
        """Wait for the next answer."""
        ticket = Ticket()
        with self._lock:
            self._tickets.append(ticket)
        return ticket

    def withdraw(self, ticket: Ticket) -> None:
        """Stop waiting for it."""
        with self._lock:
            if ticket in self._tickets:
                self._tickets.remove(ticket)

    @property
    def awaited(self) -> bool:
        """Whether anybody waits for an answer."""
        with self._lock:
            return bool(self._tickets)

    def take_tickets(self) -> list[Ticket]:
        """Those that the frame at hand shall answer; nobody else does."""
        with self._lock:
            tickets, self._tickets = self._tickets, []
        return tickets


def refuse(tickets: list[Ticket], why: str) -> None:
    """Tell those who wait that there will be no answer."""
    for ticket in tickets:
        ticket.refusal = why


@contextmanager
def refusing(tickets: list[Ticket]) -> Iterator[None]:
    """Whoever waits for this frame hears of what goes wrong with it."""
    try:
        yield
    except Exception as error:
        refuse(tickets, str(error) or type(error).__name__)
        raise
