import json
from pathlib import Path

import cv2
import numpy as np
from vb_perception.srv import SaveSnapshot, SetInstructions

from tests.ros.bench import Bench
from vb_perception.frame import Frame, Perception
from vb_perception.predictions import DepthMap
from vb_perception.ros.snapshot import save_snapshot
from vb_perception.tasks import MetricDepth
from vb_perception.timing import StageTimes


def test_depth_that_does_not_fit_into_millimetres_is_unknown_there(tmp_path: Path) -> None:
    depth_m = np.array([[1.2344, 65.535, 65.536, 90.0], [np.nan, np.inf, -np.inf, -1.0]], np.float32)
    rgb = np.zeros((2, 4, 3), np.uint8)
    prediction = DepthMap(depth_m, np.ones_like(depth_m))
    perception = Perception(Frame(rgb, 7, "optical"), {"depth": prediction}, {"depth": rgb}, StageTimes())
    save_snapshot(tmp_path, "", perception, (MetricDepth(),))
    millimetres = cv2.imread(str(tmp_path / "7_depth.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(millimetres, [[1234, 65535, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(np.load(tmp_path / "7_depth.npy"), depth_m)


def test_a_snapshot_tells_the_prompts_of_its_picture_not_those_asked_since(bench: Bench, tmp_path: Path) -> None:
    bench.watch()
    bench.listen("segmentation/mask")
    bench.add_node(tasks=["segmentation"], classes=["green crate"], colours=[""])
    bench.connect()
    bench.send()
    bench.spin_until(bench.processed(1), "the image is processed")
    changed = bench.call(SetInstructions, "set_instructions", SetInstructions.Request(classes=["red mug"]))
    assert changed.success, changed.message
    saved = bench.call(SaveSnapshot, "save_snapshot", SaveSnapshot.Request(folder=str(tmp_path)))
    assert saved.success, saved.message
    (facts,) = tmp_path.glob("*.json")
    prompts = json.loads(facts.read_text(encoding="utf-8"))["prompts"]
    assert "green crate" in prompts["segmentation"]
    assert "red mug" not in prompts["segmentation"]
