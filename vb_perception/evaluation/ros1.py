"""Messages of ROS 1 bags as those of ROS 2: another header, other spellings, another serialisation."""

from collections.abc import Callable

from rosbags.convert.converter import migrate_bytes
from rosbags.highlevel import AnyReader

from vb_perception.evaluation.message_types import message_types, register_type


def ros2_from_ros1(reader: AnyReader) -> Callable[[str, bytes], bytes]:
    """What turns a message of an open ROS 1 bag, by type and bytes, into the CDR of the type of that name in ROS 2.

    It raises BagError for a type that ROS 2 does not have.
    """
    cache: dict[str, object] = {}

    def translate(msgtype: str, raw: bytes) -> bytes:
        register_type(msgtype)
        target = message_types()
        return bytes(migrate_bytes(reader.typestore, target, msgtype, msgtype, cache, raw, src_is2=False, dst_is2=True))

    return translate
