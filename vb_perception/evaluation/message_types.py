"""The message types that bags hold, known without ROS: those of ROS 2 Jazzy, and others from their .msg files."""

import os
import struct
import sys
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

import vb_perception
from vb_perception.errors import BagError

Message: TypeAlias = Any  # rosbags makes the classes of messages at run time
ImageFields: TypeAlias = tuple[str, int, int, int, Any, int]
_STAMP_OFFSET = 4  # after CDR's encapsulation; the header comes first, and its stamp first in it


@cache
def message_types() -> Typestore:
    """The message types of ROS 2 Jazzy; other packages' types join when `register_type` is asked for them."""
    return get_typestore(Stores.ROS2_JAZZY)


def register_type(msgtype: str) -> None:
    """Make `message_types()` know `msgtype` ("package/msg/Name"), from this checkout's .msg files or a ROS prefix's.

    Raises:
        BagError: No such file is found.
    """
    if msgtype in message_types().fielddefs:
        return
    package, _, name = msgtype.split("/")
    folders = _definition_folders(package)
    folder = next((f for f in folders if (f / f"{name}.msg").is_file()), None)
    if folder is None:
        looked = ", ".join(map(str, folders))
        msg = f"message type {msgtype}: no {name}.msg in {looked}; source the workspace that holds it"
        raise BagError(msg)
    text = (folder / f"{name}.msg").read_text(encoding="utf-8")
    types = get_types_from_msg(text, msgtype)
    for line in text.splitlines():
        field_type = line.split("#")[0].split(" ")[0].split("[")[0]
        if field_type and (folder / f"{field_type}.msg").is_file():
            register_type(f"{package}/msg/{field_type}")
    message_types().register(types)


def image_fields(image: Message) -> ImageFields:
    """The fields of a sensor_msgs/Image in the order in which `encodings` takes them."""
    return image.encoding, image.height, image.width, image.step, image.data, image.is_bigendian


def stamp_of(message: Message) -> int:
    """The header's stamp in nanoseconds."""
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


def stamp_of_cdr(cdr: bytes) -> int:
    """The same of a serialised message that starts with a header."""
    seconds, nanoseconds = struct.unpack_from(_stamp_layout(cdr), cdr, _STAMP_OFFSET)
    return int(seconds) * 10**9 + int(nanoseconds)


def restamped(cdr: bytes, stamp_ns: int) -> bytes:
    """The same serialised message with another stamp [ns] in its header."""
    out = bytearray(cdr)
    struct.pack_into(_stamp_layout(cdr), out, _STAMP_OFFSET, *divmod(stamp_ns, 10**9))
    return bytes(out)


def _stamp_layout(cdr: bytes) -> str:
    return "<iI" if cdr[1] & 1 else ">iI"  # of the encapsulation: CDR_LE or CDR_BE


def _definition_folders(package: str) -> list[Path]:
    checkout = [Path(root).parent / "msg" for root in vb_perception.__path__ if package == vb_perception.__name__]
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    return checkout + [Path(prefix) / "share" / package / "msg" for prefix in prefixes if prefix]
