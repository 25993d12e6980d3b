"""What of a damaged bag file is whole: counted for the error message that says so, or copied so that it can be read."""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from vb_perception.evaluation.damaged_sqlite import rescued_database

_MAGIC = b"\x89MCAP0\r\n"
_MESSAGE, _CHUNK, _MESSAGE_INDEX = 0x05, 0x06, 0x07
_HEAD_BYTES = 9  # opcode and length
_INDEX_ENTRY_BYTES = 16
_BLOCK_BYTES = 1 << 22
_FOOTER_WITHOUT_SUMMARY = struct.pack("<BQQQI", 0x02, 20, 0, 0, 0)  # so that a reader scans the records


@dataclass(slots=True)
class _Tally:
    messages: int = 0
    times_ns: list[int] = field(default_factory=list)


def intact_part(path: Path) -> str:
    """One clause on what can still be read of `path` and how to rescue it."""
    if path.is_dir():
        return f"give one of its files by name, or run `ros2 bag reindex {path}`"
    if path.suffix != ".mcap":
        return f"`sqlite3 {path} .recover` may rescue a part"
    tally = _Tally()
    size = path.stat().st_size
    with path.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            return f"it does not start like an mcap file ({size} bytes); record or copy it again"
        while _next_record(stream, size, tally):
            pass
    if not tally.messages:
        return f"not one message of its {size} bytes is whole; record or copy it again"
    span_s = (max(tally.times_ns) - min(tally.times_ns)) / 1e9
    whole = f"its first {tally.messages} messages ({span_s:.1f} s) are whole"
    return f"{whole}: `mcap recover {path} -o rescued.mcap` keeps them"


def rescued(path: Path, folder: Path) -> tuple[Path, str] | None:
    """A readable copy, in `folder`, of what is whole of an .mcap or .db3 file that was cut short, and a sentence on it.

    None where that would not help: another format, an .mcap that ends as it should, or not one whole message.
    """
    if path.suffix == ".db3" and path.is_file():
        found = rescued_database(path, folder / path.name)
        return (folder / path.name, _told(path, *found)) if found else None
    if path.suffix != ".mcap" or not path.is_file():
        return None
    tally, size = _Tally(), path.stat().st_size
    with path.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            return None
        end = stream.tell()
        while _next_record(stream, size, tally):
            end = stream.tell()
        if not tally.messages or end >= size - len(_MAGIC):
            return None
        copy = folder / path.name
        stream.seek(0)
        with copy.open("wb") as out:
            for start in range(0, end, _BLOCK_BYTES):
                out.write(stream.read(min(_BLOCK_BYTES, end - start)))
            out.write(_FOOTER_WITHOUT_SUMMARY + _MAGIC)
    span_s = (max(tally.times_ns) - min(tally.times_ns)) / 1e9
    return copy, _told(path, tally.messages, span_s)


def _told(path: Path, messages: int, span_s: float) -> str:
    return f"{path} is cut short: only its first {messages} messages ({span_s:.1f} s) were read"


def _next_record(stream: BinaryIO, size: int, tally: _Tally) -> bool:
    """Step over one record; False at the first one that is not whole.  Layout: mcap.dev/spec, "Records"."""
    head = stream.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return False
    opcode, length = struct.unpack("<BQ", head)
    end = stream.tell() + length
    if end > size:
        return False
    if opcode == _MESSAGE and length >= struct.calcsize("<HIQ"):
        _, _, t_ns = struct.unpack("<HIQ", stream.read(14))
        tally.messages += 1
        tally.times_ns.append(t_ns)
    elif opcode == _CHUNK and length >= struct.calcsize("<QQ"):
        tally.times_ns.extend(struct.unpack("<QQ", stream.read(16)))
    elif opcode == _MESSAGE_INDEX and length >= struct.calcsize("<HI"):
        # One index record a topic follows its chunk and counts the messages, so that no chunk need be unpacked.
        _, index_bytes = struct.unpack("<HI", stream.read(6))
        tally.messages += min(index_bytes, length) // _INDEX_ENTRY_BYTES
    stream.seek(end)
    return True
