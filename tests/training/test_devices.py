"""Training on two devices at once: here two processes on the CPU, which exchange gradients as two GPUs would."""

import csv
import os
import sys
from pathlib import Path
from subprocess import run

import pytest
import yaml

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from tests.training.test_train import settings  # noqa: E402, F401 (a fixture)
from vb_perception.generator.checkpoint import read_tensors  # noqa: E402
from vb_perception.training.settings import TrainSettings  # noqa: E402
from vb_perception.training.train import STATE  # noqa: E402


def trained_by_two(settings: TrainSettings, tmp_path: Path, images: int, **more: float) -> Path:  # noqa: F811
    """The state that two processes leave behind."""
    recipe = tmp_path / "run.yaml"
    stage = {"height": 64, "width": 64, "batch": 2, "images": images}
    recipe.write_text(
        yaml.safe_dump(
            {
                "osd_dir": settings.osd_dir,
                "corpus_dir": settings.corpus_dir,
                "validation_frames": [5],
                "validation_renders": 1,
                "validate_every_images": 1000,
                "threads": 1,
                "stages": [stage],
                **more,
            }
        )
    )
    # On GPUs `accelerate launch` starts the processes through the same module; on CPUs it would leave that to MPI.
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    launch += ["-m", "vb_perception.cli", "train", str(recipe)]
    two_cpus = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = run([*launch, "--out", str(tmp_path / "run")], env=two_cpus, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return tmp_path / "run" / STATE


@pytest.mark.slow
def test_two_processes_end_together_when_the_time_is_over(settings: TrainSettings, tmp_path: Path) -> None:  # noqa: F811
    _, facts = read_tensors(trained_by_two(settings, tmp_path, 100_000, most_s=8))
    assert 0 < facts["images"] < 100_000
    assert facts["spent_s"] >= 8


@pytest.mark.slow
def test_two_processes_share_the_images(settings: TrainSettings, tmp_path: Path) -> None:  # noqa: F811
    tensors, facts = read_tensors(trained_by_two(settings, tmp_path, 8))
    assert facts["images"] == 8  # two steps of two images each on two processes
    assert facts["processes"] == 2
    steps = [int(v) for k, v in tensors.items() if k.endswith(".step")]
    assert max(steps) == 2  # less for what no prompt of a batch needed
    with (tmp_path / "run" / "log.csv").open() as file:
        assert len(list(csv.reader(file))) <= 1  # one process writes, and only every 50 steps
