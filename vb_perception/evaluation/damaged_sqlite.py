"""What of a sqlite3 bag that was cut short can be read, as a bag of its own."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from vb_perception.evaluation.sqlite_pages import message_rows

Row = tuple[Any, ...]
_SEES_ALL = "PRAGMA writable_schema = ON"  # without it sqlite refuses a file that is shorter than its header says
_TABLES = ("schema", "metadata", "topics", "message_definitions", "messages")


def rescued_database(path: Path, copy: Path) -> tuple[int, float] | None:
    """Write what can be read of the .db3 file `path` to `copy`; messages and seconds from first to last, None if none.

    The small tables, at the start of a file, are asked of sqlite; the messages are gathered page by page, since the
    tree that leads to them may be cut off.  `path` is not changed.
    """
    with (
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as source,
        closing(sqlite3.connect(copy)) as out,
        suppress(sqlite3.DatabaseError),  # not even its schema can be read: nobody knows the topics
    ):
        source.execute(_SEES_ALL)
        for name, sql in source.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall():
            if name not in _TABLES or not str(sql).startswith("CREATE TABLE"):  # whatever else it holds is not run
                continue
            out.execute(sql)
            columns = ", ".join("?" for _ in source.execute(f"PRAGMA table_info({name})"))
            rows = message_rows(path) if name == "messages" else _rows(source, name)
            out.executemany(f"INSERT INTO {name} VALUES ({columns})", rows)  # noqa: S608 -- of `_TABLES`
        out.commit()
        times = "SELECT count(*), min(timestamp), max(timestamp) FROM messages"
        count, first_ns, last_ns = out.execute(times).fetchone()
        if count:
            return int(count), (last_ns - first_ns) / 1e9
    return None


def _rows(source: sqlite3.Connection, table: str) -> Iterator[Row]:
    """The rows of a table up to the first that cannot be read."""
    with suppress(sqlite3.DatabaseError):
        yield from source.execute(f"SELECT * FROM {table}")  # noqa: S608 -- of `_TABLES`
