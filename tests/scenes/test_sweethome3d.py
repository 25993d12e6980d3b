import zipfile
from pathlib import Path

import numpy as np
import pytest

from vb_perception.errors import ConfigError
from vb_perception.scenes.library import LibraryModel, classified, read_class_table
from vb_perception.scenes.sweethome3d import (
    COARSE_TRIANGLES,
    INSTALL,
    LEFT_OUT_CATEGORIES,
    SOURCE,
    ImageShelf,
    read_catalogue,
    read_models,
)

pytest.importorskip("trimesh", reason="furniture needs trimesh: pip install trimesh")
packaged = pytest.mark.skipif(not any(SOURCE.glob("*.sh3f")), reason=f"needs Debian's furniture libraries: {INSTALL}")


def box(model: LibraryModel) -> np.ndarray:
    points = np.concatenate([p.mesh.positions for p in model.parts])
    return np.array((points.min(axis=0), points.max(axis=0)))


def test_models_are_metric_and_face_us(libraries: Path) -> None:
    images = ImageShelf(16)
    models = {m.name: m for m in read_models(libraries, images)}
    assert set(models) == {"seat", "turned", "frame", "stool"}  # no vehicle, nothing that the table leaves out
    seat = models["seat"]
    assert (seat.class_name, seat.place, seat.fold) == ("chair", "floor", "train")
    assert np.allclose(box(seat), ((-0.25, -0.2, 0), (0.25, 0.2, 0.9)), atol=1e-6)
    back, frame = seat.parts
    assert np.allclose(back.mesh.positions[:, 1], 0.2)  # their -z, the back of a chair, is our +y
    assert np.allclose(np.abs(back.mesh.normals), (0, 1, 0), atol=1e-3)
    assert frame.image is None
    assert np.allclose(frame.colour, (0.5, 0.25, 0.125), atol=0.01)
    assert np.allclose(np.abs(box(models["turned"])), ((0.25, 0.2, 0), (0.25, 0.2, 0.9)), atol=1e-6)
    assert np.allclose(np.abs(models["turned"].parts[0].mesh.positions[:, 0]), 0.25)  # a quarter turn: now at a side
    assert models["frame"].title == "Frame Hôi An"
    assert (models["frame"].elevation_m, models["frame"].top_m) == (1.2, None)
    assert models["stool"].fold == "held_out"


def test_images_lie_upright_and_are_kept_once(libraries: Path) -> None:
    images = ImageShelf(16)
    models = {m.name: m for m in read_models(libraries, images)}
    assert len(images.layers) == 2
    back = models["seat"].parts[0]
    assert back.image == models["turned"].parts[0].image
    assert back.mesh.uv is not None
    layer = images.layers[back.image or 0]
    top = back.mesh.uv[np.argmax(back.mesh.positions[:, 2])]
    assert top[1] == pytest.approx(0, abs=1e-6)
    assert layer[0, 0].tolist() == [255, 0, 0]
    assert layer[-1, 0].tolist() == [0, 0, 0]


def test_what_is_missing_is_named(tmp_path: Path, libraries: Path) -> None:
    with pytest.raises(ConfigError, match=INSTALL):
        list(read_models(tmp_path / "nowhere", ImageShelf()))
    whole = (libraries / "Scopia.sh3f").read_bytes()
    (libraries / "Scopia.sh3f").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match=r"Scopia\.sh3f cannot be read"):
        list(read_models(libraries, ImageShelf()))


@packaged
def test_the_class_table_knows_every_model_of_the_package() -> None:
    table = read_class_table()
    used = set()
    for library in sorted(SOURCE.glob("*.sh3f")):
        with zipfile.ZipFile(library) as archive:
            for entry in read_catalogue(archive, library.stem):
                if entry.category not in LEFT_OUT_CATEGORIES:
                    bare = LibraryModel(entry.library, entry.name, entry.title, entry.category, entry.size_m, ())
                    classified(bare, table)
                    used |= {entry.title, f"{entry.library}/{entry.name}"}
    assert set(table) <= used, "rows for models that are not there"


@packaged
def test_real_models_have_the_catalogues_size(tmp_path: Path) -> None:
    (tmp_path / "KatorLegaz.sh3f").symlink_to(SOURCE / "KatorLegaz.sh3f")
    models = list(read_models(tmp_path, ImageShelf()))
    assert len(models) > 50
    for model in models:
        width, depth, height = model.size_m
        expected = ((-width / 2, -depth / 2, 0), (width / 2, depth / 2, height))
        assert np.allclose(box(model), expected, atol=0.01), model.name
        assert sum(len(p.mesh.triangles) for p in model.parts) <= 12_000
        for part in model.parts:
            assert np.allclose(np.linalg.norm(part.mesh.normals, axis=1), 1, atol=2e-3), model.name
    assert COARSE_TRIANGLES < 12_000
