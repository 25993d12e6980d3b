"""The loss terms of a run, as CSV."""

import csv
from pathlib import Path

ROWS = 50


class LossLog:
    """Mean of the loss terms over every 50 steps."""

    def __init__(self, path: Path) -> None:
        """Go on at the end of the file, or begin it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self._rows: list[dict[str, float]] = []

    def add(self, row: dict[str, float]) -> None:
        """The terms of one step; `images` is a count and not averaged."""
        self._rows.append(row)
        if len(self._rows) == ROWS:
            if self._file.tell() == 0:
                self._writer.writerow(row)
            means = {k: sum(r[k] for r in self._rows) / len(self._rows) for k in row}
            self._writer.writerow([row["images"], *(f"{v:.5f}" for k, v in means.items() if k != "images")])
            self._file.flush()
            self._rows.clear()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
