"""Writes bags: one plain `.mcap` file, its chunks compressed with zstd, that `ros2 bag play` and Foxglove take."""

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from vb_perception.errors import BagError
from vb_perception.evaluation.message_types import Message, message_types, register_type

if TYPE_CHECKING:
    from typing_extensions import Self

_NEVER = QosTime(2147483647, 4294967295)
_BAG_VERSION: Literal[8] = 8  # its spelling of QoS is read by Humble and everything later


class BagWriter:
    """Writes one `.mcap` file; a context manager.  The file appears, whole, when the context ends without an error."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if self.path.suffix != ".mcap" or self.path.is_dir():
            msg = f"cannot write a bag to {self.path}: expected the name of a file that ends in .mcap"
            raise BagError(msg)
        self.counts: dict[str, int] = {}
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> "Self":
        """Open a hidden folder beside the file; rosbags writes whole rosbag2 folders."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f".{self.path.stem}-", dir=self.path.parent))
        self._writer = Writer(self._folder / "bag", version=_BAG_VERSION, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        self._writer.open()
        return self

    def write(self, topic: str, msgtype: str, t_ns: int, cdr: bytes | memoryview, *, latched: bool = False) -> None:
        """Append a serialised message; a topic's type and durability are those of its first message."""
        connection = self._connections.get(topic)
        if connection is None:
            register_type(msgtype)
            connection = self._writer.add_connection(
                topic, msgtype, typestore=message_types(), offered_qos_profiles=[_qos(latched=latched)]
            )
            self._connections[topic] = connection
        if connection.msgtype != msgtype:
            msg = f"topic {topic} carries {connection.msgtype}, got a {msgtype}; give it a topic of its own"
            raise BagError(msg)
        self._writer.write(connection, t_ns, cdr)
        self.counts[topic] = self.counts.get(topic, 0) + 1

    def write_typed(self, topic: str, message: Message, t_ns: int, *, latched: bool = False) -> None:
        """Append a message made from the classes in `message_types().types`."""
        msgtype = message.__msgtype__
        self.write(topic, msgtype, t_ns, message_types().serialize_cdr(message, msgtype), latched=latched)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Put the finished file in its place, or leave nothing behind after an error."""
        try:
            if kind is None:
                self._writer.close()
                (self._folder / "bag" / "bag.mcap").replace(self.path)
            else:
                self._writer.abort()
        finally:
            shutil.rmtree(self._folder)


def _qos(*, latched: bool) -> Qos:
    durability = QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE
    depth = 1 if latched else 10
    return Qos(
        QosHistory.KEEP_LAST,
        depth,
        QosReliability.RELIABLE,
        durability,
        deadline=_NEVER,
        lifespan=_NEVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_NEVER,
        avoid_ros_namespace_conventions=False,
    )
