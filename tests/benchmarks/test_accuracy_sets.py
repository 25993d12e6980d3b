from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accuracy_sets import CROP_SHARE, crop_corners, store, stored, zoomed

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes.sample import Sample


def slanted(width: int = 80, height: int = 60) -> Sample:
    """A plane z = 2 + 0.5 x + 0.3 y of the optical frame, whose depth is known for every ray."""
    camera = CameraIntrinsics(width, height, 90.0, 80.0, 41.0, 28.0)
    x, y = camera.rays()
    depth_m = (2 / (1 - 0.5 * x - 0.3 * y)).astype(np.float32)
    normal = np.array((0.5, 0.3, -1.0), np.float32) / np.float32(np.sqrt(1.34))
    ids = np.zeros((height, width), np.int16)
    rgb = np.repeat((depth_m * 60).astype(np.uint8)[..., None], 3, -1)
    return Sample("plane", rgb, camera, depth_m, np.broadcast_to(normal, (*ids.shape, 3)), ids, ids, ("background",))


def test_an_enlarged_crop_keeps_the_depth_of_every_ray() -> None:
    sample = slanted()
    crop = zoomed(sample, 20, 15)
    assert crop.depth_m.shape == sample.depth_m.shape
    assert crop.intrinsics.fx == pytest.approx(sample.intrinsics.fx / CROP_SHARE)
    x, y = crop.intrinsics.rays()
    np.testing.assert_allclose(crop.depth_m, 2 / (1 - 0.5 * x - 0.3 * y), rtol=0.01)  # nearest pixel
    assert crop.depth_m.mean() != pytest.approx(zoomed(sample, 0, 0).depth_m.mean(), rel=0.05)


def test_the_picture_of_a_crop_fits_its_depth() -> None:
    crop = zoomed(slanted(), 20, 15)
    assert np.abs(crop.rgb[..., 0] - crop.depth_m * 60).mean() < 2


def test_crops_are_the_same_every_time_and_inside() -> None:
    samples = [slanted()] * 20
    first = [corners for _, corners in crop_corners(samples)]
    assert first == [corners for _, corners in crop_corners(samples)]
    assert {corners["centre"] for corners in first} == {(16, 12)}
    elsewhere = np.array([corners["elsewhere"] for corners in first])
    assert elsewhere.min() >= 0
    assert (elsewhere.max(axis=0) <= (32, 24)).all()
    assert elsewhere.std(axis=0).min() > 3


def test_stored_samples_come_back(tmp_path: Path) -> None:
    unknown = slanted()
    unknown.depth_m[3, 4] = np.nan
    samples = [unknown, replace(slanted(), name="other", class_names=("background",))]
    store(tmp_path / "cache" / "kept.npz", samples)
    back = list(stored(tmp_path / "cache" / "kept.npz"))
    assert [s.name for s in back] == ["plane", "other"]
    for before, after in zip(samples, back, strict=True):
        assert after.intrinsics == before.intrinsics
        np.testing.assert_array_equal(after.depth_m, before.depth_m)
        np.testing.assert_array_equal(after.normals, before.normals)
        assert after.class_names == before.class_names
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["kept.npz"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="same shape"):
        store(tmp_path / "kept.npz", [slanted(), slanted(40, 30)])
    assert not list(tmp_path.iterdir())
