"""Which truth belongs to which image, when stamps differ by a little."""

from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.errors import BagError
from vb_perception.evaluation.bag_frames import NO_IMAGE, ReadOptions, read_frames
from vb_perception.evaluation.bag_samples import (
    IMAGE_TOPIC,
    TRUE_CLASSES_TOPIC,
    TRUE_DEPTH_TOPIC,
    image_message,
    write_samples,
)
from vb_perception.evaluation.bag_truth import TruthTopics
from vb_perception.evaluation.bags import BagWriter, read_messages
from vb_perception.evaluation.message_types import restamped, stamp_of_cdr
from vb_perception.evaluation.stamped import Matching, read_moments
from vb_perception.scenes.sample import Sample

MS = 1_000_000


def _shifted(source: Path, target: Path, by_ns: dict[str, int]) -> Path:
    with BagWriter(target) as bag:
        for topic, msgtype, t_ns, cdr in read_messages(source):
            moved = restamped(cdr, stamp_of_cdr(cdr) + by_ns[topic]) if topic in by_ns else cdr
            bag.write(topic, msgtype, t_ns, moved)
    return target


def test_a_tolerance_brings_truth_and_image_together(sample_bag: Path, tmp_path: Path) -> None:
    path = _shifted(sample_bag, tmp_path / "x.mcap", {TRUE_DEPTH_TOPIC: 7 * MS, TRUE_CLASSES_TOPIC: -7 * MS})
    strangers: list[str] = []
    exact = [t for _, t in read_frames(path, on_unusable=strangers.append)]
    assert all(t is not None and np.isnan(t.depth_m).all() for t in exact)  # instances alone have their stamps
    assert len(strangers) == 12
    assert all(reason.endswith(NO_IMAGE) for reason in strangers)
    near = [t for _, t in read_frames(path, options=ReadOptions(tolerance_ns=8 * MS))]
    assert len(near) == 6
    assert all(t is not None and np.isfinite(t.depth_m).any() and (t.class_ids >= 0).any() for t in near)


def test_the_nearest_of_several_belongs(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "x.mcap") as bag:
        for topic, stamps in (("/a", (100, 200)), ("/b", (96, 98, 103, 170))):
            for stamp in stamps:
                pixel = np.full((1, 1), stamp, np.uint8)
                bag.write_typed(topic, image_message(pixel, "mono8", stamp * MS), stamp * MS)
    found = read_moments(tmp_path / "x.mcap", ["/a", "/b"], matching=Matching("/a", 10 * MS))
    moments = {m.stamp_ns // MS: {topic: int(i.data[0]) for topic, i in m.messages.items()} for m in found}
    assert moments == {100: {"/a": 100, "/b": 98}, 96: {"/b": 96}, 103: {"/b": 103}, 170: {"/b": 170}, 200: {"/a": 200}}


def test_truth_on_topics_of_other_names(samples: list[Sample], tmp_path: Path) -> None:
    write_samples(tmp_path / "a.mcap", samples[:2], depth="32FC1")
    with BagWriter(tmp_path / "x.mcap") as bag:
        for topic, msgtype, t_ns, cdr in read_messages(tmp_path / "a.mcap"):
            bag.write(topic.replace("/truth/depth/image_rect", "/lidar/depth"), msgtype, t_ns, cdr)
    (frame, truth), _ = read_frames(tmp_path / "x.mcap", options=ReadOptions(truth=TruthTopics(depth="/lidar/depth")))
    assert truth is not None
    np.testing.assert_array_equal(truth.depth_m, samples[0].depth_m)
    del frame


def test_a_missing_truth_topic_lists_the_candidates(sample_bag: Path) -> None:
    with pytest.raises(
        BagError, match=r"/depth, named for true depth, is not in it .*candidates .*/truth/depth/image_rect"
    ):
        list(read_frames(sample_bag, options=ReadOptions(truth=TruthTopics(depth="/depth"))))
    with pytest.raises(BagError, match=r"carries sensor_msgs/msg/CompressedImage; candidates .*: none"):
        list(read_frames(sample_bag, options=ReadOptions(truth=TruthTopics(pose=IMAGE_TOPIC))))


def test_true_normals_and_poses_are_read(tmp_path: Path) -> None:
    sample = make_sample()
    pose = np.eye(4)
    pose[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    pose[:3, 3] = 1, 2, 3
    moved = Sample(
        sample.name, sample.rgb, sample.intrinsics, sample.depth_m, sample.normals, sample.class_ids,
        sample.instance_ids, sample.class_names, pose,
    )  # fmt: skip
    write_samples(tmp_path / "a.mcap", [moved])
    facing = np.zeros((*sample.depth_m.shape, 3), np.float32)
    facing[..., 2] = -1
    with BagWriter(tmp_path / "x.mcap") as bag:
        for message in read_messages(tmp_path / "a.mcap"):
            bag.write(*message)
            stamp_ns = message.t_ns
        bag.write_typed("/truth/normals", image_message(facing, "32FC3", stamp_ns), stamp_ns)
    ((_, truth),) = read_frames(tmp_path / "x.mcap")
    assert truth is not None
    assert truth.world_from_camera is not None
    np.testing.assert_array_equal(truth.normals, facing)
    np.testing.assert_allclose(truth.world_from_camera, pose, atol=1e-12)


@pytest.mark.parametrize(
    ("topic", "array", "encoding", "told"),
    [
        (TRUE_DEPTH_TOPIC, np.ones((5, 7), np.float32), "32FC1", "true depth are 7x5, the image 64x48"),
        ("/truth/normals", np.ones((48, 64), np.float32), "32FC1", "true normals are 32FC1; expected 32FC3"),
        (TRUE_CLASSES_TOPIC, np.ones((48, 64, 3), np.uint8), "rgb8", "true ids are rgb8; expected mono8"),
    ],
)
def test_truth_that_does_not_fit_is_told(
    tmp_path: Path, topic: str, array: np.ndarray[tuple[int, ...], np.dtype[np.float32]], encoding: str, told: str
) -> None:
    write_samples(tmp_path / "a.mcap", [make_sample()])
    with BagWriter(tmp_path / "x.mcap") as bag:
        for message in read_messages(tmp_path / "a.mcap"):
            if message.topic != topic:
                bag.write(*message)
            stamp_ns = message.t_ns
        bag.write_typed(topic, image_message(array, encoding, stamp_ns), stamp_ns)
    reasons: list[str] = []
    assert list(read_frames(tmp_path / "x.mcap", on_unusable=reasons.append)) == []
    assert told in reasons[0]
