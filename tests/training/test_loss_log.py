"""The log of a run: means of 50 steps, and no reason to stop one."""

import csv
import logging
import resource
from pathlib import Path

import pytest

from vb_perception.training.loss_log import ROWS, LossLog


def fill(log: LossLog, first: int, rows: int) -> None:
    for step in range(first, first + rows * ROWS):
        log.add({"images": step + 1, "loss": float(step)})


def test_a_row_is_the_mean_of_fifty_steps_and_a_resumed_run_goes_on_below(tmp_path: Path) -> None:
    path = tmp_path / "run" / "log.csv"
    fill(LossLog(path), 0, 1)
    fill(LossLog(path), 50, 1)
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [["images", "loss"], ["50", "24.50000"], ["100", "74.50000"]]


def test_a_full_disk_is_told_once_and_leaves_no_half_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "log.csv"
    log = LossLog(path)
    fill(log, 0, 1)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 3, hard))  # as a full disk does, the system refuses more
    try:
        with caplog.at_level(logging.WARNING):
            fill(log, 50, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert len(caplog.records) == 1
    assert "rows are left out" in caplog.text
    fill(log, 200, 1)
    assert path.read_bytes() == before + b"250,224.50000\r\n"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "run").touch()
    fill(LossLog(tmp_path / "run" / "log.csv"), 0, 1)
    assert len(caplog.records) == 1
