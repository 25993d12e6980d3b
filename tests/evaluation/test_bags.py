"""Bags on disk: what is written comes back; what is damaged is told."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosbags.rosbag2 import StoragePlugin, Writer

from vb_perception.errors import BagError
from vb_perception.evaluation.bag_frames import read_frames
from vb_perception.evaluation.bags import BagWriter, bag_topics, open_bag, read_messages, read_typed
from vb_perception.evaluation.message_types import message_types, register_type, stamp_of, stamp_of_cdr

STRING = "std_msgs/msg/String"


def text_cdr(text: str) -> bytes:
    return bytes(message_types().serialize_cdr(message_types().types[STRING](data=text), STRING))


def write_texts(path: Path, count: int, step_ns: int = 1_000_000) -> None:
    with BagWriter(path) as bag:
        for i in range(count):
            bag.write("/text", STRING, 10**9 + i * step_ns, text_cdr(f"{i} " * 400))


def write_sqlite(folder: Path, source: Path) -> None:
    """The same messages as a rosbag2 folder in sqlite3."""
    with Writer(folder, version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connections = {
            topic: writer.add_connection(topic, entry.msgtype, typestore=message_types())
            for topic, entry in bag_topics(source).items()
        }
        for topic, _, t_ns, cdr in read_messages(source):
            writer.write(connections[topic], t_ns, cdr)


def test_messages_come_back_byte_for_byte_and_in_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "one.mcap"
    with BagWriter(path) as bag:
        bag.write("/b", STRING, 30, text_cdr("later"))
        bag.write("/a", STRING, 20, text_cdr("sooner"), latched=True)
    assert [(m.topic, m.msgtype, m.t_ns, m.cdr) for m in read_messages(path)] == [
        ("/a", STRING, 20, text_cdr("sooner")),
        ("/b", STRING, 30, text_cdr("later")),
    ]
    assert bag_topics(path) == {"/a": (STRING, 1, True), "/b": (STRING, 1, False)}
    assert bag.counts == {"/a": 1, "/b": 1}


def test_chunks_are_compressed(tmp_path: Path) -> None:
    write_texts(tmp_path / "texts.mcap", 1000)
    assert (tmp_path / "texts.mcap").stat().st_size < sum(
        len(m.cdr) for m in read_messages(tmp_path / "texts.mcap")
    ) / 5


def test_only_the_named_topics_are_read(sample_bag: Path) -> None:
    assert {m.topic for m in read_messages(sample_bag, ["/camera/camera_info"])} == {"/camera/camera_info"}


def test_no_topics_are_no_messages(sample_bag: Path) -> None:
    assert list(read_messages(sample_bag, [])) == []


def test_sqlite_folder_and_its_file_read_like_the_mcap_file(sample_bag: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write_sqlite(folder, sample_bag)
    (file,) = folder.glob("*.db3")
    expected = list(read_messages(sample_bag))
    for path in (folder, file):
        assert sorted(read_messages(path)) == sorted(expected)
    assert len(list(read_frames(folder))) == len(list(read_frames(sample_bag)))


def test_our_own_messages_are_known_from_their_msg_files(tmp_path: Path) -> None:
    register_type("vb_perception/msg/LatencyStats")
    types = message_types().types
    stamp = types["builtin_interfaces/msg/Time"](sec=3, nanosec=4)
    header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")
    stage = types["vb_perception/msg/StageLatency"]("infer", "", 5, 1.0, 1.0, 2.0, 3.0, 4.0)
    machine = types["vb_perception/msg/MachineLoad"](*[0.0] * 8)
    counts = (5, 4, 1, 0, 0, 0, 0, 0)
    stats = types["vb_perception/msg/LatencyStats"](header, "/camera", "none", [stage], *counts, "", machine)
    path = tmp_path / "stats.mcap"
    with BagWriter(path) as bag:
        bag.write_typed("/stats", stats, 7)
    ((_, t_ns, back),) = read_typed(path, ["/stats"])
    assert (t_ns, back.received, back.stages[0].stage, stamp_of(back)) == (7, 5, "infer", 3_000_000_004)
    assert stamp_of_cdr(next(read_messages(path)).cdr) == 3_000_000_004


def test_stamp_of_big_endian_messages() -> None:
    types = message_types().types
    stamp = types["builtin_interfaces/msg/Time"](sec=-2, nanosec=5)
    header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="x")
    cdr = message_types().serialize_cdr(header, "std_msgs/msg/Header", little_endian=False)
    assert stamp_of_cdr(bytes(cdr)) == -2 * 10**9 + 5


def test_an_unknown_message_type_is_told(tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r"nowhere/msg/Nothing: no Nothing.msg in .*source the workspace"):
        register_type("nowhere/msg/Nothing")
    with pytest.raises(BagError), BagWriter(tmp_path / "x.mcap") as bag:
        bag.write("/x", "nowhere/msg/Nothing", 0, b"")


def test_a_topic_has_one_type(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "x.mcap") as bag:
        bag.write("/x", STRING, 0, text_cdr("a"))
        with pytest.raises(BagError, match=r"carries std_msgs/msg/String, got a std_msgs/msg/Bool"):
            bag.write("/x", "std_msgs/msg/Bool", 1, b"\0\1\0\0\1")


def test_an_error_while_writing_leaves_nothing_behind_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "texts.mcap"
    write_texts(path, 3)
    before = path.read_bytes()
    with pytest.raises(BagError), BagWriter(path) as bag:
        bag.write("/text", "nowhere/msg/Nothing", 0, b"")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["texts.mcap"]


@pytest.mark.parametrize("name", ["run", "run.bag", "run.db3"])
def test_only_mcap_files_are_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(BagError, match=r"ends in \.mcap"):
        BagWriter(tmp_path / name)


def test_missing_path(tmp_path: Path) -> None:
    with (
        pytest.raises(BagError, match=r"gone.mcap does not exist; expected an .mcap, .db3 or .bag"),
        open_bag(tmp_path / "gone.mcap"),
    ):
        pass


def test_missing_topic_lists_those_there(sample_bag: Path) -> None:
    with pytest.raises(BagError, match=r"no topic /lidar; it has: /camera/camera_info, /camera/image_raw"):
        list(read_messages(sample_bag, ["/lidar"]))


def test_a_file_of_another_kind_is_no_bag(tmp_path: Path) -> None:
    (tmp_path / "video.mp4").write_bytes(b"x")
    with pytest.raises(BagError, match=r"expected .mcap, .db3, a rosbag2 folder, or .bag of ROS 1"):
        bag_topics(tmp_path / "video.mp4")


def test_a_folder_without_any_bag(tmp_path: Path) -> None:
    with pytest.raises(BagError, match=r"no metadata.yaml and no .mcap or .db3 file"):
        bag_topics(tmp_path)


def test_a_bag_cut_short_says_how_much_is_whole(tmp_path: Path) -> None:
    write_texts(tmp_path / "whole.mcap", 3000, step_ns=10_000_000)
    content = (tmp_path / "whole.mcap").read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(
        BagError, match=r"damaged or cut short .*first (\d+) messages \(\d+\.\d s\) are whole"
    ) as caught:
        bag_topics(cut)
    told = int(str(caught.value).split("its first ")[1].split()[0])
    assert 1000 < told < 3000


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "seems to be empty"),
        (b"\x89MCAP0\r\n", "not one message"),
        (b"no bag at all", "does not start like an mcap"),
    ],
)
def test_files_that_hold_nothing(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "x.mcap").write_bytes(content)
    with pytest.raises(BagError, match=told):
        bag_topics(tmp_path / "x.mcap")


def test_a_damaged_database_is_told(tmp_path: Path, sample_bag: Path) -> None:
    write_sqlite(tmp_path / "folder", sample_bag)
    (file,) = (tmp_path / "folder").glob("*.db3")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(BagError, match=r"damaged"):
        list(read_messages(file))


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "texts.mcap"
    write_texts(path, 600)
    return path


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flips=st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 255)), min_size=1, max_size=4), keep=st.floats(0, 1)
)
def test_damage_of_any_kind_is_a_bag_error_or_harmless(
    texts: Path, tmp_path: Path, flips: list[tuple[int, int]], keep: float
) -> None:
    content = bytearray(texts.read_bytes())
    for position, change in flips:
        content[position % len(content)] ^= change
    if keep < 0.5:  # half of the examples are cut as well
        del content[int(2 * keep * len(content)) :]
    damaged = tmp_path / "damaged.mcap"
    damaged.write_bytes(content)
    with contextlib.suppress(BagError):  # any other exception fails the test
        assert sum(1 for _ in read_messages(damaged)) <= 600
