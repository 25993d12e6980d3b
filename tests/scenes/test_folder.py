import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import BagError
from vb_perception.scenes.folder import DEFAULT_FOV_DEG, is_osd, read_folder, read_frames
from vb_perception.scenes.osd import OSD_CAMERA, OSD_CLASSES

REAL = Path(__file__).parents[3] / "shared" / "data" / "osd"


def write_frame(directory: Path, name: str, width: int = 64, height: int = 48, suffix: str = "png") -> None:
    """A blue frame at 1.5 m with one object, its left part unknown."""
    bgr = np.full((height, width, 3), (250, 10, 5), np.uint8)
    depth_mm = np.full((height, width), 1500, np.uint16)
    depth_mm[:, :10] = 0
    label = np.zeros((height, width), np.uint16)
    label[10:20, 20:30] = 300
    cv2.imwrite(str(directory / f"{name}_rgb.{suffix}"), bgr)
    cv2.imwrite(str(directory / f"{name}_depth.png"), depth_mm)
    cv2.imwrite(str(directory / f"{name}_label.png"), label)


def test_a_frame_comes_back_whole(tmp_path: Path) -> None:
    write_frame(tmp_path, "b")
    write_frame(tmp_path, "a")
    first, second = read_folder(tmp_path)
    assert (first.name, second.name) == (f"{tmp_path.name}/a", f"{tmp_path.name}/b")
    assert first.rgb[0, 0].tolist() == [5, 10, 250]
    assert np.isnan(first.depth_m[:, :10]).all()
    assert np.allclose(first.depth_m[:, 10:], 1.5)
    assert np.allclose(first.normals[24, 40], (0, 0, -1), atol=1e-5)
    assert first.instance_ids[15, 25] == 300
    assert first.class_names[first.class_ids[15, 25]] == "object"
    assert first.class_ids[0, 0] == first.instance_ids[0, 0] == -1


def test_colours_alone_are_enough(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "x_rgb.jpg"), np.zeros((48, 64, 3), np.uint8))
    (sample,) = read_folder(tmp_path)
    assert np.isnan(sample.depth_m).all()
    assert np.isnan(sample.normals).all()
    assert (sample.class_ids == -1).all()
    assert sample.intrinsics == CameraIntrinsics.from_fov(64, 48, DEFAULT_FOV_DEG)


@pytest.mark.parametrize(("named", "expected"), [(256, [-1, 255, 254]), (255, [-1, -1, 254])])
def test_16_bits_hold_more_classes_than_a_byte(tmp_path: Path, named: int, expected: list[int]) -> None:
    write_frame(tmp_path, "a")
    classes = np.full((48, 64), 254, np.uint16)
    classes[:10], classes[10:20] = 65535, 255
    cv2.imwrite(str(tmp_path / "a_classes.png"), classes)
    (tmp_path / "classes.json").write_text(json.dumps({"classes": [f"class {i}" for i in range(named)]}))
    (sample,) = read_folder(tmp_path)
    assert [sample.class_ids[row, 0] for row in (0, 15, 25)] == expected


def test_classes_instances_and_normals_of_any_data_set(tmp_path: Path) -> None:
    write_frame(tmp_path, "a")
    classes, instances = np.zeros((48, 64), np.uint8), np.zeros((48, 64), np.uint16)
    classes[:10], classes[20:30], instances[20:30], instances[:10] = 255, 2, 7, 65535
    normals = np.zeros((48, 64, 3), np.uint16)
    normals[10:] = (32768, 1, 32768)  # (0, -1, 0) as RGB: a floor
    cv2.imwrite(str(tmp_path / "a_classes.png"), classes)
    cv2.imwrite(str(tmp_path / "a_instances.png"), instances)
    cv2.imwrite(str(tmp_path / "a_normals.png"), normals[..., ::-1])
    with pytest.raises(BagError, match=r"needs .*classes\.json"):
        next(read_folder(tmp_path))
    (tmp_path / "classes.json").write_text('{"classes": ["background", "table", "cup"]}')
    (sample,) = read_folder(tmp_path)
    assert sample.class_names == ("background", "table", "cup")
    assert [sample.class_ids[row, 0] for row in (0, 15, 25)] == [-1, 0, 2]
    assert [sample.instance_ids[row, 0] for row in (0, 15, 25)] == [-1, 0, 7]
    np.testing.assert_allclose(sample.normals[20, 20], (0, -1, 0), atol=1e-4)
    assert np.isnan(sample.normals[:10]).all()
    (tmp_path / "classes.json").write_text('{"classes": ["background", "table"]}')
    with pytest.raises(BagError, match="at most 1"):
        next(read_folder(tmp_path))
    (tmp_path / "classes.json").write_text("{}")
    with pytest.raises(BagError, match=r"expected .*name of id 0"):
        next(read_folder(tmp_path))


def test_the_camera_file_is_resized_to_the_frames(tmp_path: Path) -> None:
    write_frame(tmp_path, "a")
    stored = {"fx": 500.0, "fy": 510.0, "cx": 320.0, "cy": 240.0, "width": 640, "height": 480}
    (tmp_path / "camera.json").write_text(json.dumps(stored))
    (sample,) = read_frames(tmp_path)
    assert sample.intrinsics == CameraIntrinsics(640, 480, 500, 510, 320, 240).resized(64, 48)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"fx": 1}',
        '{"fx": 0, "fy": 1, "cx": 1, "cy": 1}',
        '{"fx": "wide", "fy": 1, "cx": 1, "cy": 1}',
        '{"fx": 500, "fy": 500, "cx": 1, "cy": 1, "width": 640, "height": 640}',
    ],
)
def test_a_useless_camera_file_is_refused(tmp_path: Path, text: str) -> None:
    write_frame(tmp_path, "a")
    (tmp_path / "camera.json").write_text(text)
    with pytest.raises(BagError, match="expected"):
        next(read_frames(tmp_path))


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    write_frame(tmp_path, "a")
    cv2.imwrite(str(tmp_path / "a_depth.png"), np.ones((20, 20), np.uint16))
    with pytest.raises(BagError, match="a_depth"):
        next(read_folder(tmp_path))
    cv2.imwrite(str(tmp_path / "a_depth.png"), np.ones((48, 64), np.uint8))
    with pytest.raises(BagError, match="millimetres"):
        next(read_folder(tmp_path))
    (tmp_path / "a_depth.png").unlink()
    cv2.imwrite(str(tmp_path / "a_label.png"), np.full((48, 64), 40000, np.uint16))
    with pytest.raises(BagError, match="40000"):
        next(read_folder(tmp_path))
    (tmp_path / "a_rgb.png").write_bytes(b"no image")
    with pytest.raises(BagError, match="a_rgb"):
        next(read_folder(tmp_path))


def test_a_directory_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="NAME_rgb"):
        next(read_frames(tmp_path))


def test_osd_is_told_by_its_files(tmp_path: Path) -> None:
    split = tmp_path / "test"
    split.mkdir()
    write_frame(split, "001", 640, 480, "jpg")
    assert not is_osd(split)
    (tmp_path / "README.md").write_text("OSD")
    assert is_osd(split)
    (sample,) = read_frames(split)
    assert sample.intrinsics == OSD_CAMERA
    assert sample.class_names == OSD_CLASSES
    (split / "001_label.png").unlink()
    assert not is_osd(split)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real OSD frames lie outside the repository, in ../shared/data/osd")
def test_the_real_frames_are_taken_for_osd() -> None:
    assert next(read_frames(REAL / "test")).intrinsics == OSD_CAMERA
