"""Adapter files: what a model that is not ours takes and what its answers mean.

::

    model: depth_anything_v2_metric.onnx     # beside this file
    input:
      width: 518
      height: 518
      resize: stretch                        # stretch (default) or letterbox (aspect kept, grey margins cut off again)
      layout: nchw                           # nchw (default) or nhwc
      channels: rgb                          # rgb (default) or bgr
      scale: 0.00392156862745098             # levels 0 to 255 are multiplied by it [1 / 255], then (x - mean) / std
      mean: [0.485, 0.456, 0.406]
      std: [0.229, 0.224, 0.225]
      name: image                            # left out: the only input
    outputs:
      depth: {name: depth, means: metres}
      normals: {name: normals, means: optical}
      segmentation: {name: logits, means: scores, classes: [background, table, object]}
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

import yaml

from vb_perception.errors import ConfigError

MEANINGS = {
    "depth": ("metres", "millimetres", "inverse_metres", "relative", "relative_inverse"),
    "normals": ("optical", "opengl"),
    "segmentation": ("ids", "scores"),
}
"""For each kind of answer.

Depth: metric, or `relative` (right up to scale and shift) and `relative_inverse` (of 1 / depth, as most networks that
are called Depth Anything or MiDaS): of these only the aligned figures are given.  Normals: x right, y down, z forward,
towards the camera; `opengl`: x right, y up, z towards the viewer.  Segmentation: class ids (H, W), or a score for each
class, (C, H, W) or (H, W, C), the largest wins.
"""


@dataclass(frozen=True, slots=True)
class AdapterInput:
    """How a picture becomes the input; see the module."""

    width: int
    height: int
    resize: str = "stretch"
    layout: str = "nchw"
    channels: str = "rgb"
    scale: float = 1 / 255
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    name: str = ""


@dataclass(frozen=True, slots=True)
class AdapterOutput:
    """Which output answers a task, and what its numbers mean."""

    name: str
    means: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Adapter:
    """A whole adapter file; `model` is a path."""

    model: Path
    input: AdapterInput
    outputs: Mapping[str, AdapterOutput]


def read_adapter(path: Path) -> Adapter:
    """The adapter of a file.

    Raises:
        ConfigError: it cannot be read, lacks something, or has a key or a value that means nothing.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        msg = f"adapter {path}: {' '.join(str(error).split())}; expected YAML as docs/evaluation.md shows"
        raise ConfigError(msg) from error
    top = _mapping(path, "the file", content, ("model", "input", "outputs"), ("model", "input", "outputs"))
    names = tuple(f.name for f in fields(AdapterInput))
    given = _mapping(path, "input", top["input"], names, ("width", "height"))
    for key, allowed in (
        ("resize", ("stretch", "letterbox")),
        ("layout", ("nchw", "nhwc")),
        ("channels", ("rgb", "bgr")),
    ):
        if given.get(key, allowed[0]) not in allowed:
            _refuse(path, f"input.{key} is {given[key]!r}; expected {' or '.join(allowed)}")
    outputs = _mapping(path, "outputs", top["outputs"], tuple(MEANINGS), ())
    if not outputs:
        _refuse(path, f"outputs are empty; expected at least one of {', '.join(MEANINGS)}")
    return Adapter(
        path.parent / str(top["model"]),
        _input(path, given),
        {task: _output(path, task, output) for task, output in outputs.items()},
    )


def _input(path: Path, given: Mapping[str, Any]) -> AdapterInput:
    try:
        numbers = {
            key: (float(given[key][0]), float(given[key][1]), float(given[key][2]))
            for key in ("mean", "std")
            if key in given
        }
        sizes = {key: int(given[key]) for key in ("width", "height")}
        scale = float(given.get("scale", 1 / 255))
    except (TypeError, ValueError, IndexError, KeyError) as error:
        _refuse(path, f"input: {error!r}; expected width, height and scale as numbers, mean and std as three")
    if min(sizes.values()) <= 0 or 0 in numbers.get("std", (1.0,)):
        _refuse(path, f"input: width, height {tuple(sizes.values())} and std must be above zero")
    words = {key: str(given[key]) for key in ("resize", "layout", "channels", "name") if key in given}
    return AdapterInput(**sizes, scale=scale, **numbers, **words)  # type: ignore[arg-type]


def _output(path: Path, task: str, content: object) -> AdapterOutput:
    given = _mapping(path, f"outputs.{task}", content, ("name", "means", "classes"), ("name", "means"))
    if given["means"] not in MEANINGS[task]:
        _refuse(path, f"outputs.{task}.means is {given['means']!r}; expected one of {', '.join(MEANINGS[task])}")
    classes = tuple(map(str, given.get("classes", ())))
    if task == "segmentation" and not classes:
        _refuse(path, f"outputs.{task} needs classes: the names of ids 0, 1, 2 ...")
    return AdapterOutput(str(given["name"]), str(given["means"]), classes)


def _mapping(
    path: Path, where: str, content: object, known: tuple[str, ...], needed: tuple[str, ...]
) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        _refuse(path, f"{where} is {content!r}; expected a mapping of {', '.join(known)}")
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0)[0]
            _refuse(path, f"{where} has an unknown key {key!r}; did you mean {near}?")
    missing = [key for key in needed if key not in content]
    if missing:
        _refuse(path, f"{where} lacks {', '.join(missing)}")
    return content


def _refuse(path: Path, reason: str) -> NoReturn:
    msg = f"adapter {path}: {reason}"
    raise ConfigError(msg)
