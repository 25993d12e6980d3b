"""One thread ahead: reading, answering and scoring at the same time, in order, with few frames in memory."""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from typing import Any, TypeVar

_T = TypeVar("_T")
_POLL_S = 0.1
_END = object()


def ahead(make: Callable[[], Iterator[_T]], size: int = 3) -> Generator[_T, None, None]:
    """The items of `make()`, produced by a thread of its own that is at most `size` of them ahead.

    All of the iterator's code, with its files and engines, runs in that one thread.  What it raises is raised here.  If
    the consumer stops early, the iterator is closed, and the thread has ended when this generator has.
    """
    items: queue.Queue[Any] = queue.Queue(size)
    stopped = threading.Event()

    def put(item: object) -> bool:
        while not stopped.is_set():
            with suppress(queue.Full):
                items.put(item, timeout=_POLL_S)
                return True
        return False

    def produce() -> None:
        try:
            with ExitStack() as stack:
                iterator = make()
                stack.callback(getattr(iterator, "close", lambda: None))
                for item in iterator:
                    if not put((item, None)):
                        return
            put(_END)
        except BaseException as error:  # noqa: BLE001 -- whatever it is belongs to the consumer
            put((None, error))

    thread = threading.Thread(target=produce, name="ahead", daemon=True)
    thread.start()
    try:
        while (entry := items.get()) is not _END:
            item, error = entry
            if error is not None:
                raise error
            yield item
    finally:
        stopped.set()
        thread.join()
