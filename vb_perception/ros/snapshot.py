"""One answered frame as files that any tool opens."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vb_perception.frame import Perception
from vb_perception.predictions import DepthMap, NormalMap
from vb_perception.ros.messages import millimetres
from vb_perception.tasks import Task


def save_snapshot(folder: Path, camera: str, perception: Perception, tasks: Sequence[Task]) -> list[Path]:
    """Write colours, predictions, generated images, intrinsics and prompts; the files.

    `<camera>_<stamp>_rgb.png`; depth as 16-bit PNG in millimetres (0: unknown, or beyond 65.535 m) and as float32 .npy
    in metres; normals as float32 .npy; ids as 16-bit PNG; confidence and what the model painted as 8-bit PNG; the rest
    as .json.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frame = perception.frame
    stem = f"{camera + '_' if camera else ''}{frame.stamp_ns}"
    files: list[Path] = []

    def png(name: str, pixels: NDArray[Any]) -> None:
        path = folder / f"{stem}_{name}.png"
        done, encoded = cv2.imencode(".png", pixels[..., ::-1] if pixels.ndim == 3 else pixels)  # noqa: PLR2004
        if not done:
            msg = f"{path}: OpenCV cannot encode {pixels.dtype} {pixels.shape}"
            raise OSError(msg)
        path.write_bytes(encoded.tobytes())
        files.append(path)

    def npy(name: str, values: NDArray[Any]) -> None:
        path = folder / f"{stem}_{name}.npy"
        np.save(path, values)
        files.append(path)

    png("rgb", frame.rgb)
    for name, prediction in perception.predictions.items():
        png(f"{name}_confidence", np.rint(prediction.confidence * 255).astype(np.uint8))
        png(f"{name}_generated", perception.generated[name])
        if isinstance(prediction, DepthMap):
            png(name, millimetres(prediction.depth_m))
            npy(name, prediction.depth_m)
        elif isinstance(prediction, NormalMap):
            npy(name, prediction.normals)
        else:
            png(name, prediction.ids)
    facts = {
        "stamp_ns": frame.stamp_ns,
        "frame_id": frame.frame_id,
        "camera": None if frame.intrinsics is None else asdict(frame.intrinsics),
        "prompts": {task.name: task.prompt for task in tasks if task.name in perception.predictions},
        "names": {name: list(p.names) for name, p in perception.predictions.items() if hasattr(p, "names")},
    }
    path = folder / f"{stem}.json"
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return [*files, path]
