"""The same recording in every form that a bag comes in: split, compressed, without its index, of ROS 1, cut short."""

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosbags.convert import convert
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from tests.evaluation.conftest import make_sample
from tests.evaluation.test_bags import write_texts
from vb_perception.errors import BagError
from vb_perception.evaluation.bag_frames import read_frames
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.evaluation.bags import bag_topics, read_messages
from vb_perception.evaluation.camera_topics import find_camera
from vb_perception.evaluation.damaged import rescued
from vb_perception.evaluation.message_types import message_types
from vb_perception.scenes.sample import Sample


def _rewrite(source: Path, folder: Path, plugin: StoragePlugin, mode: CompressionMode | None) -> Path:
    writer = Writer(folder, version=9, storage_plugin=plugin)
    if mode is not None:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        connections = {
            topic: writer.add_connection(topic, entry.msgtype, typestore=message_types())
            for topic, entry in bag_topics(source).items()
        }
        for topic, _, t_ns, cdr in read_messages(source):
            writer.write(connections[topic], t_ns, cdr)
    return folder


def _same(path: Path, samples: list[Sample]) -> None:
    frames = list(read_frames(path))
    assert len(frames) == len(samples)
    for (frame, truth), sample in zip(frames, samples, strict=True):
        assert truth is not None
        assert frame.intrinsics == sample.intrinsics
        np.testing.assert_allclose(truth.depth_m, sample.depth_m, atol=6e-4)
        np.testing.assert_array_equal(truth.instance_ids, sample.instance_ids)
        assert truth.class_names == sample.class_names


@pytest.mark.parametrize(
    ("plugin", "mode"),
    [
        (StoragePlugin.MCAP, None),
        (StoragePlugin.MCAP, CompressionMode.STORAGE),
        (StoragePlugin.MCAP, CompressionMode.FILE),
        (StoragePlugin.MCAP, CompressionMode.MESSAGE),
        (StoragePlugin.SQLITE3, None),
        (StoragePlugin.SQLITE3, CompressionMode.FILE),
        (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    ],
)
def test_stored_and_compressed_in_every_way(
    sample_bag: Path, samples: list[Sample], tmp_path: Path, plugin: StoragePlugin, mode: CompressionMode | None
) -> None:
    _same(_rewrite(sample_bag, tmp_path / "bag", plugin, mode), samples)


@pytest.mark.parametrize("metadata", ["metadata.yaml", ""])
def test_split_bags_with_and_without_their_metadata(
    sample_bag: Path, samples: list[Sample], tmp_path: Path, metadata: str
) -> None:
    folder = tmp_path / "bag"
    first = _part(sample_bag, tmp_path / "a", range(3))
    second = _part(sample_bag, tmp_path / "b", range(3, 6))
    folder.mkdir()
    shutil.copy(next(first.glob("*.mcap")), folder / "bag_0.mcap")
    shutil.copy(next(second.glob("*.mcap")), folder / "bag_1.mcap")
    if metadata:
        text = (first / "metadata.yaml").read_text(encoding="utf-8")
        text = text.replace("  - a.mcap\n", "  - bag_0.mcap\n  - bag_1.mcap\n")
        assert "bag_1.mcap" in text
        (folder / metadata).write_text(text, encoding="utf-8")
    _same(folder, samples)


def _part(source: Path, folder: Path, frames: range) -> Path:
    start_ns = min(m.t_ns for m in read_messages(source))
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {}
        for topic, msgtype, t_ns, cdr in read_messages(source):
            if round((t_ns - start_ns) / 1e8) in frames:
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, msgtype, typestore=message_types())
                writer.write(connections[topic], t_ns, cdr)
    return folder


def _ros1(source: Path, old: Path) -> Path:
    convert(
        srcs=[source], dst=old, dst_storage="mcap", dst_version=9, compress=None, compress_mode="none",
        default_typestore=message_types(), typestore=get_typestore(Stores.ROS1_NOETIC), exclude_topics=(),
        include_topics=(), exclude_msgtypes=(), include_msgtypes=(),
    )  # fmt: skip
    return old


