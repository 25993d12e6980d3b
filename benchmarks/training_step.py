"""What a step of training costs, and which operations it goes into; printed, as each machine has its own.

Waiting for a batch is timed apart from the step: where it is not near zero, drawing is what is slow, not the network.

Usage: python benchmarks/training_step.py SETTINGS.yaml [--steps 5] [--rows 25]
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from circumstances import circumstances
from torch.profiler import ProfilerActivity, profile

from vb_perception.training.settings import TrainSettings
from vb_perception.training.train import Run

WARM_UPS = 3


def main() -> None:
    """Some steps on the clock, then as many under the profiler."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", type=Path)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rows", type=int, default=25, help="of the table of operations")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        run = Run(replace(TrainSettings.read(given.settings), most_s=float("inf")), Path(directory))
        batches = iter(run.batches(run.settings.stages[0]))
        for _ in range(WARM_UPS):
            run.step(next(batches))
        waited_s = stepped_s = 0.0
        for _ in range(given.steps):
            began = time.perf_counter()
            batch = next(batches)
            came = time.perf_counter()
            run.step(batch)  # it reads the loss, so the device has finished
            waited_s, stepped_s = waited_s + came - began, stepped_s + time.perf_counter() - came
        images = run.settings.stages[0].batch * given.steps
        on_gpu = run.accelerator.device.type == "cuda"
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
        with profile(activities=activities) as seen:
            for _ in range(given.steps):
                run.step(next(batches))
    told = ", ".join(f"{k} {v}" for k, v in circumstances().items())
    device = torch.cuda.get_device_name() if on_gpu else "cpu"
    print(f"{device}, torch {torch.__version__}, {told}")
    print(f"an image: {waited_s / images * 1000:.2f} ms of waiting, {stepped_s / images * 1000:.2f} ms of step")
    order = "self_cuda_time_total" if on_gpu else "self_cpu_time_total"
    print(seen.key_averages().table(sort_by=order, row_limit=given.rows, max_name_column_width=60))


if __name__ == "__main__":
    main()
