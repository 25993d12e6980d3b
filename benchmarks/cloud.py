"""How long packing a cloud takes; prints JSON.  `python benchmarks/cloud.py [--runs 200]`, one thread."""

import argparse
import json
import time

import numpy as np
from circumstances import circumstances

from vb_perception.camera import CameraIntrinsics
from vb_perception.pointcloud import cloud_from_depth

SIZES = {"vga": (640, 480), "hd": (1280, 720), "full_hd": (1920, 1080)}


def measure(width: int, height: int, runs: int) -> dict[str, float]:
    """Milliseconds for one organised cloud of xyz, rgb and label."""
    rng = np.random.default_rng(0)
    camera = CameraIntrinsics.from_fov(width, height, 70.0)
    depth_m = rng.uniform(0.3, 80, (height, width)).astype(np.float32)
    depth_m[rng.random((height, width)) < 0.1] = np.nan  # noqa: PLR2004 (a tenth unknown)
    rgb = rng.integers(0, 256, (height, width, 3), np.uint8)
    labels = rng.integers(0, 14, (height, width), np.uint16)
    times_ms = []
    for _ in range(runs):
        start_ns = time.perf_counter_ns()
        cloud_from_depth(depth_m, camera, rgb, labels)
        times_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
    p50, p95 = np.percentile(times_ms, (50, 95))
    return {"median_ms": round(float(p50), 3), "p95_ms": round(float(p95), 3)}


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    sizes = {name: measure(*size, runs) for name, size in SIZES.items()}
    print(json.dumps({"benchmark": "cloud", "runs": runs, "sizes": sizes, **circumstances()}, indent=2))


if __name__ == "__main__":
    main()
