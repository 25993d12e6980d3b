"""NYU Depth v2, on a tiny file of its layout (never run on the true data here)."""

from pathlib import Path

import numpy as np
import pytest

from vb_perception.errors import BagError
from vb_perception.scenes.nyu import EIGEN_CROP, NYU_CAMERA, read_nyu

h5py = pytest.importorskip("h5py", reason="writes the file: `make test` installs it")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    out = tmp_path / "nyu_depth_v2_labeled.mat"
    rgb = np.zeros((480, 640, 3), np.uint8)
    rgb[100, 200] = 1, 2, 3
    depth = np.full((480, 640), 2.0, np.float32)
    depth[100, 200] = 0
    labels, instances = np.ones((480, 640), np.uint16), np.zeros((480, 640), np.uint8)
    labels[200:240, 300:340], instances[200:240, 300:340] = 2, 1
    labels[240:260, 300:340], instances[240:260, 300:340] = 2, 2
    labels[300] = 0
    with h5py.File(out, "w") as file:
        file["images"] = rgb.transpose(2, 1, 0)[None]
        for name, array in (("depths", depth), ("labels", labels), ("instances", instances)):
            file[name] = array.T[None]
        names = file.create_dataset("names", (1, 2), h5py.ref_dtype)
        for i, word in enumerate(("wall", "book")):
            text = file.create_dataset(f"#refs#/{word}", data=np.array([[ord(c)] for c in word], np.uint16))
            names[0, i] = text.ref
    return out


def test_a_frame(path: Path) -> None:
    (sample,) = read_nyu(path)
    assert sample.class_names == ("background", "wall", "book")
    assert sample.rgb[100, 200].tolist() == [1, 2, 3]
    assert np.isnan(sample.depth_m[100, 200])
    assert sample.depth_m[50, 50] == 2
    assert (sample.class_ids[210, 310], sample.class_ids[50, 50], sample.class_ids[300, 50]) == (2, 1, -1)
    books = {int(sample.instance_ids[v, 310]) for v in (210, 250)}
    assert len(books) == 2
    assert min(books) > 0
    assert (sample.instance_ids[50, 50], sample.instance_ids[300, 50]) == (0, -1)
    np.testing.assert_allclose(sample.normals[380, 400], (0, 0, -1), atol=1e-3)
    assert sample.intrinsics == NYU_CAMERA


def test_only_the_customary_crop_is_known(path: Path) -> None:
    (cropped,), (whole,) = read_nyu(path), read_nyu(path, crop=False)
    inside = np.zeros(cropped.depth_m.shape, bool)
    inside[EIGEN_CROP] = True
    assert np.isnan(cropped.depth_m[~inside]).all()
    assert (cropped.class_ids[~inside] == -1).all()
    assert np.isfinite(whole.depth_m).sum() == 480 * 640 - 1


def test_what_is_no_nyu_file(tmp_path: Path) -> None:
    (tmp_path / "x.mat").write_bytes(b"no HDF5")
    with pytest.raises(BagError, match=r"expected nyu_depth_v2_labeled.mat, whole"):
        next(read_nyu(tmp_path / "x.mat"))
    with h5py.File(tmp_path / "y.mat", "w") as file:
        file["images"] = np.zeros((1, 3, 4, 4), np.uint8)
    with pytest.raises(BagError, match="has no depths, labels, instances, names"):
        next(read_nyu(tmp_path / "y.mat"))
