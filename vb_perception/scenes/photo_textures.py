"""Photographed surfaces that installed packages carry: wood, stone, plaster, cloth, tiles, cardboard."""

import csv
import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Literal, cast, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError

Use = Literal["floor", "wall", "ceiling", "wood", "stone", "cloth", "metal", "card", "print", "ground"]
"""What a surface may be; `ground` is out of doors."""

TABLE = Path(__file__).with_name("photo_textures.csv")
SWEETHOME3D_JAR = Path("/usr/share/sweethome3d/sweethome3d.jar")
INSTALL = "install them with `apt-get install sweethome3d` and `pip install --no-deps -r requirements/photos.txt`"
HELD_OUT_SHARE = 0.25
_FOLDERS = {"miniworld": "miniworld/textures/", "robosuite": "robosuite/models/assets/textures/"}
_JAR_FOLDER = "com/eteks/sweethome3d/io/resources/textures/"


@dataclass(frozen=True, slots=True)
class PhotoTexture:
    """A photograph of a surface, which is `width_m` metres wide in reality (or nearly so) and may be repeated."""

    name: str
    uses: frozenset[Use]
    width_m: float


def read_table(path: Path = TABLE) -> Mapping[str, PhotoTexture]:
    """The textures that are used, by name (package/file).

    Raises:
        ConfigError: A use that does not exist.
    """
    out = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            uses = row["uses"].split()
            if unknown := set(uses) - set(get_args(Use)):
                known_uses = ", ".join(get_args(Use))
                msg = f"{path.name}: {row['name']} is for {', '.join(sorted(unknown))}; expected {known_uses}"
                raise ConfigError(msg)
            out[row["name"]] = PhotoTexture(row["name"], cast("frozenset[Use]", frozenset(uses)), float(row["width_m"]))
    return out


def is_held_out(name: str) -> bool:
    """Whether a texture is kept for evaluation: about a quarter, told by the name alone, the same for ever."""
    return hashlib.sha256(name.encode()).digest()[0] < HELD_OUT_SHARE * 256


def photo_textures(size_px: int, jar: Path = SWEETHOME3D_JAR) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """All textures of the table whose package is installed, sorted by name.

    Returns:
        Images (N, size_px, size_px, 3) uint8 sRGB and their names, keys of `read_table`.

    Raises:
        ConfigError: None of the packages is installed, or one of them lacks a texture of the table.
    """
    found: dict[str, bytes] = {}
    for package in _FOLDERS:
        found.update(_from_distribution(package))
    if jar.is_file():
        found.update(_from_jar(jar))
    if not found:
        msg = f"no package with photo textures is installed; {INSTALL}"
        raise ConfigError(msg)
    packages = {name.partition("/")[0] for name in found}
    wanted = sorted(name for name in read_table() if name.partition("/")[0] in packages)
    if missing := [name for name in wanted if name not in found]:
        msg = f"{', '.join(missing)} of {TABLE.name} not found in the installed packages; install the pinned versions"
        raise ConfigError(msg)
    return np.stack([_square(found[name], name, size_px) for name in wanted]), tuple(wanted)


def _from_distribution(package: str) -> Iterator[tuple[str, bytes]]:
    """Pictures in an installed wheel, which is not imported (its own needs may be absent)."""
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        return
    for path in listed:
        if str(path.parent) + "/" == _FOLDERS[package]:
            yield f"{package}/{path.stem}", Path(str(path.locate())).read_bytes()


def _from_jar(jar: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(jar) as archive:
        for name in archive.namelist():
            if name.startswith(_JAR_FOLDER) and name.endswith(".jpg"):
                yield f"sweethome3d/{Path(name).stem}", archive.read(name)


def _square(encoded: bytes, name: str, size_px: int) -> NDArray[np.uint8]:
    """Decoded, repeated along its short side as often as fits, and resized."""
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        msg = f"the picture {name} cannot be decoded; install its package anew"
        raise ConfigError(msg)
    height, width = picture.shape[:2]
    picture = np.tile(picture, (max(1, round(width / height)), max(1, round(height / width)), 1))
    small = cv2.resize(picture, (size_px, size_px), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[..., ::-1], np.uint8)


def known(names: Sequence[str]) -> tuple[PhotoTexture, ...]:
    """The table's rows of these names; ConfigError for a name that it lacks."""
    table = read_table()
    if missing := [n for n in names if n not in table]:
        msg = f"{TABLE.name} lacks {', '.join(missing)}; make the cache of assets anew"
        raise ConfigError(msg)
    return tuple(table[n] for n in names)
