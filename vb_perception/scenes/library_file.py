"""The cache of furniture: one npz with 16-bit positions, packed normals and an index in JSON."""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError
from vb_perception.scenes.library import LibraryModel, LibraryPart, classified, read_class_table
from vb_perception.scenes.scene import Mesh

FORMAT = 1
_STEPS = 65535
_ARRAYS = ("positions", "normals", "uv", "triangles", "images")


def write(path: Path, models: Sequence[LibraryModel], images: NDArray[np.uint8]) -> None:
    """Write the models and the images (L, S, S, 3) that they refer to; the file appears whole or not at all.

    Positions are fractions of the model's size, uv fractions of their range in a part, normals octahedral.
    """
    positions, normals, uv, triangles, rows = [], [], [], [], []
    for model in models:
        size = np.asarray(model.size_m)
        parts = []
        for part in model.parts:
            mesh = part.mesh
            low, span = _range(mesh.uv)
            positions.append(np.rint((mesh.positions / size + (0.5, 0.5, 0)) * _STEPS).clip(0, _STEPS))
            normals.append(np.rint(_octahedral(mesh.normals) * 127))
            uv.append(
                np.zeros((len(mesh.positions), 2)) if mesh.uv is None else np.rint((mesh.uv - low) / span * _STEPS)
            )
            triangles.append(mesh.triangles)
            parts.append(
                {
                    "vertices": len(mesh.positions),
                    "triangles": len(mesh.triangles),
                    "colour": part.colour,
                    "shine": part.shine,
                    "image": part.image,
                    "uv": None if mesh.uv is None else (*low.tolist(), *span.tolist()),
                }
            )
        told = ("library", "name", "title", "category", "size_m", "elevation_m", "top_m", "top_share")
        rows.append({**{key: getattr(model, key) for key in told}, "parts": parts})
    arrays: dict[str, NDArray[Any]] = {
        "positions": _joined(positions, 3, np.uint16),
        "normals": _joined(normals, 2, np.int8),
        "uv": _joined(uv, 2, np.uint16),
        "triangles": _joined(triangles, 3, np.uint16),
        "images": images,
    }
    index = {"format": FORMAT, "digest": _digest(arrays), "models": rows}
    text = np.frombuffer(json.dumps(index).encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, index=text, **arrays)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read(path: Path) -> tuple[list[LibraryModel], NDArray[np.uint8]]:
    """The models, classified by the table as it is now, and their images.

    Raises:
        ConfigError: The file is damaged, was written by another version, or the class table lacks a model of it.
    """
    again = f"make it anew with `vb-perception assets --out {path.parent}`"
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            index = json.loads(file["index"].tobytes())
            if index["format"] != FORMAT:
                msg = f"{path} has format {index['format']}, this version reads {FORMAT}; {again}"
                raise ConfigError(msg)
            arrays = {name: file[name] for name in _ARRAYS}
        if index["digest"] != _digest(arrays):
            msg = f"{path} is damaged: its arrays are not those that its index was written for; {again}"
            raise ConfigError(msg)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        msg = f"{path} is damaged ({error}); {again}"
        raise ConfigError(msg) from error
    return _models(index["models"], arrays), arrays["images"]


def _models(rows: list[dict[str, Any]], arrays: dict[str, NDArray[Any]]) -> list[LibraryModel]:
    table = read_class_table()
    out = []
    vertex = triangle = 0
    for row in rows:
        size = np.asarray(row["size_m"], np.float32)
        parts = []
        for told in row["parts"]:
            vertices, triangles = (
                slice(vertex, vertex + told["vertices"]),
                slice(triangle, triangle + told["triangles"]),
            )
            vertex, triangle = vertices.stop, triangles.stop
            uv = None
            if told["uv"] is not None:
                low, span = np.asarray(told["uv"], np.float32).reshape(2, 2)
                uv = arrays["uv"][vertices].astype(np.float32) / np.float32(_STEPS) * span + low
            positions = arrays["positions"][vertices].astype(np.float32) / np.float32(_STEPS)
            mesh = Mesh(
                (positions - np.array((0.5, 0.5, 0), np.float32)) * size,
                _unit(arrays["normals"][vertices]),
                arrays["triangles"][triangles].astype(np.int32),
                uv,
                levels={},
            )
            parts.append(LibraryPart(mesh, tuple(told["colour"]), told["shine"], told["image"]))
        model = classified(
            LibraryModel(
                row["library"],
                row["name"],
                row["title"],
                row["category"],
                tuple(row["size_m"]),
                tuple(parts),
                elevation_m=row["elevation_m"],
                top_m=row["top_m"],
                top_share=row["top_share"],
            ),
            table,
        )
        if model is not None:
            out.append(model)
    return out


def _range(uv: NDArray[np.float32] | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest u and v and how far they reach, each (2,)."""
    if uv is None:
        return np.zeros(2), np.ones(2)
    low = uv.min(axis=0).astype(np.float64)
    return low, np.maximum(uv.max(axis=0) - low, 1e-6)


def _octahedral(normals: NDArray[np.float32]) -> NDArray[np.float64]:
    """Unit vectors (V, 3) -> (V, 2) in -1..1 (Cigolle et al. 2014, "Efficient Representations for Unit Vectors")."""
    n = normals / np.maximum(np.abs(normals).sum(axis=1, keepdims=True), 1e-9)
    below = n[:, 2] < 0
    n[below, :2] = (1 - np.abs(n[below, 1::-1])) * np.where(n[below, :2] >= 0, 1.0, -1.0)
    return np.asarray(n[:, :2], np.float64)


def _unit(packed: NDArray[np.int8]) -> NDArray[np.float32]:
    """The inverse of `_octahedral` times 127."""
    xy = packed.astype(np.float32) / np.float32(127)
    z = 1 - np.abs(xy).sum(axis=1)
    fold = np.maximum(-z, 0)[:, None]
    xy = xy - np.where(xy >= 0, fold, -fold)
    out = np.column_stack((xy, z)).astype(np.float32)
    return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True), np.float32)


def _joined(pieces: list[NDArray[Any]], width: int, dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(pieces).astype(dtype) if pieces else np.zeros((0, width), dtype)


def _digest(arrays: dict[str, NDArray[Any]]) -> str:
    seen = hashlib.sha256()
    for name in _ARRAYS:
        seen.update(f"{name} {arrays[name].shape} {arrays[name].dtype}".encode())
        seen.update(np.ascontiguousarray(arrays[name]).tobytes())
    return seen.hexdigest()
