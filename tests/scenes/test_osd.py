from pathlib import Path

import cv2
import numpy as np
import pytest

from vb_perception.errors import BagError
from vb_perception.scenes.osd import OSD_CAMERA, read_osd

REAL = Path(__file__).parents[3] / "shared" / "data" / "osd"


def write_frame(directory: Path, name: str) -> np.ndarray:
    """One frame of OSD's layout: a table at 1 m with two objects of two parts; returns the labels."""
    label = np.zeros((480, 640), np.uint16)
    label[100:400] = 1
    label[300:400, :50] = 2
    label[150:200, 100:200] = 20
    label[200:250, 100:200] = 21
    label[150:250, 300:400] = 31
    depth_mm = np.where(label > 0, 1000, 0).astype(np.uint16)
    rgb = np.zeros((480, 640, 3), np.uint8)
    rgb[..., 0] = 200
    cv2.imwrite(str(directory / f"{name}_rgb.jpg"), rgb[..., ::-1])
    cv2.imwrite(str(directory / f"{name}_depth.png"), depth_mm)
    cv2.imwrite(str(directory / f"{name}_label.png"), label)
    return label


def test_a_frame_keeps_colours_metres_and_objects(tmp_path: Path) -> None:
    label = write_frame(tmp_path, "007")
    (sample,) = read_osd(tmp_path)
    assert sample.name.endswith("/007")
    assert sample.intrinsics == OSD_CAMERA
    assert sample.rgb[0, 0].tolist() == pytest.approx([200, 0, 0], abs=2)
    assert np.array_equal(np.isnan(sample.depth_m), label == 0)
    assert np.allclose(sample.depth_m[label > 0], 1.0)
    assert np.allclose(sample.normals[250, 250], (0, 0, -1), atol=1e-5)
    names = np.array(sample.class_names)
    assert (sample.class_ids[label == 0] == -1).all()
    assert (names[sample.class_ids[(label > 0) & (label < 10)]] == "table").all()
    assert (names[sample.class_ids[label >= 20]] == "object").all()
    assert (sample.instance_ids[label == 0] == -1).all()
    assert (sample.instance_ids[(label > 0) & (label < 10)] == 0).all()
    assert (sample.instance_ids[label // 10 == 2] == 1).all()
    assert (sample.instance_ids[label // 10 == 3] == 2).all()


def test_frames_come_in_order(tmp_path: Path) -> None:
    for name in ("010", "002", "001"):
        write_frame(tmp_path, name)
    assert [s.name[-3:] for s in read_osd(tmp_path)] == ["001", "002", "010"]


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="no NNN_rgb"):
        next(read_osd(tmp_path))


@pytest.mark.parametrize("suffix", ["depth.png", "label.png"])
def test_a_missing_file_is_named(tmp_path: Path, suffix: str) -> None:
    write_frame(tmp_path, "001")
    (tmp_path / f"001_{suffix}").unlink()
    with pytest.raises(BagError, match=suffix):
        next(read_osd(tmp_path))


def test_a_depth_of_eight_bits_is_refused(tmp_path: Path) -> None:
    write_frame(tmp_path, "001")
    cv2.imwrite(str(tmp_path / "001_depth.png"), np.ones((480, 640), np.uint8))
    with pytest.raises(BagError, match="uint8"):
        next(read_osd(tmp_path))


@pytest.mark.skipif(not REAL.is_dir(), reason="the real OSD frames lie outside the repository, in ../shared/data/osd")
def test_the_real_frames_can_be_read() -> None:
    sample = next(read_osd(REAL / "test"))
    known = np.isfinite(sample.depth_m)
    assert 0.4 < np.nanmin(sample.depth_m) < np.nanmax(sample.depth_m) < 3
    assert (sample.class_ids >= 0).mean() > 0.3
    assert np.isfinite(sample.normals[known]).all(axis=-1).mean() > 0.8
    assert len(list((REAL / "test").glob("*_rgb.jpg"))) == 31
