"""Time the evaluation: scoring one VGA frame, lock-step beside the engine's own speed, memory over many frames; JSON.

Goals: all depth, normals and mask figures of a frame 25 ms; lock-step at least 0.9 of the speed of an engine that waits
as a GPU does, 0.6 of the CPU engine's on two cores; at most 1.5 GB for 10,000 VGA frames.

Usage: python benchmarks/evaluation.py [--bag BAG] [--repeats 20] [--latency-ms 100] [--cpu-engine]
           [--memory-frames 0 --memory-width 640] [--out benchmarks/results/evaluation.json]
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from circumstances import circumstances

from vb_perception.evaluation.bag_frames import read_frames
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.evaluation.evaluate import evaluate
from vb_perception.evaluation.frame_scores import score_frame
from vb_perception.evaluation.settings import OURS, TASKS, Settings
from vb_perception.evaluation.truth import true_classes, true_objects
from vb_perception.metrics.point_cloud import cloud_scores
from vb_perception.pipeline import PerceptionPipeline
from vb_perception.predictions import DepthMap, NormalMap, Prediction, SegmentMap
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.text import PromptEncoder
from vb_perception.scenes.sample import Sample

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "vb_perception" / "models" / "default"
NAMES = ("background", "table", "object")
CLOUD_POINTS = 5_000


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bag", type=Path, default=ROOT / "vb_perception" / "demo" / "robot_run.mcap")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--latency-ms", type=float, default=100.0, help="of the engine that waits")
    parser.add_argument("--cpu-engine", action="store_true", help="measure beside the CPU engine too")
    parser.add_argument("--rounds", type=int, default=3, help="of pipeline and evaluation in turns")
    parser.add_argument("--memory-frames", type=int, default=0, help="evaluate so many frames and tell the memory")
    parser.add_argument("--memory-width", type=int, default=640, help="of these frames")
    parser.add_argument("--out", type=Path, help="write the figures here too")
    options = parser.parse_args()
    frames = list(islice(read_frames(options.bag), 15))
    truth = next(sample for _, sample in frames[7:] if sample is not None)
    out: dict[str, object] = {"benchmark": "evaluation", "size": f"{truth.rgb.shape[1]}x{truth.rgb.shape[0]}"}
    out["score_frame"] = scoring(truth, options.repeats)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.mcap"
        write_samples(path, (sample for _, sample in frames if sample is not None))
        out["waiting_engine"] = lock_step(path, f"fake:latency_ms={options.latency_ms:g}", options.rounds)
        if options.cpu_engine:
            out["cpu_engine"] = lock_step(path, "auto", options.rounds)
    if options.memory_frames:
        samples = [small(sample, options.memory_width) for _, sample in frames if sample is not None]
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:  # what was measured before is not in it
            out["memory"] = alone.submit(memory, samples, options.memory_frames).result()
    text = json.dumps({**out, **circumstances()}, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def answers(truth: Sample) -> dict[str, Prediction]:
    """What a fair network would say: smooth depth and normals, masks a little off."""
    rng = np.random.default_rng(0)
    shape = truth.depth_m.shape
    sure = rng.random(shape).astype(np.float32)
    depth_m = np.nan_to_num(truth.depth_m, nan=2.0, posinf=10.0) * np.float32(1.08)
    normals = np.nan_to_num(np.roll(truth.normals, 3, axis=1), nan=0.5)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    classes = np.roll(np.maximum(true_classes(NAMES, truth), 0), 3, axis=1).astype(np.uint16)
    objects = np.roll(np.maximum(true_objects(truth), 0), 3, axis=1).astype(np.uint16)
    things = tuple(f"object {i}" for i in range(int(objects.max()) + 1))
    return {
        "depth": DepthMap(depth_m, sure),
        "normals": NormalMap(normals.astype(np.float32), sure),
        "segmentation": SegmentMap(classes, NAMES, sure),
        "instances": SegmentMap(objects, things, sure),
    }


def scoring(truth: Sample, repeats: int) -> dict[str, float]:
    """All figures of a frame; the point cloud's apart, for it is a nearest-neighbour search."""
    predictions = answers(truth)
    whole = timed(lambda: score_frame(predictions, truth), repeats)
    depth = predictions["depth"]
    assert isinstance(depth, DepthMap)  # noqa: S101 -- made above
    step = int(np.ceil(np.sqrt(depth.depth_m.size / CLOUD_POINTS)))
    clouds = [truth.intrinsics.unproject(d)[::step, ::step].reshape(-1, 3) for d in (depth.depth_m, truth.depth_m)]
    cloud = timed(lambda: cloud_scores(clouds[0], clouds[1]), repeats)
    without = {f"without_cloud_{name}": round(whole[name] - cloud[name], 2) for name in whole}
    return whole | without


