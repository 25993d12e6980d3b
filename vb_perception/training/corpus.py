"""Rendered samples on disk: one memory-mapped array a field, written once, read at random."""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from vb_perception.camera import CameraIntrinsics
from vb_perception.errors import ConfigError
from vb_perception.scenes.sample import Sample

INDEX = "index.json"
ARRAYS = ("rgb", "depth", "normals", "classes", "instances")
NORMAL_STEPS = 127.0
ENDLESS_M = float(np.finfo(np.float16).max)
"""From here on there is nothing, as in the sky: infinity.  Older corpora hold this number in its place."""


def write_corpus(samples: Iterator[Sample], count: int, directory: Path) -> None:
    """Write `count` samples of one size; the index comes last, so that an interrupted corpus is seen as such.

    Depth is stored as float16 (relative error 5e-4), normals in steps of 1/127, ids as int16.

    Raises:
        ConfigError: no sample is wanted, or the disk has no room for all of them.
    """
    if count < 1:
        msg = f"a corpus of {count} frames: expected at least 1"
        raise ConfigError(msg)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / INDEX).unlink(missing_ok=True)
    cameras, names = [], []
    arrays: dict[str, np.memmap[Any, Any]] = {}
    for i in range(count):
        sample = next(samples)
        if not arrays:
            height, width = sample.depth_m.shape
            layout = {
                "rgb": ((height, width, 3), np.uint8),
                "depth": ((height, width), np.float16),
                "normals": ((height, width, 3), np.int8),
                "classes": ((height, width), np.int16),
                "instances": ((height, width), np.int16),
            }
            arrays = {k: _allocated(directory, k, (count, *shape), dtype) for k, (shape, dtype) in layout.items()}
        arrays["rgb"][i] = sample.rgb
        arrays["depth"][i] = np.where(sample.depth_m >= ENDLESS_M, np.inf, sample.depth_m)
        arrays["normals"][i] = np.round(np.nan_to_num(sample.normals) * NORMAL_STEPS)
        arrays["classes"][i] = sample.class_ids
        arrays["instances"][i] = sample.instance_ids
        camera = sample.intrinsics
        cameras.append((camera.fx, camera.fy, camera.cx, camera.cy))
        names.append(sample.name)
    for array in arrays.values():
        array.flush()
    index = {"class_names": sample.class_names, "cameras": cameras, "names": names}
    (directory / INDEX).write_text(json.dumps(index), encoding="utf-8")


def _allocated(directory: Path, name: str, shape: tuple[int, ...], dtype: type) -> np.memmap[Any, Any]:
    """An array on disk that has its room already: what a mapped page finds no room for kills the process."""
    path = directory / f"{name}.npy"
    try:
        array = open_memmap(path, "w+", dtype=dtype, shape=shape)
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        for begun in ARRAYS:
            (directory / f"{begun}.npy").unlink(missing_ok=True)
        msg = f"no room for {name}{list(shape)} in {directory}: {error}; make room on the disk or take fewer frames"
        raise ConfigError(msg) from error
    return array


class Corpus:
    """Random access to what `write_corpus` wrote."""

    def __init__(self, directory: Path) -> None:
        """Map the arrays; ConfigError if the corpus is absent, unfinished or damaged."""
        self._directory = directory
        try:
            index = json.loads((directory / INDEX).read_text(encoding="utf-8"))
            self._cameras, self._names = index["cameras"], index["names"]
            self._class_names = tuple(index["class_names"])
            self._arrays = self._mapped()
        except (OSError, ValueError, EOFError, TypeError, KeyError) as error:
            told = f"{type(error).__name__} {error}"
            msg = f"no finished corpus in {directory}: {told}; make one with `vb-perception corpus {directory}`"
            raise ConfigError(msg) from error
        short = [k for k, array in self._arrays.items() if len(array) != len(self._names)]
        if short:
            told = ", ".join(f"{k}.npy has {len(self._arrays[k])}" for k in short)
            msg = f"corpus {directory} of {len(self._names)} frames: {told}; copy it again, whole, or make a new one"
            raise ConfigError(msg)

    def _mapped(self) -> dict[str, NDArray[Any]]:
        return {k: np.load(self._directory / f"{k}.npy", mmap_mode="r") for k in ARRAYS}

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the arrays, which another process maps for itself."""
        return {k: v for k, v in self.__dict__.items() if k != "_arrays"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map them."""
        self.__dict__.update(state)
        self._arrays = self._mapped()

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._names)

    def first(self, count: int) -> "Corpus":
        """The first `count` samples as a corpus of their own."""
        part = copy.copy(self)
        part._names = self._names[:count]  # noqa: SLF001 (its own)
        return part

    def __getitem__(self, i: int) -> Sample:
        """Sample `i`, its normals unit again and NaN where they were unknown."""
        arrays = self._arrays
        normals = np.asarray(arrays["normals"][i], np.float32)
        length = np.linalg.norm(normals, axis=-1, keepdims=True)
        height, width = normals.shape[:2]
        with np.errstate(invalid="ignore"):
            normals = normals / length
        depth_m = np.asarray(arrays["depth"][i], np.float32)
        return Sample(
            self._names[i],
            np.asarray(arrays["rgb"][i]),
            CameraIntrinsics(width, height, *self._cameras[i]),
            np.where(depth_m >= ENDLESS_M, np.float32(np.inf), depth_m),
            normals,
            np.asarray(arrays["classes"][i]),
            np.asarray(arrays["instances"][i]),
            self._class_names,
        )
