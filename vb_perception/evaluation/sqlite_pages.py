"""Messages out of the pages of a sqlite3 bag, without the tree above them: the inner pages may be missing.

Layout: sqlite.org/fileformat2.html, sections 1.6 (b-tree pages and cells) and 2.1 (records).
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

_MAGIC = b"SQLite format 3\0"
_FILE_HEAD_BYTES, _PAGE_HEAD_BYTES = 100, 8
_LEAF_OF_TABLE = 0x0D
_LARGEST_PAGE = 65536  # does not fit its field, where it is written as 1
_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
_FIRST_BLOB = 12
_LARGEST_ID = (1 << 63) - 1
_BROKEN = (IndexError, struct.error, KeyError, ValueError)


class MessageRow(NamedTuple):
    """A row of a bag's table of messages."""

    id: int
    topic_id: int
    timestamp: int
    data: bytes


def message_rows(path: Path) -> Iterator[MessageRow]:
    """Every whole message of the file by id, whatever else of the file is missing."""
    with path.open("rb") as stream, closing(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)) as content:
        if content[: len(_MAGIC)] != _MAGIC or len(content) < _FILE_HEAD_BYTES:
            return
        (size,) = struct.unpack_from(">H", content, 16)
        pages = _Pages(content, _LARGEST_PAGE if size == 1 else size, content[20])  # the last: unused bytes of a page
        if size != 1 and (size < 512 or size & (size - 1)):  # noqa: PLR2004 -- the smallest page
            return
        places: dict[int, int] = {}
        for start in pages.cells():
            with suppress(*_BROKEN):
                places[pages.row(start).id] = start
        for row_id in sorted(places):
            yield pages.row(places[row_id])


class _Pages(NamedTuple):
    content: mmap.mmap
    size: int
    reserved: int

    def cells(self) -> Iterator[int]:
        """Where each cell of each leaf of a table begins."""
        for page in range(0, len(self.content) - self.size + 1, self.size):
            head = page + (_FILE_HEAD_BYTES if page == 0 else 0)
            if self.content[head] != _LEAF_OF_TABLE:  # the first byte of an overflow page is that of a page number
                continue
            (count,) = struct.unpack_from(">H", self.content, head + 3)
            with suppress(struct.error):
                for offset in struct.unpack_from(f">{count}H", self.content, head + _PAGE_HEAD_BYTES):
                    yield page + offset

    def row(self, start: int) -> MessageRow:
        """The cell as a message; raises one of `_BROKEN` if it is none, or not whole."""
        size, start = self._varint(start)
        row_id, start = self._varint(start)
        payload = self._payload(start, size)
        head_bytes, _ = _varint(payload, 0)
        kinds: list[int] = []
        at = 1
        while at < head_bytes and len(kinds) <= len(MessageRow._fields):
            kind, at = _varint(payload, at)
            kinds.append(kind)
        if (
            len(kinds) != len(MessageRow._fields)
            or kinds[0] != 0
            or kinds[3] < _FIRST_BLOB
            or kinds[3] % 2
            or row_id > _LARGEST_ID
        ):
            msg = "not a row of messages: expected no id (it is the row's), two integers and a blob"
            raise ValueError(msg)
        numbers = []
        for kind in kinds[1:3]:
            width = _INT_BYTES[kind]
            numbers.append(int.from_bytes(payload[at : at + width], "big", signed=True) if width else kind - 8)
            at += width
        data = payload[at:]
        if len(data) != (kinds[3] - _FIRST_BLOB) // 2:
            msg = "the blob is not whole"
            raise ValueError(msg)
        return MessageRow(row_id, numbers[0], numbers[1], data)

    def _payload(self, start: int, size: int) -> bytes:
        """The payload of a cell, with what lies on overflow pages."""
        if size > len(self.content):  # nonsense, which would not fit the memory either
            msg = f"a payload of {size} bytes in a smaller file"
            raise ValueError(msg)
        usable = self.size - self.reserved
        if size <= usable - 35:
            return self.content[start : start + size]
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = local if local <= usable - 35 else least
        parts = [self.content[start : start + local]]
        (number,) = struct.unpack_from(">I", self.content, start + local)
        left = size - local
        while left > 0:
            page = (number - 1) * self.size
            if page < self.size:  # the first page holds the schema
                msg = f"no overflow page {number}"
                raise ValueError(msg)
            (number,) = struct.unpack_from(">I", self.content, page)
            parts.append(self.content[page + 4 : page + 4 + min(left, usable - 4)])
            left -= usable - 4
        return b"".join(parts)

    def _varint(self, start: int) -> tuple[int, int]:
        value, used = _varint(self.content[start : start + 9], 0)
        return value, start + used


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of 1 to 9 bytes, and where the next thing begins."""
    value = 0
    for count in range(8):
        byte = content[at + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 -- the highest bit says that more follow
            return value, at + count + 1
    return value << 8 | content[at + 8], at + 9
