"""What of a ROS 1 bag that was cut short, or never got its index, can be read, as a bag of its own.

Layout: wiki.ros.org/Bags/Format/2.0.  A recorder that was killed leaves no index, and its last chunk open: the records
of that chunk then follow a chunk of size 0 as if they stood outside of any.
"""

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rosbags.interfaces import Connection
from rosbags.rosbag1 import Writer
from rosbags.rosbag1.reader import decompressors

MAGIC = b"#ROSBAG V2.0\n"
_MESSAGE, _CHUNK, _CONNECTION = 2, 5, 7
_BROKEN = (KeyError, IndexError, ValueError, struct.error, OSError, EOFError, RuntimeError)  # the last: lz4's

_Fields = dict[bytes, bytes]


class _Record(NamedTuple):
    """Its kind, the fields of its header, and its data."""

    kind: int
    fields: _Fields
    data: bytes


def rescued_ros1(path: Path, copy: Path) -> tuple[int, float] | None:
    """Write what is whole of the ROS 1 bag `path` to `copy`; messages and seconds from first to last, None if none.

    `path` is not changed.  Messages of a topic that the lost part would have described are left out.
    """
    times_ns: list[int] = []
    connections: dict[int, Connection] = {}
    with path.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            return None
        with Writer(copy) as out:
            for record in _unpacked(stream, path.stat().st_size):
                with suppress(*_BROKEN):
                    number = int.from_bytes(record.fields[b"conn"], "little")
                    if record.kind == _CONNECTION and number not in connections:
                        connections[number] = _added(out, record.fields, _fields(record.data))
                    elif record.kind == _MESSAGE and number in connections:
                        seconds, nanoseconds = struct.unpack("<II", record.fields[b"time"])
                        out.write(connections[number], seconds * 10**9 + nanoseconds, record.data)
                        times_ns.append(seconds * 10**9 + nanoseconds)
    return (len(times_ns), (max(times_ns) - min(times_ns)) / 1e9) if times_ns else None


def _added(out: Writer, fields: _Fields, described: _Fields) -> Connection:
    topic, latching = fields[b"topic"].decode(), described.get(b"latching", b"0") == b"1"
    same = (c for c in out.connections if c.topic == topic and c.digest == described[b"md5sum"].decode())
    known = next(same, None)  # of a second publisher
    return known or out.add_connection(
        topic,
        described[b"type"].decode().replace("/", "/msg/"),
        msgdef=described[b"message_definition"].decode(),
        md5sum=described[b"md5sum"].decode(),
        latching=int(latching),
    )


def _unpacked(stream: BinaryIO, size: int) -> Iterator[_Record]:
    """The records, those of chunks in the place of their chunk, up to the first that is not whole."""
    for record in _records(stream, size):
        if record.kind != _CHUNK:
            yield record
            continue
        try:
            inside = decompressors[record.fields[b"compression"].decode()](record.data)
        except _BROKEN:
            continue
        yield from _records(io.BytesIO(inside), len(inside))


def _records(stream: BinaryIO, size: int) -> Iterator[_Record]:
    """Records from where the stream stands to the first that is not whole, of `size` bytes in all."""
    try:
        while stream.tell() < size:
            fields = _fields(_block(stream, size))
            yield _Record(fields[b"op"][0], fields, _block(stream, size))
    except _BROKEN:
        return


def _block(stream: BinaryIO, size: int) -> bytes:
    """Bytes behind their length."""
    (length,) = struct.unpack("<I", stream.read(4))
    if length > size - stream.tell():
        msg = f"{length} bytes promised, {size - stream.tell()} left"
        raise ValueError(msg)
    return stream.read(length)


def _fields(header: bytes) -> _Fields:
    """Names and values of a header."""
    out, at = {}, 0
    while at < len(header):
        (length,) = struct.unpack_from("<I", header, at)
        name, _, value = header[at + 4 : at + 4 + length].partition(b"=")
        out[name], at = value, at + 4 + length
    return out
