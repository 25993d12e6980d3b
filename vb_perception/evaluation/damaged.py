"""What of a damaged bag file is whole: counted for the error message that says so, or copied so that it can be read."""

import sqlite3
import struct
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from vb_perception.evaluation.damaged_ros1 import rescued_ros1
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

    @property
    def span_s(self) -> float:
        """From the first message to the last."""
        return (max(self.times_ns) - min(self.times_ns)) / 1e9 if self.times_ns else 0.0


def intact_part(path: Path) -> str:
    """One clause on what can still be read of `path` and how to rescue it."""
    if path.is_dir():
        return f"`vb-perception evaluate` reads what is whole of its files; `ros2 bag reindex {path}` may help others"
    if path.suffix == ".bag":
        return f"`rosbag reindex {path}` may rescue a part"
    if path.suffix != ".mcap":
        return f"`sqlite3 {path} .recover` may rescue a part"
    size = path.stat().st_size
    walked = _walked(path)
    if walked is None:
        return f"it does not start like an mcap file ({size} bytes); record or copy it again"
    tally, _ = walked
    if not tally.messages:
        return f"not one message of its {size} bytes is whole; record or copy it again"
    whole = f"its first {tally.messages} messages ({tally.span_s:.1f} s) are whole"
    return f"{whole}: `mcap recover {path} -o rescued.mcap` keeps them"


def rescued(path: Path, folder: Path) -> tuple[Path, str] | None:
    """A readable copy, in `folder`, of what is whole of a bag that was cut short, and a sentence on it.

    `path`: an .mcap or .db3 file, a ROS 1 bag (.bag, or the .bag.active of a recorder that was killed), or a rosbag2
    folder of uncompressed files, of which each is read as far as it is whole.  None where that would not help: another
    format, an .mcap that ends as it should, or not one whole message.
    """
    if path.is_dir():
        return _rescued_folder(path, folder)
    if path.suffix == ".db3":
        found = rescued_database(path, folder / path.name)
        return (folder / path.name, _told(path, *found)) if found else None
    if path.name.endswith((".bag", ".bag.active")):
        copy = folder / path.name.removesuffix(".active")
        found = rescued_ros1(path, copy)
        return (copy, _told(path, *found)) if found else None
    return _rescued_mcap(path, folder / path.name) if path.suffix == ".mcap" else None


def _rescued_folder(path: Path, folder: Path) -> tuple[Path, str] | None:
    """A folder of links to the files that are whole and of rescued copies of the others, without a metadata.yaml."""
    pieces = sorted(p for p in path.iterdir() if p.suffix in {".mcap", ".db3"})
    out = folder / path.name
    out.mkdir()
    told = []
    for piece in pieces:
        if _is_whole(piece):
            (out / piece.name).symlink_to(piece.resolve())
            continue
        copy = rescued(piece, out)
        told.append(copy[1] if copy else f"{piece} is damaged: nothing of it was read")
    return (out, "; ".join(told)) if told and any(out.iterdir()) else None


def _is_whole(piece: Path) -> bool:
    if piece.suffix == ".mcap":
        walked = _walked(piece)
        return walked is not None and walked[1] >= piece.stat().st_size - len(_MAGIC)
    try:
        with closing(sqlite3.connect(f"{piece.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("SELECT count(*), max(timestamp) FROM messages").fetchone()
    except sqlite3.Error:
        return False
    return True


def _rescued_mcap(path: Path, copy: Path) -> tuple[Path, str] | None:
    walked = _walked(path)
    if walked is None or not walked[0].messages or walked[1] >= path.stat().st_size - len(_MAGIC):
        return None
    tally, end = walked
    with path.open("rb") as stream, copy.open("wb") as out:
        for start in range(0, end, _BLOCK_BYTES):
            out.write(stream.read(min(_BLOCK_BYTES, end - start)))
        out.write(_FOOTER_WITHOUT_SUMMARY + _MAGIC)
    return copy, _told(path, tally.messages, tally.span_s)


def _walked(path: Path) -> tuple[_Tally, int] | None:
    """What lies in the whole records of an .mcap file, and where they end; None if it does not start like one."""
    tally, size = _Tally(), path.stat().st_size
    with path.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            return None
        end = stream.tell()
        while _next_record(stream, size, tally):
            end = stream.tell()
    return tally, end


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
