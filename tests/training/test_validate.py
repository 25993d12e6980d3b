"""Figures over frames: what there is no truth for is no figure."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.scenes.sample import Sample  # noqa: E402
from vb_perception.training.objective import Model  # noqa: E402
from vb_perception.training.validate import validate  # noqa: E402


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    return Model(GeneratorConfig())


def test_frames_without_labels_are_judged_by_depth_and_normals(
    model: Model, random_sample: Callable[[int, int, int], Sample], tmp_path: Path
) -> None:
    labelled = random_sample(0, 64, 96)
    unknown = np.full_like(labelled.class_ids, -1)
    frames = [labelled, replace(labelled, class_ids=unknown, instance_ids=unknown)]
    both = validate(model, frames, tmp_path, 7, (64, 96))
    assert all(math.isfinite(value) for value in both.values())
    picture = cv2.imread(str(tmp_path / "0000007.png"))
    assert picture is not None
    assert picture.shape == (2 * 64, 5 * 96, 3)
    alone = validate(model, frames[1:], tmp_path, 8, (64, 96))
    assert math.isnan(alone["miou"])
    assert alone["abs_rel"] == pytest.approx(both["abs_rel"])
