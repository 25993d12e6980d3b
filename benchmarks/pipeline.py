"""Time prepare, infer and decode of depth, normals and segmentation on a 640x480 camera; print JSON.

Without arguments the network is a picture painted beforehand, at 192x256, on one core: what is left is ours.  Goal:
prepare + decode 6 ms (median); on a shared machine read the processor time instead.  With --model the network of that
folder runs too, on all cores.

Usage: python benchmarks/pipeline.py [--frames 200] [--model DIR [--backend auto] [--threads 0]]
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from circumstances import circumstances

from vb_perception.camera import CameraIntrinsics
from vb_perception.frame import Frame
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.ros.allocator import keep_large_blocks
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.contract import CheckedEngine
from vb_perception.runtime.engine import Engine, EngineSpec, Float
from vb_perception.runtime.text import PromptEncoder
from vb_perception.runtime.toy_model import write_toy_model
from vb_perception.tasks import MetricDepth, SemanticSegmentation, SurfaceNormals, Task

WIDTH_PX, HEIGHT_PX = 640, 480
SEGMENTATION = SemanticSegmentation((("mug", (255, 0, 0)), ("table", (0, 255, 0)), ("book", (0, 0, 255))))
TASKS: tuple[Task, ...] = (MetricDepth(), SurfaceNormals(), SEGMENTATION)
WARM_UP_FRAMES = 10


class Painted(CheckedEngine):
    """Answers with a desk and boxes on it, with a generator's noise, at no cost."""

    def __init__(self, spec: EngineSpec) -> None:
        """Paint once."""
        rng = np.random.default_rng(0)
        rows, columns = np.indices((spec.height, spec.width), np.float32)
        ids = ((rows // 32 + columns // 48) % 4).astype(np.uint16)
        depth_m = (1 + 3 * (1 - rows / spec.height) + 0.5 * ids).astype(np.float32)
        slope = np.stack((0.3 * ids - 0.4, rows / spec.height - 0.5, -np.ones_like(rows)), 2)
        normals = (slope / np.linalg.norm(slope, axis=2, keepdims=True)).astype(np.float32)
        sure = np.ones_like(rows)
        depth, facing = DepthMap(depth_m, sure), NormalMap(normals, sure)
        segments = SegmentMap(ids, SEGMENTATION.names, sure)
        truths: tuple[Prediction, ...] = (depth, facing, segments)
        rgb = np.stack([task.encode(truth) for task, truth in zip(TASKS, truths, strict=True)]).transpose(0, 3, 1, 2)
        noisy = rgb / 127.5 - 1 + rng.normal(0, 4 / 127.5, rgb.shape)
        self._rgb = np.clip(noisy, -1, 1).astype(np.float32)
        super().__init__(spec, "painted beforehand")

    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:  # noqa: ARG002 - the answer is there already
        return self._rgb


def main() -> None:
    """Time frames one after the other, as the node's worker does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args()
    keep_large_blocks()  # as the node's main does
    if arguments.model:
        engine: Engine = open_engine(arguments.model, arguments.backend, arguments.threads)
        pipeline = PerceptionPipeline(engine, PromptEncoder(arguments.model, engine.spec))
    else:
        cv2.setNumThreads(1)
        with tempfile.TemporaryDirectory() as folder:
            spec = write_toy_model(Path(folder), height=192, width=256)
            engine = Painted(spec)
            pipeline = PerceptionPipeline(engine, PromptEncoder(Path(folder), spec))
    result = {"backend": engine.backend, **timed(pipeline, arguments.frames)}
    print(json.dumps({"benchmark": "pipeline", **result, **circumstances()}, indent=1))


def timed(pipeline: PerceptionPipeline, frames: int) -> dict[str, object]:
    """Milliseconds of each stage over `frames` frames, and how many memory pages each frame had to ask for."""
    rgb = np.random.default_rng(0).integers(0, 256, (HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    frame = Frame(rgb, 0, "camera", CameraIntrinsics.from_fov(WIDTH_PX, HEIGHT_PX, 60))
    for _ in range(WARM_UP_FRAMES):
        kept = pipeline.perceive(frame, TASKS)
    faults = -resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    times, cpu_ns = [], []
    for _ in range(frames):
        cpu_ns.append(-time.thread_time_ns())
        kept = pipeline.perceive(frame, TASKS)  # the one before is let go, as after publishing
        cpu_ns[-1] += time.thread_time_ns()
        times.append(kept.times)
    faults += resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    stages = {
        "prepare": [t.prepare_ns for t in times],
        "infer": [t.infer_ns for t in times],
        "decode": [t.decode_ns for t in times],
        "prepare_and_decode": [t.prepare_ns + t.decode_ns for t in times],
        "cpu_time_of_this_thread": cpu_ns,  # the same whatever else the machine does
    }
    return {
        "frames": frames,
        "tasks": [task.name for task in TASKS],
        "page_faults_per_frame": round(faults / frames),
        **{stage: percentiles(np.array(ns) / 1e6) for stage, ns in stages.items()},
    }


def percentiles(ms: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> dict[str, float]:
    """Least, median and 95th percentile."""
    return {name: round(float(np.percentile(ms, q)), 2) for name, q in (("min_ms", 0), ("p50_ms", 50), ("p95_ms", 95))}


if __name__ == "__main__":
    main()
