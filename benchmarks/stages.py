"""Time each stage around the network: prepare, decode and resize of each task, for 640x480 and 1280x720 cameras.

The network itself is a picture painted beforehand (see pipeline.py), at 192x256 and at 480x640, on one core.

Usage: python benchmarks/stages.py [--rounds 100]
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from circumstances import circumstances
from measuring import in_turns, write
from pipeline import TASKS, Painted

from vb_perception.camera import CameraIntrinsics, Letterbox
from vb_perception.canvas import decode, image_input, rays_input, reduced_picture, rgb_images
from vb_perception.frame import Frame
from vb_perception.resample import resize_prediction
from vb_perception.ros.allocator import keep_large_blocks
from vb_perception.runtime.toy_model import write_toy_model

CAMERAS = ((640, 480), (1280, 720))
GENERATED = ((192, 256), (480, 640))
COLUMNS = ("camera", "generated", "stage", "median_ms", "p95_ms", "cpu_median_ms")


def main() -> None:
    """All cameras and sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    cv2.setNumThreads(1)
    keep_large_blocks()  # as the node's main does
    rows = [row for camera in CAMERAS for size in GENERATED for row in stages(camera, size, rounds)]
    result = {"benchmark": "stages", "rounds": rounds, **circumstances(), "rows": rows}
    write("stages", result, "Stages around the network, one core", COLUMNS)


def stages(camera: tuple[int, int], size: tuple[int, int], rounds: int) -> list[dict[str, Any]]:
    """Each stage of one camera and one generated size."""
    (width, height), (generated_height, generated_width) = camera, size
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    frame = Frame(rgb, 0, "camera", CameraIntrinsics.from_fov(width, height, 60))
    box = Letterbox(width, height, generated_width, generated_height)
    with tempfile.TemporaryDirectory() as folder:
        spec = write_toy_model(Path(folder), height=generated_height, width=generated_width)
    question = (
        np.zeros((1, 3, *size), np.float32),
        np.zeros((1, 2, *size), np.float32),
        np.zeros((len(TASKS), spec.max_tokens, spec.token_dim), np.float32),
    )
    painted = Painted(spec).infer(*question)
    images = rgb_images(painted)
    runs: dict[str, Any] = {
        "prepare image": lambda: image_input(reduced_picture(rgb, box), box),
        "prepare rays": lambda: rays_input(frame, box, spec.default_fov_deg),
        "colours to 8 bit": lambda: rgb_images(painted),
    }
    for task, image in zip(TASKS, images, strict=True):
        prediction = task.decode(image)
        runs[f"decode {task.name}"] = lambda task=task, image=image: task.decode(image)
        runs[f"resize {task.name}"] = lambda p=prediction: resize_prediction(p, width, height)
        runs[f"decode and resize {task.name}"] = lambda task=task, image=image: decode(task, image, box)
    times = in_turns(runs, rounds)
    where = {"camera": f"{width}x{height}", "generated": f"{generated_height}x{generated_width}"}
    return [where | {"stage": stage} | figures for stage, figures in times.items()]


if __name__ == "__main__":
    main()