def timed(run: Callable[[], object], repeats: int) -> dict[str, float]:
    """Median milliseconds of wall time, and of this process, all of its threads, which other work hardly moves."""
    run()
    wall_ms, own_ms = [], []
    for _ in range(repeats):
        start, own = time.perf_counter_ns(), time.process_time_ns()
        run()
        own_ms.append((time.process_time_ns() - own) / 1e6)
        wall_ms.append((time.perf_counter_ns() - start) / 1e6)
    return {"median_ms": round(statistics.median(wall_ms), 2), "cpu_median_ms": round(statistics.median(own_ms), 2)}


def lock_step(bag: Path, backend: str, rounds: int) -> dict[str, object]:
    """Frames a second of the pipeline alone on frames in memory, and of the evaluation from bag to scores.

    Measured in turns, since other work on the machine slows both; `share` is the median of the rounds'.
    """
    frames = [frame for frame, _ in read_frames(bag)]
    alone, whole = [], []
    with open_engine(MODEL, backend) as engine:
        pipeline = PerceptionPipeline(engine, PromptEncoder(MODEL, engine.spec))
        pipeline.perceive(frames[0], TASKS)
        for _ in range(rounds):
            start = time.perf_counter()
            for frame in frames:
                pipeline.perceive(frame, TASKS)
            alone.append(len(frames) / (time.perf_counter() - start))
            whole.append(evaluation_hz(bag, backend))
    shares = [both[1] / both[0] for both in zip(alone, whole, strict=True)]
    hz = {"pipeline_hz": statistics.median(alone), "lock_step_hz": statistics.median(whole)}
    figures = hz | {"share": statistics.median(shares)}
    return {name: round(value, 3) for name, value in figures.items()} | {"shares": [round(one, 3) for one in shares]}


def evaluation_hz(bag: Path, backend: str) -> float:
    """Between the first frame and the last: opening the model is no speed."""
    stamps: list[float] = []
    evaluate(bag, Settings(((OURS, str(MODEL)),), backend), progress=lambda _: stamps.append(time.perf_counter()))
    return (len(stamps) - 1) / (stamps[-1] - stamps[0])


def small(sample: Sample, width: int) -> Sample:
    """Every so many-th pixel of a sample."""
    step = sample.rgb.shape[1] // width
    part = np.s_[::step, ::step]
    return replace(
        sample,
        rgb=np.ascontiguousarray(sample.rgb[part]),
        intrinsics=sample.intrinsics.resized(*sample.depth_m[part].shape[::-1]),
        depth_m=sample.depth_m[part],
        normals=sample.normals[part],
        class_ids=sample.class_ids[part],
        instance_ids=sample.instance_ids[part],
    )


def memory(samples: list[Sample], count: int) -> dict[str, object]:
    """Resident memory while a bag of `count` frames is evaluated, bag to report, with an engine that takes no time."""
    resident: dict[int, int] = {}

    def look(number: int) -> None:
        if number in {count // 10, count // 2, count}:
            pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
            resident[number] = pages * resource.getpagesize() >> 20

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.mcap"
        write_samples(path, islice(cycle(samples), count))
        begun = time.perf_counter()
        evaluate(path, Settings(((OURS, str(MODEL)),), "fake"), Path(folder) / "report", progress=look)
        seconds = time.perf_counter() - begun
    status = Path("/proc/self/status").read_text(encoding="utf-8")  # a spawned process inherits the peak of getrusage
    peak_mb = int(status.partition("VmHWM:")[2].split()[0]) >> 10
    return {"frames": count, "seconds": round(seconds), "resident_mb": resident, "peak_mb": peak_mb}


if __name__ == "__main__":
    main()