def test_a_ros1_bag(sample_bag: Path, samples: list[Sample], tmp_path: Path) -> None:
    old = _ros1(sample_bag, tmp_path / "old.bag")
    assert find_camera(old) == find_camera(sample_bag)
    _same(old, samples)


def test_a_ros1_bag_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "old.bag").write_bytes(b"#ROSBAG V2.0\n")
    with pytest.raises(BagError, match="damaged or cut short"):
        bag_topics(tmp_path / "old.bag")


@pytest.mark.parametrize("share", [0.4, 0.67])
def test_what_is_whole_of_a_cut_ros1_bag_can_be_read(tmp_path: Path, share: float) -> None:
    write_texts(tmp_path / "whole.mcap", 30_000, step_ns=1_000_000)
    old = _ros1(tmp_path / "whole.mcap", tmp_path / "old.bag")
    cut = tmp_path / "cut.bag"
    cut.write_bytes(old.read_bytes()[: int(share * old.stat().st_size)])
    with pytest.raises(BagError, match="`rosbag reindex"):
        bag_topics(cut)
    (tmp_path / "scratch").mkdir()
    copy = rescued(cut, tmp_path / "scratch")
    assert copy is not None
    messages = list(read_messages(copy[0]))
    assert f"is cut short: only its first {len(messages)} messages" in copy[1]
    assert 0 < len(messages) < 30_000
    assert messages == list(read_messages(old))[: len(messages)]


def test_a_ros1_bag_of_a_killed_recorder_is_read_without_its_index(
    sample_bag: Path, samples: list[Sample], tmp_path: Path
) -> None:
    old = _ros1(sample_bag, tmp_path / "old.bag")
    content = old.read_bytes()
    at = content.index(b"index_pos=") + len(b"index_pos=")
    index = int.from_bytes(content[at : at + 8], "little")
    active = tmp_path / "x.bag.active"
    active.write_bytes(content[:at] + bytes(8) + content[at + 8 : index])
    (tmp_path / "scratch").mkdir()
    copy = rescued(active, tmp_path / "scratch")
    assert copy is not None
    _same(copy[0], samples)


def test_a_ros1_bag_whose_last_chunk_was_left_open(tmp_path: Path) -> None:
    write_texts(tmp_path / "whole.mcap", 300)
    content = _ros1(tmp_path / "whole.mcap", tmp_path / "old.bag").read_bytes()
    (size,) = (content.index(b"size=") + len(b"size="),)
    data = int.from_bytes(content[size : size + 4], "little").to_bytes(4, "little")
    start = content.index(data, size + 4)  # the length of the chunk's data, as that of its header promised
    open_chunk = content[:size] + bytes(4) + content[size + 4 : start] + bytes(4) + content[start + 4 :]
    (tmp_path / "x.bag").write_bytes(open_chunk[: start + 4 + int.from_bytes(data, "little") - 7])
    (tmp_path / "scratch").mkdir()
    copy = rescued(tmp_path / "x.bag", tmp_path / "scratch")
    assert copy is not None
    assert sum(1 for _ in read_messages(copy[0])) == 299


