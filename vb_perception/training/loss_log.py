"""The loss terms of a run, as CSV."""

import csv
import io
import logging
import os
from pathlib import Path

ROWS = 50
_log = logging.getLogger(__name__)


class LossLog:
    """Mean of the loss terms over every 50 steps; a row that the disk refuses is left out, and the run goes on."""

    def __init__(self, path: Path) -> None:
        """Go on at the end of the file, or begin it."""
        self._path = path
        self._rows: list[dict[str, float]] = []
        self._warned = False
        self._append("")

    def add(self, row: dict[str, float]) -> None:
        """The terms of one step; `images` is a count and not averaged."""
        self._rows.append(row)
        if len(self._rows) == ROWS:
            means = {k: sum(r[k] for r in self._rows) / len(self._rows) for k in row}
            line = [row["images"], *(f"{v:.5f}" for k, v in means.items() if k != "images")]
            empty = not self._path.exists() or self._path.stat().st_size == 0
            written = io.StringIO()
            csv.writer(written).writerows([list(row), line] if empty else [line])
            self._append(written.getvalue())
            self._rows.clear()

    def _append(self, text: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab", buffering=0) as file:
                end = file.tell()
                if file.write(text.encode()) < len(text.encode()):
                    os.truncate(self._path, end)  # no half of a row
                    self._warn("the disk took a part of a row")
        except OSError as error:
            self._warn(str(error))

    def _warn(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("%s: %s; rows are left out until there is room on the disk", self._path, why)
