"""Which topics of a bag are the camera, found by type or as given, and what a node must know to take it."""

from pathlib import Path
from typing import NamedTuple

from vb_perception.errors import BagError
from vb_perception.evaluation.bags import bag_topics, read_typed
from vb_perception.evaluation.message_types import Message

IMAGE, COMPRESSED, INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/CameraInfo"

# What a colour camera publishes.  mono8 and mono16 may be masks, so such a camera must be named.
_COLOUR_PREFIXES = ("rgb", "bgr", "8UC3", "8UC4", "bayer", "yuv", "uyvy", "yuyv", "nv")
_MEASUREMENT_PREFIXES = ("16UC1", "32FC1", "mono")


class CameraTopics(NamedTuple):
    """The names of a camera's image topic (raw or compressed, see `msgtype`) and of its camera_info."""

    image: str
    camera_info: str
    msgtype: str

    @property
    def is_compressed(self) -> bool:
        """Whether the images are CompressedImage."""
        return self.msgtype == COMPRESSED

    @property
    def node_image(self) -> str:
        """What a node's image input is remapped to; as with image_transport, the subscriber appends the transport."""
        return _base(self.image) if self.is_compressed else self.image


class NodeInput(NamedTuple):
    """How `perception_node` takes a bag's camera: what its two inputs are remapped to, and four of its parameters."""

    image: str
    camera_info: str
    image_transport: str
    sync_info: str
    camera_info_qos: str
    require_camera_info: bool


def node_input(path: Path | str, camera: CameraTopics) -> NodeInput:
    """What the played bag's camera needs, judged by how often camera_info was recorded and by its first message.

    Raises:
        BagError: The bag cannot be read, or its first camera_info is none.
    """
    topics = bag_topics(path)
    infos = topics[camera.camera_info]
    once = infos.latched or infos.messages < topics[camera.image].messages / 2
    return NodeInput(
        image=camera.node_image,
        camera_info=camera.camera_info,
        image_transport="compressed" if camera.is_compressed else "raw",
        sync_info="latched" if once else "exact",
        camera_info_qos="transient_local" if infos.latched else "sensor_data",
        require_camera_info=bool(_first(path, camera.camera_info).k[0] != 0),
    )


def find_camera(path: Path | str, image: str | None = None, camera_info: str | None = None) -> CameraTopics:
    """The camera topics of a bag.

    Without `image`: the one topic with colour images (CompressedImage, or Image in a colour encoding).  If there are
    several, the one with a camera_info beside it; of the raw and compressed form of one camera, the raw.

    Raises:
        BagError: The bag is damaged, the named topic is not there or of another type, no topic or more than one fits,
            or there is no camera_info for it.
    """
    types = {topic: entry.msgtype for topic, entry in bag_topics(path).items() if entry.messages}
    listing = "\n".join(f"  {topic}  ({kind})" for topic, kind in sorted(types.items())) or "  none"
    chosen = _named(path, types, image, (IMAGE, COMPRESSED), listing) if image else _found(path, types, listing)
    if camera_info:
        info = _named(path, types, camera_info, (INFO,), listing)
    else:
        infos = [topic for topic, kind in types.items() if kind == INFO]
        beside = info_beside(chosen)
        if beside not in infos and len(infos) != 1:
            msg = (
                f"bag {path} has no camera_info for {chosen}: expected {beside}; record it too, or "
                f"name one of these topics with --camera-info (camera_info:= of replay.launch.py):\n{listing}"
            )
            raise BagError(msg)
        info = beside if beside in infos else infos[0]
    return CameraTopics(chosen, info, types[chosen])


def info_beside(image: str) -> str:
    """The camera_info topic that belongs to an image topic by ROS convention: its sibling."""
    return _base(image).rsplit("/", 1)[0] + "/camera_info"


def _base(image: str) -> str:
    return image.removesuffix("/compressed")


def _named(path: Path | str, types: dict[str, str], topic: str, kinds: tuple[str, ...], listing: str) -> str:
    if types.get(topic) not in kinds:
        found = f"carries {types[topic]}" if topic in types else "is not in it or is empty"
        msg = f"bag {path}: topic {topic} {found}; expected {' or '.join(kinds)}.  Its topics:\n{listing}"
        raise BagError(msg)
    return topic


def _found(path: Path | str, types: dict[str, str], listing: str) -> str:
    colour = [topic for topic, kind in types.items() if kind in (IMAGE, COMPRESSED) and _is_colour(path, topic, kind)]
    if not colour:
        msg = (
            f"bag {path} has no camera topic (Image in a colour encoding, or CompressedImage).  Its topics:\n{listing}"
        )
        raise BagError(msg)
    with_info = [topic for topic in colour if types.get(info_beside(topic)) == INFO]
    candidates = sorted(with_info or colour)
    if len({_base(topic) for topic in candidates}) > 1:
        which = "choose one with --image-topic (image:= of replay.launch.py)"
        msg = f"bag {path} has several cameras: {', '.join(candidates)}; {which}"
        raise BagError(msg)
    return candidates[0]


def _is_colour(path: Path | str, topic: str, kind: str) -> bool:
    """Judged by the first message."""
    message = _first(path, topic)
    if kind == COMPRESSED:
        return not (message.format.startswith(_MEASUREMENT_PREFIXES) or "compressedDepth" in message.format)
    return bool(message.encoding.startswith(_COLOUR_PREFIXES))


def _first(path: Path | str, topic: str) -> Message:
    first = next(read_typed(path, [topic]), None)
    if first is None:
        msg = f"bag {path} counts messages on {topic} but holds none: it is damaged; record or copy it again"
        raise BagError(msg)
    return first[2]
