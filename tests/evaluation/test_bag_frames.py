"""Samples -> bag -> frames with truth: nothing is lost but what JPEG and millimetres lose."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from vb_perception.errors import BagError
from vb_perception.evaluation.bag_frames import read_frames
from vb_perception.evaluation.bag_samples import (
    IMAGE_TOPIC,
    INFO_TOPIC,
    LEGEND_TOPIC,
    TRUE_CLASSES_TOPIC,
    TRUE_POSE_TOPIC,
    DepthForm,
    image_message,
    write_samples,
)
from vb_perception.evaluation.bags import BagWriter, bag_topics, read_messages, read_typed
from vb_perception.evaluation.message_types import Message, message_types
from vb_perception.scenes.sample import Sample


def without_truth(sample: Sample) -> Sample:
    nowhere, nothing = np.full_like(sample.depth_m, np.nan), np.full_like(sample.class_ids, -1)
    normals = np.full_like(sample.normals, np.nan)
    return replace(sample, depth_m=nowhere, normals=normals, class_ids=nothing, instance_ids=nothing)


@pytest.mark.parametrize("depth", ["16UC1", "32FC1", "png"])
def test_truth_comes_back_exactly(samples: list[Sample], tmp_path: Path, depth: DepthForm) -> None:
    path = tmp_path / "x.mcap"
    assert write_samples(path, samples, rate_hz=20, start_ns=5 * 10**9, depth=depth) == len(samples)
    back = list(read_frames(path))
    assert [frame.stamp_ns for frame, _ in back] == [5 * 10**9 + i * 50_000_000 for i in range(len(samples))]
    for sample, (frame, truth) in zip(samples, back, strict=True):
        assert truth is not None
        assert frame.intrinsics == truth.intrinsics == sample.intrinsics
        assert frame.frame_id == "camera_optical_frame"
        assert truth.class_names == sample.class_names
        for name in ("depth_m", "normals", "class_ids", "instance_ids"):
            np.testing.assert_array_equal(getattr(truth, name), getattr(sample, name), err_msg=name)
        assert np.abs(frame.rgb.astype(int) - sample.rgb).mean() < 6


@pytest.mark.parametrize(("classes", "encoding"), [(255, "mono8"), (256, "mono16"), (895, "mono16")])
def test_a_legend_longer_than_a_byte_survives_a_bag(tmp_path: Path, classes: int, encoding: str) -> None:
    sample = make_sample()
    sample.class_ids[20:32, 12:24], sample.class_ids[0, :3] = classes - 1, (-1, 254, 0)
    long = replace(sample, class_names=tuple(f"class {i}" for i in range(classes)))
    write_samples(tmp_path / "x.mcap", [long])
    ((_, _, mask),) = read_typed(tmp_path / "x.mcap", [TRUE_CLASSES_TOPIC])
    assert mask.encoding == encoding
    ((_, truth),) = read_frames(tmp_path / "x.mcap")
    assert truth is not None
    np.testing.assert_array_equal(truth.class_ids, sample.class_ids)


def test_16_bits_of_a_short_legend_may_say_unlabelled_in_8(samples: list[Sample], tmp_path: Path) -> None:
    ids = np.where(samples[0].class_ids < 0, 255, samples[0].class_ids).astype(np.uint16)
    ids[0, 0] = 65535
    write_samples(tmp_path / "a.mcap", samples[:1])
    with BagWriter(tmp_path / "x.mcap") as bag:
        for message in read_messages(tmp_path / "a.mcap"):
            if message.topic != TRUE_CLASSES_TOPIC:
                bag.write(*message)
            t_ns = message.t_ns
        bag.write_typed(TRUE_CLASSES_TOPIC, image_message(ids, "mono16", t_ns), t_ns)
    ((_, truth),) = read_frames(tmp_path / "x.mcap")
    assert truth is not None
    assert truth.class_ids[0, 0] == -1
    np.testing.assert_array_equal(truth.class_ids[1:], samples[0].class_ids[1:])


def test_depth_that_millimetres_cannot_hold_is_unknown(tmp_path: Path) -> None:
    sample = make_sample()
    sample.depth_m[10, :4] = (np.inf, 70.0, 0.0002, 65.535)
    write_samples(tmp_path / "x.mcap", [sample])
    ((_, truth),) = read_frames(tmp_path / "x.mcap")
    assert truth is not None
    assert np.isnan(truth.depth_m[10, :3]).all()
    assert truth.depth_m[10, 3] == np.float32(65.535)


def test_frames_without_truth_keep_their_place_and_have_none(samples: list[Sample], tmp_path: Path) -> None:
    mixed = [samples[0], without_truth(samples[1]), samples[2], without_truth(samples[3])]
    write_samples(tmp_path / "x.mcap", mixed)
    back = list(read_frames(tmp_path / "x.mcap"))
    assert [truth is not None for _, truth in back] == [True, False, True, False]
    assert [frame.stamp_ns for frame, _ in back] == sorted(frame.stamp_ns for frame, _ in back)


def test_truth_that_no_sample_has_has_no_topic(samples: list[Sample], tmp_path: Path) -> None:
    write_samples(tmp_path / "x.mcap", [without_truth(s) for s in samples])
    assert bag_topics(tmp_path / "x.mcap").keys() == {IMAGE_TOPIC, INFO_TOPIC}


def test_legend_is_latched_and_follows_a_change_of_names(samples: list[Sample], tmp_path: Path) -> None:
    other = replace(samples[1], class_names=("background", "floor", "wall", "door"))
    write_samples(tmp_path / "x.mcap", [samples[0], other])
    assert bag_topics(tmp_path / "x.mcap")[LEGEND_TOPIC] == ("std_msgs/msg/String", 2, True)
    names = [truth.class_names for _, truth in read_frames(tmp_path / "x.mcap") if truth]
    assert names == [samples[0].class_names, other.class_names]


def test_a_legend_that_was_recorded_late_holds_from_the_start(sample_bag: Path, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "x.mcap") as bag:
        for topic, msgtype, t_ns, cdr in read_messages(sample_bag):
            bag.write(topic, msgtype, t_ns + (250_000_000 if topic == LEGEND_TOPIC else 0), cdr)
    names = {truth.class_names for _, truth in read_frames(tmp_path / "x.mcap") if truth}
    assert names == {truth.class_names for _, truth in read_frames(sample_bag) if truth}


def rewritten(source: Path, target: Path, change: dict[str, object], *, once: bool = False) -> Path:
    """The bag with fields of its camera_infos changed; `once`: only the first camera_info is kept."""
    kept = 0
    with BagWriter(target) as bag:
        for topic, msgtype, t_ns, cdr in read_messages(source):
            if topic != INFO_TOPIC:
                bag.write(topic, msgtype, t_ns, cdr)
                continue
            kept += 1
            if once and kept > 1:
                continue
            info = message_types().deserialize_cdr(cdr, msgtype)
            for name, value in change.items():
                setattr(info, name, value)
            bag.write_typed(topic, info, t_ns)
    return target


def test_a_single_camera_info_holds_for_all(sample_bag: Path, samples: list[Sample], tmp_path: Path) -> None:
    back = list(read_frames(rewritten(sample_bag, tmp_path / "x.mcap", {}, once=True)))
    assert [frame.intrinsics for frame, _ in back] == [s.intrinsics for s in samples]


def test_an_uncalibrated_camera_has_no_intrinsics_and_no_truth(sample_bag: Path, tmp_path: Path) -> None:
    back = list(read_frames(rewritten(sample_bag, tmp_path / "x.mcap", {"k": np.zeros(9)})))
    assert [(frame.intrinsics, truth) for frame, truth in back] == [(None, None)] * 6


def test_the_rectified_camera_is_p_as_in_the_node(sample_bag: Path, tmp_path: Path) -> None:
    p = np.array([40.0, 0, 30, 0, 0, 41, 20, 0, 0, 0, 1, 0])
    (frame, truth), *_ = read_frames(rewritten(sample_bag, tmp_path / "x.mcap", {"p": p}))
    assert frame.intrinsics is not None
    assert (frame.intrinsics.fx, frame.intrinsics.cy) == (40, 20)
    assert truth is not None
    assert truth.intrinsics == frame.intrinsics


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"width": 65}, "camera_info is for 65x48, the image is 64x48"),
        ({"k": np.full(9, np.nan), "p": np.zeros(12)}, "expected finite values"),
        ({"p": np.full(12, np.nan)}, "expected finite values"),
    ],
)
def test_unusable_frames_are_told_and_left_out(
    sample_bag: Path, tmp_path: Path, change: dict[str, object], told: str
) -> None:
    path = rewritten(sample_bag, tmp_path / "x.mcap", change)
    reasons: list[str] = []
    assert list(read_frames(path, on_unusable=reasons.append)) == []
    assert len(reasons) == 6
    assert told in reasons[0]
    with pytest.raises(BagError, match=told):
        list(read_frames(path))


def test_a_corrupt_image_does_not_cost_its_neighbours(sample_bag: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.mcap"
    with BagWriter(path) as bag:
        for i, (topic, msgtype, t_ns, cdr) in enumerate(read_messages(sample_bag)):
            message: Message = message_types().deserialize_cdr(cdr, msgtype)
            if topic == IMAGE_TOPIC and t_ns == 1_100_000_000:
                message.data = message.data[:200]
            bag.write_typed(topic, message, t_ns, latched=i == 0)
    reasons: list[str] = []
    assert len(list(read_frames(path, on_unusable=reasons.append))) == 5
    assert len(reasons) == 1
    assert "image of stamp 1100000000 ns on /camera/image_raw/compressed" in reasons[0]


def test_images_before_any_camera_info_are_told(sample_bag: Path, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "x.mcap") as bag:
        for topic, msgtype, t_ns, cdr in read_messages(sample_bag):
            if topic != INFO_TOPIC or t_ns > 1_400_000_000:
                bag.write(topic, msgtype, t_ns, cdr)
    reasons: list[str] = []
    assert len(list(read_frames(tmp_path / "x.mcap", on_unusable=reasons.append))) == 1
    assert "no camera_info came before it" in reasons[0]


def test_a_legend_that_is_none_is_told(sample_bag: Path, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "x.mcap") as bag:
        text = message_types().types["std_msgs/msg/String"]
        bag.write_typed(LEGEND_TOPIC, text(data="{}"), 0, latched=True)
        for topic, msgtype, t_ns, cdr in read_messages(sample_bag):
            if topic != LEGEND_TOPIC:
                bag.write(topic, msgtype, t_ns, cdr)
    with pytest.raises(BagError, match=r"legend on /truth/legend is '\{\}'; expected JSON"):
        list(read_frames(tmp_path / "x.mcap"))


def test_camera_info_says_what_ros_expects(sample_bag: Path, samples: list[Sample]) -> None:
    camera = samples[0].intrinsics
    (_, _, info), *_ = read_typed(sample_bag, [INFO_TOPIC])
    assert (info.width, info.height, info.distortion_model) == (64, 48, "plumb_bob")
    assert info.k.tolist() == [camera.fx, 0, camera.cx, 0, camera.fy, camera.cy, 0, 0, 1]
    assert info.p.tolist() == [camera.fx, 0, camera.cx, 0, 0, camera.fy, camera.cy, 0, 0, 0, 1, 0]
    assert info.r.tolist() == np.eye(3).ravel().tolist()
    assert not info.d.any()


def test_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="no frames were given"):
        write_samples(tmp_path / "x.mcap", [])
    with pytest.raises(BagError, match="a rate above zero"):
        write_samples(tmp_path / "x.mcap", [make_sample()], rate_hz=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("field", "value"), [("orientation", 0.0), ("orientation", np.nan), ("position", np.inf)])
def test_a_pose_that_is_none_leaves_its_frame_out(tmp_path: Path, field: str, value: float) -> None:
    write_samples(tmp_path / "made.mcap", [replace(make_sample(i), world_from_camera=np.eye(4)) for i in range(3)])
    with BagWriter(tmp_path / "x.mcap") as bag:
        for topic, msgtype, t_ns, cdr in read_messages(tmp_path / "made.mcap"):
            message: Message = message_types().deserialize_cdr(cdr, msgtype)
            if topic == TRUE_POSE_TOPIC and t_ns == 10**9:
                part = getattr(message.pose, field)
                for axis in ("x", "y", "z", "w") if field == "orientation" else ("x",):
                    setattr(part, axis, value)
            bag.write_typed(topic, message, t_ns)
    told: list[str] = []
    frames = list(read_frames(tmp_path / "x.mcap", on_unusable=told.append))
    assert [truth is not None and truth.world_from_camera is not None for _, truth in frames] == [True, True]
    (reason,) = told
    assert "true pose has quaternion (" in reason
    assert "expected finite numbers" in reason
