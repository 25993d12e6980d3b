"""Debian's package sweethome3d-furniture -> models in metres with their images.

Each library is a zip file with PluginFurnitureCatalog.properties (name, category and size in cm of every model) and the
models as OBJ with MTL and images: y up, front towards +z, in any unit.  See CREDITS.md for authors and licences.
"""

import logging
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.scenes import coarsening
from vb_perception.scenes.library import LibraryModel, LibraryPart, classified, read_class_table
from vb_perception.scenes.obj_file import ObjPart, read_obj
from vb_perception.scenes.obj_meshes import box_around, coarsened, mesh_of

SOURCE = Path("/usr/share/sweethome3d/furniture")
INSTALL = "apt-get install sweethome3d-furniture"
CATALOGUE = "PluginFurnitureCatalog.properties"
IMAGE_SIZE_PX = 128
LEFT_OUT_CATEGORIES = ("Exterior", "Vehicles", "Characters", "Staircases")
MOST_TRIANGLES, MOST_BYTES = 60_000, 3_000_000
COARSE_ABOVE, COARSE_TRIANGLES = 12_000, 8_000  # what has more triangles than the first gets at most the second
MOST_CUT_OUT_SHARE = 0.2  # of a model's triangles on images that are mostly holes (leaves), which are not drawn
_SAME_SHARE = 0.02
_LEVEL_M = 0.006

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One model of a library as its catalogue describes it; sizes in metres."""

    library: str
    name: str
    title: str
    category: str
    path: str
    size_m: tuple[float, float, float]
    elevation_m: float | None
    top_m: float | None
    turn: tuple[float, ...] | None


class ImageShelf:
    """Collects square images without repeating one; a layer's number is its place in `layers`."""

    def __init__(self, size_px: int = IMAGE_SIZE_PX) -> None:
        self.size_px = size_px
        self.layers: list[NDArray[np.uint8]] = []
        self._numbers: dict[bytes, int] = {}

    def add(self, rgb: NDArray[np.uint8]) -> int:
        """The layer of an image (H, W, 3), which is resized."""
        shape = (self.size_px, self.size_px)
        shrinks = rgb.shape[0] > self.size_px or rgb.shape[1] > self.size_px
        image = np.asarray(cv2.resize(rgb, shape, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))
        key = image.tobytes()
        if key not in self._numbers:
            self._numbers[key] = len(self.layers)
            self.layers.append(image.astype(np.uint8))
        return self._numbers[key]


def read_models(source: Path, images: ImageShelf) -> Iterator[LibraryModel]:
    """Every usable model of every library in a folder, classified; its images are added to `images`.

    Raises:
        ConfigError: The package or trimesh is missing, a library is damaged, or the class table lacks a model.
    """
    libraries = sorted(source.glob("*.sh3f"))
    if not libraries:
        msg = f"{source} holds no furniture libraries (*.sh3f); install them with `{INSTALL}`"
        raise ConfigError(msg)
    table = read_class_table()
    for library in libraries:
        yield from _read_library(library, images, table)


def _read_library(library: Path, images: ImageShelf, table: Mapping[str, tuple[str, str]]) -> Iterator[LibraryModel]:
    try:
        with zipfile.ZipFile(library) as archive:
            models = (_model(archive, entry, images, table) for entry in read_catalogue(archive, library.stem))
            yield from (m for m in models if m is not None)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        msg = f"{library} cannot be read ({error}); install it anew with `{INSTALL} --reinstall`"
        raise ConfigError(msg) from error


def read_catalogue(archive: zipfile.ZipFile, library: str) -> Iterator[CatalogueEntry]:
    """The entries of a library's catalogue (a Java properties file: Latin-1 with escapes of four hex digits)."""
    rows: dict[int, dict[str, str]] = {}
    for line in archive.read(CATALOGUE).decode("latin-1").splitlines():
        match = re.fullmatch(r"(\w+)#(\d+)\s*=\s*(.*?)\s*", line)
        if match:
            text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), match[3])
            rows.setdefault(int(match[2]), {})[match[1]] = text
    for row in rows.values():
        top_cm = float(row.get("dropOnTopElevation", row["height"]))
        yield CatalogueEntry(
            library=library,
            name=row["id"].rsplit("#", 1)[-1],
            title=row["name"],
            category=row["category"],
            path=row["model"].lstrip("/"),
            size_m=(float(row["width"]) / 100, float(row["depth"]) / 100, float(row["height"]) / 100),
            elevation_m=float(row["elevation"]) / 100 if "elevation" in row else None,
            top_m=top_cm / 100 if top_cm > 0 else None,
            turn=tuple(float(v) for v in row["modelRotation"].split()) if "modelRotation" in row else None,
        )


