"""Time every decoder on one core, at the size that the shipped generator paints; print JSON.

Goals: depth 2 ms, instances 15 ms (median, 256x192).  Usage: python benchmarks/decoders.py [repeats]
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable

if hasattr(os, "sched_setaffinity"):  # before numpy starts its threads: they inherit the one core
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import cv2
import numpy as np
from circumstances import circumstances
from numpy.typing import NDArray

from vb_perception.codecs.colours import RGB
from vb_perception.codecs.depth import DepthCodec
from vb_perception.codecs.guided import follow_picture
from vb_perception.codecs.instances import decode_instances, encode_instances
from vb_perception.codecs.normals import decode_normals, encode_normals
from vb_perception.codecs.palette import distinct_colours, nearest_colour
from vb_perception.codecs.segments import decode_mask, encode_segments

WIDTH_PX, HEIGHT_PX = 256, 192
BLACK = (0, 0, 0)
CLASSES = 15
FOLLOWED_PX = 6


def main() -> None:
    """Time each decoder on a picture such as a generator paints; noise is the worst that it could paint."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    rng = np.random.default_rng(0)
    rows, columns = np.indices((HEIGHT_PX, WIDTH_PX), np.float32)
    ids = things(rng)
    depth_rgb = painted(DepthCodec().encode(0.4 + 60 * ((HEIGHT_PX - rows) / HEIGHT_PX) ** 3), rng)
    slope = np.stack((columns / WIDTH_PX - 0.5, rows / HEIGHT_PX - 0.5, -np.ones_like(rows)), 2)
    normals_rgb = painted(encode_normals(slope / np.linalg.norm(slope, axis=2, keepdims=True)), rng)
    colours = distinct_colours(CLASSES)
    classes_rgb = painted(encode_segments(ids, colours), rng)
    instances_rgb = painted(encode_instances(ids, BLACK), rng)
    noise = rng.integers(0, 256, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
    specks = (noise[..., 0] % 13).astype(np.uint16)
    codec = DepthCodec()
    runs: dict[str, Callable[[], object]] = {
        "depth": lambda: codec.decode(depth_rgb),
        "normals": lambda: decode_normals(normals_rgb),
        f"classes_{CLASSES}": lambda: nearest_colour(classes_rgb, colours),
        "mask": lambda: decode_mask(classes_rgb, colours[1], colours[0]),
        f"instances_{ids.max()}": lambda: decode_instances(instances_rgb, BLACK),
        f"borders_of_{ids.max()}": lambda: follow_picture(ids, classes_rgb, FOLLOWED_PX),
        "borders_noise": lambda: follow_picture(specks, noise, FOLLOWED_PX),
        "instances_noise": lambda: decode_instances(noise, BLACK),
    }
    found = int(decode_instances(instances_rgb, BLACK).max())
    timings = {name: timed(run, repeats) for name, run in runs.items()}
    size = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX, "repeats": repeats}
    print(json.dumps({"benchmark": "codecs", **size, "instances_found": found, **timings, **circumstances()}, indent=1))


def things(rng: np.random.Generator) -> NDArray[np.uint16]:
    """Ids (H, W) of ten upright boxes and ellipses standing about, later ones in front."""
    rows, columns = np.indices((HEIGHT_PX, WIDTH_PX))
    ids = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint16)
    for i in range(10):
        centre = ((i // 5 + 0.5) * HEIGHT_PX / 2 + rng.uniform(-20, 20), (i % 5 + 0.5) * WIDTH_PX / 5)
        aside = np.abs(rows - centre[0]) / rng.uniform(15, 40), np.abs(columns - centre[1]) / rng.uniform(12, 30)
        ids[(np.maximum(*aside) if i % 2 else np.hypot(*aside)) < 1] = i + 1
    return ids


def painted(rgb: RGB, rng: np.random.Generator) -> RGB:
    """As a one-step generator paints it: soft edges and smooth noise of 3 levels, (H, W, 3) uint8."""
    grain = cv2.GaussianBlur(rng.normal(0, 1, rgb.shape), (0, 0), 1.5)
    soft = cv2.GaussianBlur(rgb.astype(np.float64), (0, 0), 0.7) + 3 * grain / grain.std()
    return np.asarray(np.clip(np.rint(soft), 0, 255), np.uint8)


def timed(run: Callable[[], object], repeats: int) -> dict[str, float]:
    """Milliseconds of wall time, and of this thread's own time, which other work on the machine hardly moves."""
    for _ in range(3):  # warm-up
        run()
    wall_ms, own_ms = [], []
    for _ in range(repeats):
        start_ns, own_start_ns = time.perf_counter_ns(), time.thread_time_ns()
        run()
        own_ms.append((time.thread_time_ns() - own_start_ns) / 1e6)
        wall_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
    return {
        "median_ms": round(statistics.median(wall_ms), 3),
        "p95_ms": round(float(np.percentile(wall_ms, 95)), 3),
        "cpu_median_ms": round(statistics.median(own_ms), 3),
    }


if __name__ == "__main__":
    main()
