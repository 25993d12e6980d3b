"""Which topics are the camera."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vb_perception.errors import BagError
from vb_perception.evaluation.bag_frames import read_frames
from vb_perception.evaluation.bag_samples import IMAGE_TOPIC
from vb_perception.evaluation.bags import BagWriter, read_messages, read_typed
from vb_perception.evaluation.camera_topics import COMPRESSED, IMAGE, NodeInput, find_camera, info_beside, node_input
from vb_perception.evaluation.message_types import Message, message_types
from vb_perception.frame import Frame

INFO = "/camera/camera_info"
Write: TypeAlias = Callable[[dict[str, str]], Path]


@pytest.fixture(scope="module")
def header_and_info(sample_bag: Path) -> tuple[Message, Message]:
    (_, _, info), *_ = read_typed(sample_bag, [INFO])
    return info.header, info


def image(header: Message, encoding: str) -> Message:
    data = np.arange(64 * 48 * {"rgb8": 3, "mono8": 1, "32FC1": 4, "bayer_rggb8": 1}[encoding], dtype=np.uint32)
    step = len(data) // 48
    kind: Any = message_types().types[IMAGE]
    return kind(header, 48, 64, encoding, 0, step, (data % 251).astype(np.uint8))


def compressed(header: Message, form: str) -> Message:
    kind: Any = message_types().types[COMPRESSED]
    return kind(header, form, np.zeros(8, np.uint8))


@pytest.fixture
def write(tmp_path: Path, header_and_info: tuple[Message, Message]) -> Write:
    header, info = header_and_info

    def write(topics: dict[str, str]) -> Path:
        """Topics by name -> "info", an encoding, or "format <text>"."""
        path = tmp_path / "x.mcap"
        with BagWriter(path) as bag:
            for topic, what in topics.items():
                if what == "info":
                    bag.write_typed(topic, info, 1)
                elif what.startswith("format "):
                    bag.write_typed(topic, compressed(header, what.removeprefix("format ")), 1)
                else:
                    bag.write_typed(topic, image(header, what), 1)
        return path

    return write


@pytest.mark.parametrize(
    ("topic", "info"),
    [
        ("/camera/image_raw", "/camera/camera_info"),
        ("/camera/image_raw/compressed", "/camera/camera_info"),
        ("/robot/left/image_rect", "/robot/left/camera_info"),
    ],
)
def test_camera_info_is_the_sibling(topic: str, info: str) -> None:
    assert info_beside(topic) == info


@pytest.mark.parametrize("encoding", ["rgb8", "bayer_rggb8"])
def test_a_colour_image_among_masks_and_depth(write: Write, encoding: str) -> None:
    path = write({"/a/depth": "32FC1", "/a/mask": "mono8", "/camera/image_raw": encoding, INFO: "info"})
    assert find_camera(path) == ("/camera/image_raw", INFO, IMAGE)


def test_compressed_depth_is_no_camera(write: Write) -> None:
    topics = {
        "/d/compressedDepth": "format 16UC1; compressedDepth png",
        "/e/compressed": "format 16UC1; png compressed",
        "/camera/image_raw/compressed": "format rgb8; jpeg compressed bgr8",
        INFO: "info",
    }
    assert find_camera(write(topics)) == ("/camera/image_raw/compressed", INFO, COMPRESSED)


def test_pictures_without_camera_info_are_no_rivals(write: Write) -> None:
    path = write({"/perception/normals/view": "rgb8", "/camera/image_raw": "rgb8", INFO: "info"})
    assert find_camera(path).image == "/camera/image_raw"


def test_of_raw_and_compressed_the_raw(write: Write) -> None:
    path = write({"/camera/image_raw/compressed": "format jpeg", "/camera/image_raw": "rgb8", INFO: "info"})
    assert find_camera(path).image == "/camera/image_raw"


def test_two_cameras_must_be_told_apart(write: Write) -> None:
    path = write({"/l/image": "rgb8", "/l/camera_info": "info", "/r/image": "rgb8", "/r/camera_info": "info"})
    with pytest.raises(BagError, match=r"several cameras: /l/image, /r/image; choose one with --image-topic"):
        find_camera(path)
    assert find_camera(path, "/r/image") == ("/r/image", "/r/camera_info", IMAGE)


def test_no_camera_lists_what_there_is(write: Write) -> None:
    with pytest.raises(BagError, match=r"no camera topic .*\n  /a/mask  \(sensor_msgs/msg/Image\)"):
        find_camera(write({"/a/mask": "mono8"}))


def test_no_camera_info(write: Write) -> None:
    with pytest.raises(BagError, match=r"no camera_info for /camera/image_raw: expected /camera/camera_info"):
        find_camera(write({"/camera/image_raw": "rgb8"}))


def test_a_lone_camera_info_elsewhere_is_taken(write: Write) -> None:
    assert find_camera(write({"/camera/image_raw": "rgb8", "/info": "info"})).camera_info == "/info"


def test_of_several_camera_infos_elsewhere_one_must_be_named(write: Write) -> None:
    path = write({"/camera/image_raw": "rgb8", "/i": "info", "/j": "info"})
    with pytest.raises(BagError, match="--camera-info"):
        find_camera(path)
    assert find_camera(path, camera_info="/j").camera_info == "/j"


@pytest.mark.parametrize(("topic", "told"), [("/nope", "is not in it"), (INFO, "carries sensor_msgs/msg/CameraInfo")])
def test_a_named_topic_must_be_an_image(write: Write, topic: str, told: str) -> None:
    with pytest.raises(BagError, match=told):
        find_camera(write({"/camera/image_raw": "rgb8", INFO: "info"}), topic)


def test_a_named_mono_camera_is_read(write: Write) -> None:
    path = write({"/camera/image_raw": "mono8", INFO: "info"})
    ((frame, truth),) = read_frames(path, find_camera(path, "/camera/image_raw"))
    assert isinstance(frame, Frame)
    assert truth is None
    assert (frame.rgb[..., 0] == frame.rgb[..., 2]).all()


def test_a_first_image_that_is_cut_short_is_told(sample_bag: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.mcap"
    with BagWriter(path) as bag:
        for message in read_messages(sample_bag):
            cdr = message.cdr[:20] if message.topic == IMAGE_TOPIC else message.cdr
            bag.write(message.topic, message.msgtype, message.t_ns, cdr)
    with pytest.raises(BagError, match=f"a message on {IMAGE_TOPIC} is no sensor_msgs/msg/"):
        find_camera(path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1), size=st.integers(1, 200))
def test_a_bag_with_zeroed_bytes_is_read_or_told(sample_bag: Path, tmp_path: Path, share: float, size: int) -> None:
    data = bytearray(sample_bag.read_bytes())
    start = int(share * (len(data) - size))
    data[start : start + size] = bytes(size)
    path = tmp_path / "zeroed.mcap"
    path.write_bytes(data)
    camera = None
    with contextlib.suppress(BagError):
        camera = find_camera(path)
        node_input(path, camera)
    assert camera is None or camera.image == IMAGE_TOPIC


def test_a_chunk_of_zeros_is_told(sample_bag: Path, tmp_path: Path) -> None:
    data = bytearray(sample_bag.read_bytes())
    data[200:2000] = bytes(1800)
    path = tmp_path / "zeroed.mcap"
    path.write_bytes(data)
    with pytest.raises(BagError, match="damaged"):
        find_camera(path)


RAW = NodeInput("/camera/image_raw", INFO, "raw", "exact", "sensor_data", True)  # noqa: FBT003 -- fields in their order


@pytest.mark.parametrize(
    ("images", "infos", "latched", "expected"),
    [
        (4, 4, False, RAW),
        (4, 1, False, RAW._replace(sync_info="latched")),
        (1, 1, True, RAW._replace(sync_info="latched", camera_info_qos="transient_local")),
    ],
    ids=["each", "once", "latched"],
)
def test_what_the_node_must_know(
    tmp_path: Path,
    header_and_info: tuple[Message, Message],
    images: int,
    infos: int,
    latched: bool,  # noqa: FBT001 -- a case's column
    expected: NodeInput,
) -> None:
    header, info = header_and_info
    path = tmp_path / "x.mcap"
    with BagWriter(path) as bag:
        for i in range(infos):
            bag.write_typed(INFO, info, i, latched=latched)
        for i in range(images):
            bag.write_typed("/camera/image_raw", image(header, "rgb8"), i)
    assert node_input(path, find_camera(path)) == expected


def test_the_node_appends_the_transport_itself(write: Write) -> None:
    path = write({"/camera/image_raw/compressed": "format rgb8; jpeg compressed bgr8", INFO: "info"})
    assert node_input(path, find_camera(path)) == RAW._replace(image_transport="compressed")


def test_an_uncalibrated_camera_is_not_asked_for(tmp_path: Path, header_and_info: tuple[Message, Message]) -> None:
    header, info = header_and_info
    path = tmp_path / "x.mcap"
    with BagWriter(path) as bag:
        bag.write_typed(INFO, replace(info, k=np.zeros(9)), 1)
        bag.write_typed("/camera/image_raw", image(header, "rgb8"), 1)
    assert node_input(path, find_camera(path)) == RAW._replace(require_camera_info=False)