@pytest.mark.parametrize("metadata", [True, False])
def test_a_split_bag_whose_last_file_is_cut(sample_bag: Path, tmp_path: Path, metadata: bool) -> None:  # noqa: FBT001
    folder = tmp_path / "bag"
    folder.mkdir()
    first = _part(sample_bag, tmp_path / "a", range(3))
    shutil.copy(next(first.glob("*.mcap")), folder / "a.mcap")
    write_samples(tmp_path / "b.mcap", [make_sample(i % 3, 160, 120) for i in range(60)], 15.0, 2 * 10**9, "32FC1")
    second = (tmp_path / "b.mcap").read_bytes()
    (folder / "b.mcap").write_bytes(second[: int(0.8 * len(second))])
    (folder / "c.mcap").write_bytes(b"")
    if metadata:
        text = (first / "metadata.yaml").read_text(encoding="utf-8")
        (folder / "metadata.yaml").write_text(text.replace("  - a.mcap\n", "  - a.mcap\n  - b.mcap\n  - c.mcap\n"))
    with pytest.raises(BagError, match="damaged or cut short"):
        bag_topics(folder)
    (tmp_path / "scratch").mkdir()
    copy = rescued(folder, tmp_path / "scratch")
    assert copy is not None
    assert "b.mcap is cut short: only its first" in copy[1]
    assert "c.mcap is damaged: nothing of it was read" in copy[1]
    assert 3 + 20 < len(list(read_frames(copy[0], on_unusable=lambda _: None))) < 3 + 60


@pytest.mark.parametrize("share", [0.3, 0.67])
def test_what_is_whole_of_a_cut_bag_can_be_read(tmp_path: Path, share: float) -> None:
    write_texts(tmp_path / "whole.mcap", 3000, step_ns=10_000_000)
    content = (tmp_path / "whole.mcap").read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BagError, match="damaged or cut short"):
        bag_topics(cut)
    (tmp_path / "scratch").mkdir()
    copy = rescued(cut, tmp_path / "scratch")
    assert copy is not None
    count = sum(1 for _ in read_messages(copy[0]))
    assert f"is cut short: only its first {count} messages" in copy[1]
    assert 0.5 * share * 3000 < count < 3000


@pytest.mark.parametrize("share", [0.3, 0.67, 0.97])
def test_what_is_whole_of_a_cut_database_can_be_read(tmp_path: Path, share: float) -> None:
    write_texts(tmp_path / "whole.mcap", 3000, step_ns=10_000_000)
    folder = _rewrite(tmp_path / "whole.mcap", tmp_path / "folder", StoragePlugin.SQLITE3, None)
    (file,) = folder.glob("*.db3")
    content = file.read_bytes()
    cut = tmp_path / "cut.db3"
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BagError, match="damaged or cut short"):
        bag_topics(cut)
    (tmp_path / "scratch").mkdir()
    copy = rescued(cut, tmp_path / "scratch")
    assert copy is not None
    messages = list(read_messages(copy[0]))
    assert f"is cut short: only its first {len(messages)} messages" in copy[1]
    assert 0.5 * share * 3000 < len(messages) < 3000
    assert messages == list(read_messages(tmp_path / "whole.mcap"))[: len(messages)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 255)), max_size=4), keep=st.floats(0, 1))
def test_a_database_damaged_in_any_way_is_rescued_or_not(
    database: bytes, tmp_path: Path, flips: list[tuple[int, int]], keep: float
) -> None:
    content = bytearray(database)
    for position, change in flips:
        content[position % 8192 if position % 2 else position % len(content)] ^= change  # half in header and schema
    damaged = tmp_path / "damaged.db3"
    damaged.write_bytes(content[: int(keep * len(content))])
    (tmp_path / "scratch").mkdir(exist_ok=True)
    (tmp_path / "scratch" / "damaged.db3").unlink(missing_ok=True)
    with contextlib.suppress(BagError):  # any other exception fails the test
        copy = rescued(damaged, tmp_path / "scratch")
        if copy is not None:
            assert sum(1 for _ in read_messages(copy[0])) <= 300


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("database")
    write_texts(folder / "whole.mcap", 300)
    (file,) = _rewrite(folder / "whole.mcap", folder / "bag", StoragePlugin.SQLITE3, None).glob("*.db3")
    return file.read_bytes()


def test_a_whole_bag_needs_no_rescue(sample_bag: Path, tmp_path: Path) -> None:
    assert rescued(sample_bag, tmp_path) is None
