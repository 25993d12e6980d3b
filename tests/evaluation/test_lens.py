"""A bag of a camera with a lens, binning or a window is read as the node sees it, and its truth with it."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.evaluation.conftest import make_sample
from tests.evaluation.test_bag_frames import rewritten
from vb_perception.evaluation.bag_frames import ReadOptions, read_frames
from vb_perception.evaluation.bag_samples import IMAGE_TOPIC, TRUE_INSTANCES_TOPIC, image_message, write_samples
from vb_perception.evaluation.bags import BagWriter, read_messages
from vb_perception.evaluation.message_types import message_types, stamp_of_cdr
from vb_perception.scenes.sample import Sample

WIDTH, HEIGHT = 160, 120
BARREL = np.array([-0.3, 0.08, 0.0, 0.0, 0.0])
LENS: dict[str, object] = {"distortion_model": "plumb_bob", "d": BARREL}


@pytest.fixture
def painted(tmp_path: Path) -> tuple[Path, Sample]:
    """A bag of one frame whose picture is white where the first object is."""
    sample = make_sample(width=WIDTH, height=HEIGHT)
    white = np.repeat(np.where(sample.instance_ids == 1, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    sample = replace(sample, rgb=white)
    write_samples(tmp_path / "a.mcap", [sample], depth="32FC1")
    return tmp_path / "a.mcap", sample


def centre(mask: np.ndarray) -> np.ndarray:
    return np.asarray(np.argwhere(mask).mean(axis=0))


def test_distortion_is_undone_in_the_image_and_in_truth_that_is_not_rectified(
    painted: tuple[Path, Sample], tmp_path: Path
) -> None:
    source, sample = painted
    ((frame, truth),) = read_frames(rewritten(source, tmp_path / "b.mcap", LENS))
    assert truth is not None
    camera = sample.intrinsics
    matrix = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    was = centre(sample.instance_ids == 1)
    straight = cv2.undistortPoints(was[::-1].reshape(1, 1, 2), matrix, BARREL, P=matrix)[0, 0, ::-1]
    assert np.linalg.norm(straight - was) > 2
    np.testing.assert_allclose(centre(truth.instance_ids == 1), straight, atol=0.6)
    np.testing.assert_allclose(centre(frame.rgb[..., 0] > 127), straight, atol=0.6)
    assert frame.unseen is None
    # That depth is on /truth/depth/image_rect, which says that it is rectified already.
    np.testing.assert_array_equal(truth.depth_m, sample.depth_m)


def test_nothing_is_judged_where_the_lens_saw_nothing(painted: tuple[Path, Sample], tmp_path: Path) -> None:
    source, sample = painted
    camera = sample.intrinsics
    p = np.array([camera.fx / 2, 0, camera.cx, 0, 0, camera.fy / 2, camera.cy, 0, 0, 0, 1, 0])
    ((frame, truth),) = read_frames(rewritten(source, tmp_path / "b.mcap", {**LENS, "p": p}))
    assert truth is not None
    assert frame.unseen is not None
    assert 0.3 < frame.unseen.mean() < 0.9
    assert np.isfinite(sample.depth_m[frame.unseen]).any(), "that depth is of the rectified image, and knows more"
    assert np.isnan(truth.depth_m[frame.unseen]).all()
    np.testing.assert_array_equal(truth.depth_m[~frame.unseen], sample.depth_m[~frame.unseen])
    assert np.isnan(truth.normals[frame.unseen]).all()
    assert (truth.class_ids[frame.unseen] == -1).all()
    assert (truth.instance_ids[frame.unseen] == -1).all()


def test_what_is_taken_as_rectified_stays_as_it_is(painted: tuple[Path, Sample], tmp_path: Path) -> None:
    source, sample = painted
    bent = rewritten(source, tmp_path / "b.mcap", LENS)
    ((frame, truth),) = read_frames(bent, options=ReadOptions(rectification="assume_rectified"))
    assert truth is not None
    np.testing.assert_array_equal(truth.instance_ids, sample.instance_ids)
    ((raw, _),) = read_frames(source)
    np.testing.assert_array_equal(frame.rgb, raw.rgb)
    with BagWriter(tmp_path / "c.mcap") as bag:
        for topic, msgtype, t_ns, cdr in read_messages(bent):
            bag.write(topic.replace("/image_raw", "/image_rect"), msgtype, t_ns, cdr)
    assert "/image_raw" in IMAGE_TOPIC
    ((named, _),) = read_frames(tmp_path / "c.mcap")
    np.testing.assert_array_equal(named.rgb, raw.rgb)


def test_binning_and_region_of_interest_are_those_of_the_sensor(painted: tuple[Path, Sample], tmp_path: Path) -> None:
    source, sample = painted
    whole = sample.intrinsics.cropped(-10, -4, WIDTH + 20, HEIGHT + 8).resized(2 * WIDTH + 40, 2 * HEIGHT + 16)
    region = message_types().types["sensor_msgs/msg/RegionOfInterest"]
    roi = region(x_offset=20, y_offset=8, height=2 * HEIGHT, width=2 * WIDTH, do_rectify=False)
    k = np.array([whole.fx, 0, whole.cx, 0, whole.fy, whole.cy, 0, 0, 1])
    change = {"width": whole.width, "height": whole.height, "binning_x": 2, "binning_y": 2, "roi": roi, "k": k}
    ((frame, truth),) = read_frames(rewritten(source, tmp_path / "b.mcap", {**change, "p": np.zeros(12)}))
    assert truth is not None
    assert frame.intrinsics is not None
    found, true = frame.intrinsics, sample.intrinsics
    assert (found.width, found.height) == (WIDTH, HEIGHT)
    np.testing.assert_allclose((found.fx, found.fy, found.cx, found.cy), (true.fx, true.fy, true.cx, true.cy))


def test_truth_of_a_camera_that_rectification_turns_is_refused(painted: tuple[Path, Sample], tmp_path: Path) -> None:
    turn, _ = cv2.Rodrigues(np.array([0.0, 0.03, 0.0]))
    told: list[str] = []
    bent = rewritten(painted[0], tmp_path / "b.mcap", {**LENS, "r": turn.ravel()})
    assert list(read_frames(bent, on_unusable=told.append)) == []
    assert "of a camera that rectification turns" in told[0]


def test_a_lens_that_cannot_be_undone_is_said(painted: tuple[Path, Sample], tmp_path: Path) -> None:
    told: list[str] = []
    bent = rewritten(painted[0], tmp_path / "b.mcap", {**LENS, "distortion_model": "division"})
    assert list(read_frames(bent, on_unusable=told.append)) == []
    assert "'division' with 5 coefficients cannot be undone" in told[0]


def test_ids_that_do_not_fit_are_refused(painted: tuple[Path, Sample], tmp_path: Path) -> None:
    source, sample = painted
    large = np.where(sample.instance_ids == 1, 40_000, 65_535).astype(np.uint16)
    with BagWriter(tmp_path / "b.mcap") as bag:
        for topic, msgtype, t_ns, cdr in read_messages(source):
            if topic == TRUE_INSTANCES_TOPIC:
                bag.write_typed(topic, image_message(large, "mono16", stamp_of_cdr(cdr)), t_ns)
            else:
                bag.write(topic, msgtype, t_ns, cdr)
    told: list[str] = []
    assert list(read_frames(tmp_path / "b.mcap", on_unusable=told.append)) == []
    assert "true ids go up to 40000; expected at most 32767" in told[0]
