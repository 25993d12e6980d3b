from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from vb_perception.errors import BagError, ConfigError
from vb_perception.scenes import photographs
from vb_perception.scenes.photographs import PHOTOGRAPHS, read_photographs

needs_skimage = pytest.mark.skipif(
    find_spec("skimage") is None, reason="the photographs are in scikit-image: pip install scikit-image"
)


@needs_skimage
def test_all_photographs_are_in_the_wheel() -> None:
    samples = {s.name: s for s in read_photographs()}
    assert set(samples) == {f"photograph/{name}" for name in PHOTOGRAPHS}
    for name, sample in samples.items():
        assert sample.rgb.std() > 20
        assert (sample.intrinsics.height, sample.intrinsics.width) == sample.rgb.shape[:2]
        assert np.isfinite(sample.depth_m).any() == (name == "photograph/motorcycle")
        assert (sample.class_ids == -1).all()


@needs_skimage
def test_the_motorcycle_is_metric() -> None:
    (sample,) = read_photographs(("motorcycle",))
    known = np.isfinite(sample.depth_m)
    assert known.mean() == pytest.approx(0.927, abs=0.001)
    assert np.nanmin(sample.depth_m) == pytest.approx(2.1, abs=0.05)
    assert np.nanmax(sample.depth_m) == pytest.approx(5.0, abs=0.05)
    assert np.isfinite(sample.normals[..., 0]).mean() > 0.5


@needs_skimage
def test_the_cup_of_coffee_is_brown_not_blue() -> None:
    (sample,) = read_photographs(("coffee",))
    red, _, blue = sample.rgb.reshape(-1, 3).mean(axis=0)
    assert red > blue + 20


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="lena"):
        next(read_photographs(("lena",)))


def test_a_missing_library_or_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(photographs, "find_spec", lambda _: None)
    with pytest.raises(BagError, match="pip install scikit-image"):
        next(read_photographs())
    empty = ModuleSpec("skimage", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(photographs, "find_spec", lambda _: empty)
    with pytest.raises(BagError, match="coffee"):
        next(read_photographs())
