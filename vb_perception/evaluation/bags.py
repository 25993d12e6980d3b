"""Bags without ROS: raw messages in, through the `rosbags` library; out: `bag_writer`.

Reads a plain `.mcap` or `.db3` file, a rosbag2 folder (split or compressed too, with or without its metadata.yaml) or a
ROS 1 `.bag`, whose messages come out as those of ROS 2.
"""

import struct
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

import apsw
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.interfaces import Connection, ConnectionExtRosbag1, QosDurability
from rosbags.rosbag2 import ReaderError as StorageError
from rosbags.serde import SerdeError

from vb_perception.errors import BagError
from vb_perception.evaluation.bag_writer import BagWriter
from vb_perception.evaluation.damaged import intact_part
from vb_perception.evaluation.message_types import Message, message_types
from vb_perception.evaluation.ros1 import ros2_from_ros1

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdError
else:
    from backports.zstd import ZstdError

__all__ = [
    "BagWriter", "RawMessage", "Report", "TopicEntry", "bag_topics", "open_bag", "read_messages", "read_typed",
    "refuse",
]  # fmt: skip

# What reading a damaged file can raise: rosbags checks much, but not every length and index field.
_DAMAGE = (
    AnyReaderError, StorageError, SerdeError, OSError, EOFError, struct.error, apsw.Error, ZstdError,
    ValueError, TypeError, KeyError, IndexError, AssertionError, OverflowError, MemoryError, RuntimeError,
)  # fmt: skip
_SUFFIXES = {".mcap", ".db3"}
_ROS1_SUFFIX = ".bag"

Report = Callable[[str], object]
"""Is told what could not be used, in one sentence."""


class RawMessage(NamedTuple):
    """One recorded message; `cdr` is its serialised form, `t_ns` the time at which it was recorded."""

    topic: str
    msgtype: str
    t_ns: int
    cdr: bytes


class TopicEntry(NamedTuple):
    """What a bag says of one topic; `latched`: offered as transient local."""

    msgtype: str
    messages: int
    latched: bool


@contextmanager
def open_bag(path: Path | str) -> Iterator[AnyReader]:
    """An open reader of the bag at `path`.

    Raises:
        BagError: There is no such path, it is no bag, or the file is damaged (then it says what could be read).
    """
    path = Path(path)
    if not path.exists():
        msg = f"bag {path} does not exist; expected an .mcap, .db3 or .bag file or a rosbag2 folder"
        raise BagError(msg)
    files = [path]
    if path.is_dir() and not (path / "metadata.yaml").is_file():  # a recorder that was killed leaves none
        files = sorted(p for p in path.iterdir() if p.suffix in _SUFFIXES)
        if not files:
            msg = f"folder {path} holds no metadata.yaml and no .mcap or .db3 file; expected a rosbag2 folder"
            raise BagError(msg)
    if path.is_file() and path.suffix not in {*_SUFFIXES, _ROS1_SUFFIX}:
        expected = "expected .mcap, .db3, a rosbag2 folder, or .bag of ROS 1, or a folder of frames (docs/frames.md)"
        msg = f"{path} is no bag: {expected}"
        raise BagError(msg)
    try:
        reader = AnyReader(files, default_typestore=message_types())
        reader.open()
    except _DAMAGE as error:
        msg = f"bag {path} is damaged or cut short ({_reason(error)}); {intact_part(path)}"
        raise BagError(msg) from error
    try:
        yield reader
    finally:
        reader.close()


def bag_topics(path: Path | str) -> dict[str, TopicEntry]:
    """The topics of a bag by name."""
    with open_bag(path) as reader:
        return {
            name: TopicEntry(
                known.msgtype or "several types", known.msgcount, any(_latched(c) for c in known.connections)
            )
            for name, known in sorted(reader.topics.items())
        }


def refuse(reason: str) -> NoReturn:
    """What reading does with what it cannot use unless told otherwise: raise BagError."""
    raise BagError(reason)


def read_messages(
    path: Path | str, topics: Collection[str] | None = None, on_damage: Report = refuse
) -> Iterator[RawMessage]:
    """Every message of a bag in the order of recording, still serialised; only those of `topics` if any are named.

    `on_damage` is told, in one sentence, where a bag breaks on the way; if it does not raise, reading ends there.

    Raises:
        BagError: The bag cannot be opened, a named topic is not in it, or from `refuse`.
    """
    with open_bag(path) as reader:
        yield from _messages(path, reader, topics, on_damage)


def read_typed(
    path: Path | str, topics: Collection[str], on_damage: Report = refuse
) -> Iterator[tuple[str, int, Message]]:
    """Topic, time of recording [ns] and the message as an object with the fields of its type, for the named topics."""
    with open_bag(path) as reader:
        typestore = reader.typestore if reader.is2 else message_types()
        for topic, msgtype, t_ns, cdr in _messages(path, reader, topics, on_damage):
            try:
                message = typestore.deserialize_cdr(cdr, msgtype)
            except _DAMAGE as error:
                msg = f"bag {path}: a message on {topic} is no {msgtype} ({_reason(error)}); record it again"
                raise BagError(msg) from error
            yield topic, t_ns, message


def _messages(
    path: Path | str, reader: AnyReader, topics: Collection[str] | None, on_damage: Report
) -> Iterator[RawMessage]:
    wanted = [c for c in reader.connections if topics is None or c.topic in topics]
    missing = sorted(set(topics or ()) - {c.topic for c in wanted})
    if missing:
        there = ", ".join(sorted(reader.topics)) or "none"
        msg = f"bag {path} has no topic {', '.join(missing)}; it has: {there}"
        raise BagError(msg)
    if not wanted:
        return
    translate = _as_it_is if reader.is2 else ros2_from_ros1(reader)
    count = 0
    messages = reader.messages(wanted)
    while True:
        try:
            connection, t_ns, raw = next(messages)
            message = RawMessage(connection.topic, connection.msgtype, t_ns, translate(connection.msgtype, raw))
        except StopIteration:
            return
        except _DAMAGE as error:
            on_damage(f"bag {path} is damaged after {count} readable messages ({_reason(error)})")
            return
        count += 1
        yield message


def _as_it_is(_msgtype: str, cdr: bytes | memoryview) -> bytes:
    return bytes(cdr)


def _latched(connection: Connection) -> bool:
    if isinstance(connection.ext, ConnectionExtRosbag1):
        return bool(connection.ext.latching)
    return any(qos.durability is QosDurability.TRANSIENT_LOCAL for qos in connection.ext.offered_qos_profiles)


def _reason(error: BaseException) -> str:
    return str(error).rstrip(".") or type(error).__name__
