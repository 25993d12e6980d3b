"""KITTI's depth selection, on a tiny directory of its layout (never run on the true data here)."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vb_perception.cli import main
from vb_perception.errors import BagError
from vb_perception.evaluation.bag_frames import read_frames
from vb_perception.scenes.kitti import is_kitti, read_kitti

NAME = "2011_09_26_drive_0002_sync_image_000000000{}_image_02"
DEPTH = "_sync_groundtruth_depth_"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("image", "groundtruth_depth", "intrinsics"):
        (tmp_path / name).mkdir()
    for i in (8, 5):
        rgb = np.full((6, 20, 3), (i, 20, 30), np.uint8)
        cv2.imwrite(str(tmp_path / "image" / f"{NAME.format(i)}.png"), rgb[..., ::-1])
        depth = np.zeros((6, 20), np.uint16)
        depth[3, 4] = 256 * 7 + 128
        truth = NAME.format(i).replace("_sync_image_", DEPTH)
        cv2.imwrite(str(tmp_path / "groundtruth_depth" / f"{truth}.png"), depth)
        (tmp_path / "intrinsics" / f"{NAME.format(i)}.txt").write_text("721.5 0 9.5 0 720.5 2.5 0 0 1\n")
    return tmp_path


def test_frames_depth_and_camera(directory: Path) -> None:
    assert is_kitti(directory)
    first, second = read_kitti(directory)
    assert first.name.endswith("0000000005_image_02")
    assert second.rgb[0, 0].tolist() == [8, 20, 30]
    assert first.depth_m[3, 4] == 7.5
    assert np.isfinite(first.depth_m).sum() == 1
    camera = first.intrinsics
    assert (camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy) == (20, 6, 721.5, 720.5, 9.5, 2.5)
    assert (first.class_ids == -1).all()
    assert np.isnan(first.normals).all()


def test_it_becomes_a_bag(directory: Path, tmp_path: Path) -> None:
    assert main(["bag", str(directory), str(tmp_path / "out.mcap")]) == 0
    assert len(list(read_frames(tmp_path / "out.mcap"))) == 2


def test_what_is_missing_or_wrong_is_told(directory: Path, tmp_path: Path) -> None:
    text = directory / "intrinsics" / f"{NAME.format(5)}.txt"
    text.write_text("721.5 0 9.5\n")
    with pytest.raises(BagError, match="3 numbers; expected K, nine"):
        next(read_kitti(directory))
    text.unlink()
    with pytest.raises(BagError, match=r"intrinsics.*expected K"):
        next(read_kitti(directory))
    next((directory / "groundtruth_depth").glob("*5_image_02.png")).unlink()
    text.write_text("721.5 0 9.5 0 720.5 2.5 0 0 1\n")
    with pytest.raises(BagError, match=r"groundtruth_depth.* is missing or cannot be read"):
        next(read_kitti(directory))
    stored = directory / "groundtruth_depth" / f"{NAME.format(5)}.png".replace("_sync_image_", DEPTH)
    cv2.imwrite(str(stored), np.zeros((6, 10), np.uint16))
    with pytest.raises(BagError, match=r"is uint16 \(6, 10\); expected uint16 20x6"):
        next(read_kitti(directory))
    assert not is_kitti(tmp_path / "image")
    with pytest.raises(BagError, match="val_selection_cropped"):
        next(read_kitti(tmp_path / "image"))
