"""frames.jsonl: one line a frame, for `compare` and for whoever wants to plot more than the report does."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from vb_perception.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

Row = dict[str, Any]


class FramesLog:
    """A context manager; the file appears under its name when the context ends without an error."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_suffix(".jsonl.part")

    def __enter__(self) -> "Self":
        """Open the unfinished file beside it."""
        self._stream = self._part.open("w", encoding="utf-8")
        return self

    def write(self, row: Mapping[str, object]) -> None:
        """Append one frame; NaN becomes null."""
        self._stream.write(json.dumps(plain(row), allow_nan=False, separators=(",", ":")) + "\n")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the file its name; after an error it keeps that of an unfinished one, and Ctrl-C leaves none."""
        self._stream.close()
        if kind is None:
            self._part.replace(self.path)
        elif not issubclass(kind, Exception):
            self._part.unlink()


def read_frames_log(path: Path) -> Iterator[Row]:
    """The rows of a file.

    Raises:
        ConfigError: it cannot be read, or a line is no JSON object.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                row = json.loads(line)
                if not isinstance(row, dict):
                    msg = f"{path}, line {number}: expected a JSON object; evaluate again"
                    raise ConfigError(msg)
                yield row
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read ({error}); expected what `vb-perception evaluate --out` writes"
        raise ConfigError(msg) from error


def plain(value: object) -> object:
    """The same with None for NaN and infinities, and plain numbers, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
