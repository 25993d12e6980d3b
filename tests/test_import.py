"""`import vb_perception` must stay light: nothing heavy comes in unless it is asked for."""

import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
HEAVY = {"cv2", "diffusers", "onnxruntime", "openvino", "rclpy", "scipy", "tensorrt", "tensorrt_rtx", "torch"}
VALUES = "vb_perception.tasks, vb_perception.runtime.engine, vb_perception.frame, vb_perception.timing"


def heavy_modules_after(statement: str) -> set[str]:
    code = f"import json, sys; {statement}; print(json.dumps(sorted(name.partition('.')[0] for name in sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True)
    return HEAVY & set(json.loads(answer.stdout))


def test_the_package_pulls_nothing_heavy() -> None:
    assert heavy_modules_after("import vb_perception") == set()


def test_the_command_line_pulls_nothing_heavy() -> None:
    assert heavy_modules_after("import vb_perception.cli") == set()


def test_the_values_that_flow_pull_no_runtime_and_no_ros() -> None:
    assert heavy_modules_after(f"import {VALUES}") <= {"cv2", "scipy"}


def test_the_probe_sees_what_is_imported() -> None:
    assert heavy_modules_after("import cv2") == {"cv2"}


def test_messages_and_sources_are_found_together() -> None:
    code = "import vb_perception, vb_perception.msg as m; print(vb_perception.__file__); print(m.LatencyStats.__name__)"
    answer = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True)
    assert answer.stdout.split() == [str(CHECKOUT / "vb_perception/__init__.py"), "LatencyStats"]