def _model(
    archive: zipfile.ZipFile, entry: CatalogueEntry, images: ImageShelf, table: Mapping[str, tuple[str, str]]
) -> LibraryModel | None:
    """The model of an entry, None where it is not used."""
    if entry.category in LEFT_OUT_CATEGORIES:
        return None
    bare = LibraryModel(
        entry.library,
        entry.name,
        entry.title,
        entry.category,
        entry.size_m,
        (),
        elevation_m=entry.elevation_m,
        top_m=entry.top_m,
    )
    model = classified(bare, table)
    if model is None:
        return None
    folder = str(PurePosixPath(entry.path).parent) + "/"
    files = {n: archive.read(n) for n in archive.namelist() if n.startswith(folder) and not n.endswith("/")}
    if sum(len(f) for f in files.values()) > MOST_BYTES:
        return None
    parts = _drawn(read_obj(files, entry.path))
    if parts is None:
        _log.debug("%s/%s is left out: too many triangles, or too much of it is cut out", entry.library, entry.name)
        return None
    if sum(len(p.triangles) for p in parts) > COARSE_ABOVE:
        parts = coarsened(parts, COARSE_TRIANGLES)
    return _finished(model, _placed(parts, entry), images)


def _drawn(parts: list[ObjPart]) -> list[ObjPart] | None:
    """Those that are not cut out; None where too much is, so that the model would be another one without it."""
    drawn = [p for p in parts if not p.cut_out]
    count, kept = (sum(len(p.triangles) for p in some) for some in (parts, drawn))
    if not 0 < count <= MOST_TRIANGLES or kept < (1 - MOST_CUT_OUT_SHARE) * count:
        return None
    (low, high), (low_kept, high_kept) = box_around(parts), box_around(drawn)
    same = np.abs(np.concatenate((low - low_kept, high - high_kept))) <= _SAME_SHARE * (high - low).max()
    return drawn if same.all() else None


def _placed(parts: list[ObjPart], entry: CatalogueEntry) -> list[ObjPart]:
    """The parts turned, scaled to the catalogue's size and moved into our axes."""
    turn = np.eye(3) if entry.turn is None else np.array(entry.turn).reshape(3, 3)
    ours_from_theirs = np.array(((1.0, 0, 0), (0, 0, -1), (0, 1, 0))) @ turn
    for part in parts:
        part.positions = part.positions @ ours_from_theirs.T
    low, high = box_around(parts)
    scale = np.asarray(entry.size_m) / np.maximum(high - low, 1e-9)
    middle = np.array((*(low + high)[:2] / 2, low[2]))
    for part in parts:
        part.positions = (part.positions - middle) * scale
        if part.normals is not None:
            part.normals = part.normals @ ours_from_theirs.T / scale
    return parts


def _finished(model: LibraryModel, parts: list[ObjPart], images: ImageShelf) -> LibraryModel:
    """The model with its meshes."""
    done = []
    for part in parts:
        mesh = mesh_of(part)
        if len(mesh.triangles):
            image = None if part.image is None else images.add(part.image)
            done.append(LibraryPart(mesh, part.colour, part.shine, image))
    share = 0.0 if model.top_m is None else _level_share(done, model.top_m, model.size_m)
    return LibraryModel(
        model.library,
        model.name,
        model.title,
        model.category,
        model.size_m,
        tuple(done),
        model.class_name,
        model.place,
        model.elevation_m,
        model.top_m,
        share,
    )


def _level_share(parts: list[LibraryPart], top_m: float, size_m: tuple[float, float, float]) -> float:
    """How much of the footprint is level at the top: the area of triangles there that lie flat, at most 1."""
    level = 0.0
    for part in parts:
        positions, triangles = part.mesh.positions.astype(np.float64), part.mesh.triangles.astype(np.int64)
        face, area = coarsening.face_normals(positions, triangles)
        there = (np.abs(positions[triangles][:, :, 2] - top_m) < _LEVEL_M).all(axis=1)
        level += float(area[there & (np.abs(face[:, 2]) > 0.98)].sum())  # noqa: PLR2004
    return min(level / (size_m[0] * size_m[1]), 1.0)
