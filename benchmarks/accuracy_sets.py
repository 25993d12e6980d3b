"""The frames that accuracy is measured on; none of them is ever trained on."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes.assets import SceneAssets
from vb_perception.scenes.mujoco_scenes import read_mujoco
from vb_perception.scenes.sample import Sample
from vb_perception.scenes.stream import scene_stream

WIDTH, HEIGHT = 256, 192
HELD_OUT_SEED, HELD_OUT_FRAMES = 990_017, 120  # ten times the stream's mixture of scenes
LEARNT_SEED, LEARNT_FRAMES = 990_029, 84
"""Renders of the fold that is learnt from: what one knows of scenes without looking at the image."""
MUJOCO_SEED, MUJOCO_FRAMES = 7, 40
CROP_SHARE, CROP_SEED = 0.6, 11
CROP_PLACES = ("centre", "elsewhere")
_FIELDS = ("rgb", "depth_m", "normals", "class_ids", "instance_ids")


def held_out_renders(assets: Path) -> list[Sample]:
    """Own renders of the furniture, textures and panoramas that training does not use.

    Raises:
        ConfigError: `assets` is no cache of furniture and photographs; renders without them would be another set.
        EngineUnavailableError: As `scene_stream`.
    """
    kept = SceneAssets.read(assets, "held_out")
    return list(islice(scene_stream(HELD_OUT_SEED, WIDTH, HEIGHT, fold="held_out", assets=kept), HELD_OUT_FRAMES))


def learnt_renders(assets: Path) -> list[Sample]:
    """Own renders of what training does use, of a seed of their own: for the no-image baselines.  Raises the same."""
    kept = SceneAssets.read(assets, "train")
    return list(islice(scene_stream(LEARNT_SEED, WIDTH, HEIGHT, assets=kept), LEARNT_FRAMES))


def held_out_assets(assets: Path) -> str:
    """How much the held-out renders are made of: it depends on the packages that were installed when it was packed."""
    kept = SceneAssets.read(assets, "held_out")
    return f"{len(kept.models)} models, {len(kept.photo_layers)} photographed surfaces, {len(kept.panoramas)} panoramas"


def mujoco_frames(cache: Path) -> list[Sample]:
    """The simulator's frames, drawn once and kept in `cache` under a name that holds all they depend on.

    Raises:
        EngineUnavailableError: As `read_mujoco`.
        BagError: As `read_mujoco`.
    """
    recipe = [MUJOCO_FRAMES, MUJOCO_SEED, WIDTH, HEIGHT, *(_version(name) for name in ("mujoco", "envpool-assets"))]
    readers = [Path(read_mujoco.__code__.co_filename).with_name(f"mujoco_{part}.py") for part in ("scenes", "views")]
    digest = hashlib.sha256(json.dumps(recipe).encode() + b"".join(path.read_bytes() for path in readers))
    kept = cache / f"mujoco_{digest.hexdigest()[:12]}.npz"
    if not kept.exists():
        store(kept, list(read_mujoco(MUJOCO_FRAMES, MUJOCO_SEED, WIDTH, HEIGHT)))
    return list(stored(kept))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def store(path: Path, samples: Iterable[Sample]) -> None:
    """Samples of one size as one compressed file, which is there whole or not at all."""
    samples = list(samples)
    path.parent.mkdir(parents=True, exist_ok=True)
    cameras = [(c.fx, c.fy, c.cx, c.cy) for c in (sample.intrinsics for sample in samples)]
    unfinished = path.with_name(f"{path.stem}.{os.getpid()}.npz")
    try:
        arrays = {field: np.stack([getattr(sample, field) for sample in samples]) for field in _FIELDS}
        arrays["names"] = np.array([sample.name for sample in samples])
        arrays["class_names"] = np.array(samples[0].class_names)
        arrays["cameras"] = np.array(cameras)
        np.savez_compressed(unfinished, **arrays)  # type: ignore[arg-type]  # none is named allow_pickle
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def stored(path: Path) -> Iterator[Sample]:
    """What `store` wrote."""
    with np.load(path) as file:
        kept = {name: file[name] for name in file.files}
    class_names = tuple(str(name) for name in kept["class_names"])
    height, width = kept["depth_m"].shape[1:]
    for i, name in enumerate(kept["names"]):
        yield Sample(
            str(name),
            kept["rgb"][i],
            CameraIntrinsics(width, height, *map(float, kept["cameras"][i])),
            kept["depth_m"][i],
            kept["normals"][i],
            kept["class_ids"][i],
            kept["instance_ids"][i],
            class_names,
        )


def crop_corners(samples: Iterable[Sample]) -> Iterator[tuple[Sample, dict[str, tuple[int, int]]]]:
    """Each frame with the left and top, px, of its crop in the "centre" and of one "elsewhere", the same every time."""
    rng = np.random.default_rng(CROP_SEED)
    for sample in samples:
        height, width = sample.depth_m.shape
        free_x, free_y = width - round(CROP_SHARE * width), height - round(CROP_SHARE * height)
        elsewhere = int(rng.integers(0, free_x + 1)), int(rng.integers(0, free_y + 1))
        yield sample, dict(zip(CROP_PLACES, ((free_x // 2, free_y // 2), elsewhere), strict=True))


def zoomed(sample: Sample, left: int, top: int) -> Sample:
    """The crop of `CROP_SHARE` of each side at (left, top), resized to the sample's size; truth by the nearest pixel.

    This is what a camera of longer focal length sees, so the intrinsics change and the depth does not.
    """
    height, width = sample.depth_m.shape
    columns, rows = round(CROP_SHARE * width), round(CROP_SHARE * height)
    window = np.s_[top : top + rows, left : left + columns]
    x = np.minimum(((np.arange(width) + 0.5) * columns / width).astype(int), columns - 1)
    y = np.minimum(((np.arange(height) + 0.5) * rows / height).astype(int), rows - 1)
    nearest = np.s_[y[:, None], x[None, :]]
    enlarged = cv2.resize(sample.rgb[window], (width, height), interpolation=cv2.INTER_CUBIC)
    return replace(
        sample,
        name=f"{sample.name}@{left},{top}",
        rgb=np.asarray(enlarged, np.uint8),
        intrinsics=sample.intrinsics.cropped(left, top, columns, rows).resized(width, height),
        **{field: getattr(sample, field)[window][nearest] for field in _FIELDS[1:]},
    )
