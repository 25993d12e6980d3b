"""Time every backend and precision at every size of a model, with 1 and 3 prompts; write JSON and Markdown.

Each engine runs in a process of its own, which tells its peak memory; wall times are of one machine in one go, and the
share of the roofline is GFLOP over time over what a large matrix product reaches here.

Usage: python benchmarks/engines.py [--model DIR ...] [--rounds 30] [--threads 0]

Further exports of the same weights add the sizes that the first does not have.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from circumstances import circumstances
from measuring import in_turns, matmul_gflops, peak_memory_mb, write

from vb_perception.errors import EngineError
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.engine import Engine, EngineSpec
from vb_perception.runtime.options import EngineOptions

DEFAULT_MODEL = Path(__file__).resolve().parents[1] / "vb_perception" / "models" / "default"
PROMPTS = (1, 3)
BACKENDS: dict[str, tuple[str, ...]] = {
    "onnxruntime": ("fp32", "int8"),
    "openvino": ("fp32", "bf16", "int8"),
    "tensorrt": ("fp32", "fp16", "int8"),
}
COLUMNS = (
    "backend", "precision", "size", "prompts", "median_ms", "p95_ms", "cpu_median_ms", "frames_per_s", "peak_memory_mb",
    "gflop", "roofline_share", "start_s", "error",
)  # fmt: skip
TIMEOUT_S = 900
SETTLING_ROUNDS, SETTLING_S = 20, 5.0


def main() -> None:
    """Start a process for each engine; a failure is a row with its reason."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS, metavar=("BACKEND", "PRECISION", "SIZE"))
    given = parser.parse_args()
    models: list[Path] = given.model or [DEFAULT_MODEL]
    if given.one:
        print(json.dumps(timed(models[0], given.one, given.rounds, given.threads)))
        return
    specs = [EngineSpec.read(model) for model in models]
    if len({spec.weights_sha256 for spec in specs}) > 1:
        parser.error(f"{', '.join(map(str, models))} have other weights: expected exports of one generator")
    sizes: dict[str, Path] = {}
    for model, spec in zip(models, specs, strict=True):
        for variant in spec.graphs():
            sizes.setdefault(f"{variant.height}x{variant.width}", model)
    peak = matmul_gflops()
    rows: list[dict[str, Any]] = []
    for backend, precisions in BACKENDS.items():
        for precision in precisions:
            for size, model in sizes.items():
                options = ["--model", str(model), "--rounds", str(given.rounds), "--threads", str(given.threads)]
                rows += in_own_process([*options, "--one", backend, precision, size], backend, precision, size)
                print(rows[-1], file=sys.stderr)
    for row in rows:
        if "gflop" in row:
            row["roofline_share"] = round(row["gflop"] / row["median_ms"] * 1000 / peak, 3)
    result = {
        "benchmark": "engines",
        "model": specs[0].name,
        "matmul_gflops": round(peak, 1),
        **circumstances(),
        "rows": rows,
    }
    write("engines", result, "Engines", COLUMNS)


def in_own_process(options: Sequence[str], backend: str, precision: str, size: str) -> list[dict[str, Any]]:
    """The rows of one engine."""
    command = [sys.executable, __file__, *options]
    row = {"backend": backend, "precision": precision, "size": size}
    told = f"`python benchmarks/engines.py --one {backend} {precision} {size}`"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return [row | {"error": f"unrun: {told}: no end after {TIMEOUT_S} s"}]
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        return [row | {"error": f"unrun: {told} ended with {done.returncode}: {said}"}]
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return [row | one | ({"error": f"unrun: {told}: {one['error']}"} if "error" in one else {}) for one in found]


def timed(folder: Path, which: Sequence[str], rounds: int, threads: int) -> list[dict[str, Any]]:
    """One engine with each number of prompts."""
    backend, precision, size = which
    height, width = map(int, size.split("x"))
    started = time.perf_counter()
    options = EngineOptions(precision=precision, size=(height, width), prompts=max(PROMPTS))
    try:
        engine = open_engine(folder, backend, threads, options)
    except EngineError as error:
        return [{"error": str(error)}]
    with engine:
        ask(engine, max(PROMPTS))
        start_s = time.perf_counter() - started
        for _ in range(SETTLING_ROUNDS):  # an engine may answer fewer prompts with the graph for more, until it fits
            ask(engine, min(PROMPTS))
        time.sleep(SETTLING_S)
        times = in_turns({str(n): (lambda n=n: ask(engine, n)) for n in PROMPTS}, rounds)  # type: ignore[misc]
        gflop = engine.spec.gflop_three_prompts
        return [
            {
                "prompts": n,
                **times[str(n)],
                "frames_per_s": round(1000 / times[str(n)]["median_ms"], 1),
                "peak_memory_mb": peak_memory_mb(),
                **({"gflop": gflop} if n == max(PROMPTS) else {}),
                "start_s": round(start_s, 2),
            }
            for n in PROMPTS
        ]


def ask(engine: Engine, prompts: int) -> None:
    """One answer about a random picture."""
    spec = engine.spec
    rng = np.random.default_rng(0)
    image = rng.uniform(-1, 1, (1, 3, spec.height, spec.width)).astype(np.float32)
    rays = np.zeros((1, 2, spec.height, spec.width), np.float32)
    engine.infer(image, rays, np.zeros((prompts, spec.max_tokens, spec.token_dim), np.float32))


if __name__ == "__main__":
    main()
