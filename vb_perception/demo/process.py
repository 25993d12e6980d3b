"""One child process with its own log, ended as Ctrl-C would."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from vb_perception.errors import VbPerceptionError

if TYPE_CHECKING:
    from typing_extensions import Self

LAST_LINES = 6


class Process:
    """A context manager: the process runs inside it and is gone after it.  stdout and stderr go to `log`."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name, self.log = name, log
        self._command, self._environment = list(command), dict(environment)

    def __enter__(self) -> "Self":
        """Start it.  Not from a shell: that would let it ignore SIGINT."""
        with self.log.open("wb") as log:
            self._popen = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Whatever happened, leave nothing running."""
        if self.running():
            self._popen.kill()
        self._popen.wait()

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def wait(self, timeout_s: float) -> int | None:
        """Its exit status; None if it still runs after `timeout_s`."""
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def interrupt(self, timeout_s: float) -> int | None:
        """Ask it to end with SIGINT; its exit status, None if it would not end in time."""
        if self.running():
            self._popen.send_signal(signal.SIGINT)
        return self.wait(timeout_s)

    def text(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def last_words(self) -> str:
        """Its last lines, and where the rest is."""
        lines = [line for line in self.text().splitlines() if line.strip()]
        return f"{' | '.join(lines[-LAST_LINES:]) or 'nothing'} (all of it: {self.log})"

    def fail(self, what: str) -> NoReturn:
        """Raise VbPerceptionError: the process did `what`, and its last words."""
        msg = f"{self.name} {what}; its last words: {self.last_words()}"
        raise VbPerceptionError(msg)
