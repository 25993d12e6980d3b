import json
from pathlib import Path

import numpy as np
import pytest

from vb_perception import cli
from vb_perception.errors import ConfigError
from vb_perception.scenes import assets, library_file
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.library import LibraryModel
from vb_perception.scenes.photo_cache import PHOTOS
from vb_perception.scenes.sweethome3d import ImageShelf, read_models

pytest.importorskip("trimesh", reason="furniture needs trimesh: pip install trimesh")


@pytest.fixture
def cache(libraries: Path) -> Path:
    """A cache as `pack` leaves it, but without photographs."""
    images = ImageShelf()
    models = list(read_models(libraries, images))
    folder = libraries.parent / "cache"
    library_file.write(folder / assets.FURNITURE, models, np.stack(images.layers))
    nothing = np.zeros((0, 4, 8, 3), np.uint8)
    np.savez_compressed(
        folder / PHOTOS,
        images=np.zeros((0, 128, 128, 3), np.uint8),
        names=np.array([], np.str_),
        panoramas=nothing,
        panorama_names=np.array([], np.str_),
    )
    return folder


def test_folds_share_neither_models_nor_images(cache: Path) -> None:
    train, held_out = (SceneAssets.read(cache, fold) for fold in ("train", "held_out"))
    assert {m.name for m in train.models} == {"seat", "turned", "frame"}
    assert {m.name for m in held_out.models} == {"stool"}
    assert len(train.images) == len(held_out.images) == 1
    assert not np.array_equal(train.images, held_out.images)
    for one in (train, held_out):
        assert {p.image for m in one.models for p in m.parts} == {0, None}


def test_a_model_comes_back_as_it_was_packed(libraries: Path, cache: Path) -> None:
    for before, after in zip(read_models(libraries, ImageShelf()), _models(cache), strict=True):
        assert (before.name, before.class_name, before.size_m) == (after.name, after.class_name, after.size_m)
        assert (before.elevation_m, before.top_m, before.top_share) == (after.elevation_m, after.top_m, after.top_share)
        for one, other in zip(before.parts, after.parts, strict=True):
            assert np.abs(one.mesh.positions - other.mesh.positions).max() < 1e-4
            assert (one.mesh.normals * other.mesh.normals).sum(axis=1).min() > np.cos(np.radians(1.2))
            assert np.array_equal(one.mesh.triangles, other.mesh.triangles)
            if one.mesh.uv is not None and other.mesh.uv is not None:
                assert np.abs(one.mesh.uv - other.mesh.uv).max() < 1e-3
            assert one.colour == pytest.approx(other.colour)


def test_packing_is_deterministic(libraries: Path, cache: Path, tmp_path: Path) -> None:
    images = ImageShelf()
    library_file.write(tmp_path / "again.npz", list(read_models(libraries, images)), np.stack(images.layers))
    with np.load(cache / assets.FURNITURE) as first, np.load(tmp_path / "again.npz") as again:
        assert set(first) == set(again)
        assert all(np.array_equal(first[name], again[name]) for name in first)


def test_a_missing_a_damaged_and_an_old_cache_are_told(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing; make it with `vb-perception assets --out"):
        SceneAssets.read(tmp_path / "nowhere", "train")
    path = cache / assets.FURNITURE
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], b"", _flipped(whole)):
        path.write_bytes(broken)
        with pytest.raises(ConfigError, match="damaged"):
            SceneAssets.read(cache, "train")
    path.write_bytes(whole)
    with np.load(path) as file:
        arrays = dict(file)
    index = json.loads(arrays["index"].tobytes())
    for key, value, said in (("format", 0, "format 0"), ("digest", "x", "damaged")):
        arrays["index"] = np.frombuffer(json.dumps(index | {key: value}).encode(), np.uint8)
        np.savez_compressed(path, **arrays)
        with pytest.raises(ConfigError, match=said):
            SceneAssets.read(cache, "train")


def test_a_failed_write_leaves_the_old_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cache / assets.FURNITURE
    whole = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        message = "no space left on device"
        raise OSError(message)

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="no space"):
        library_file.write(path, [], np.zeros((0, 4, 4, 3), np.uint8))
    assert path.read_bytes() == whole
    assert sorted(p.name for p in cache.iterdir()) == sorted([assets.FURNITURE, PHOTOS])


def test_the_command_names_the_missing_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["assets", "--out", str(tmp_path), "--source", str(tmp_path / "none")]) == 1
    assert "apt-get install sweethome3d-furniture" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_bodies_keep_their_class_and_repeat(cache: Path) -> None:
    seat = next(m for m in _models(cache) if m.name == "seat")
    one, again = (seat.body(np.random.default_rng(4)) for _ in range(2))
    assert one.class_name == "chair"
    assert (2 * one.half_x_m, 2 * one.half_y_m, one.height_m) == pytest.approx(seat.size_m)
    assert [p.material for p in one.parts] == [p.material for p in again.parts]
    looks = {tuple(p.material.colours[0] for p in seat.body(np.random.default_rng(s)).parts) for s in range(30)}
    assert 3 < len(looks) < 20  # now and then dyed, mostly as it was made


def _models(cache: Path) -> list[LibraryModel]:
    return library_file.read(cache / assets.FURNITURE)[0]


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes((data[middle] ^ 255,)) + data[middle + 1 :]
