"""How the benchmarks measure: all candidates in turns, so that what else the machine does strikes them alike."""

import json
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
MATRIX = 1536
WARM_UPS = 2


def in_turns(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, float]]:
    """Wall and processor milliseconds of each run; one of each, then the next round."""
    for run in runs.values():
        for _ in range(WARM_UPS):
            run()
    wall_ms: dict[str, list[float]] = {name: [] for name in runs}
    cpu_ms: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started, own = time.perf_counter(), time.process_time()
            run()
            cpu_ms[name].append((time.process_time() - own) * 1000)
            wall_ms[name].append((time.perf_counter() - started) * 1000)
    return {
        name: {
            "median_ms": round(statistics.median(wall_ms[name]), 2),
            "p95_ms": round(float(np.percentile(wall_ms[name], 95)), 2),
            "min_ms": round(min(wall_ms[name]), 2),
            "cpu_median_ms": round(statistics.median(cpu_ms[name]), 2),
        }
        for name in runs
    }


def matmul_gflops(rounds: int = 10) -> float:
    """The most float32 GFLOP/s that a large matrix product reached here: what a roofline share is a share of."""
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(MATRIX, MATRIX)).astype(np.float32) for _ in range(2))
    best_s = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        a @ b
        best_s = min(best_s, time.perf_counter() - started)
    return 2 * MATRIX**3 / best_s / 1e9


def peak_memory_mb() -> float:
    """The most memory that this process has held so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def write(name: str, result: Mapping[str, Any], title: str, columns: Sequence[str]) -> None:
    """`results/<name>.json`, and its "rows" as a Markdown table of `columns`; both also printed."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(result, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    facts = (f"{key} {value}" for key, value in result.items() if isinstance(value, (str, int, float)))
    lines = [f"# {title}", "", "; ".join(facts) + ".", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    lines += [f"| {' | '.join(str(row.get(column, '')) for column in columns)} |" for row in result["rows"]]
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(text)
