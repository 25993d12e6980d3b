"""Small frames with truth, as values and as a bag, made once for the room."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vb_perception.camera import CameraIntrinsics
from vb_perception.evaluation.bag_samples import write_samples
from vb_perception.runtime.toy_model import write_toy_model
from vb_perception.scenes.normals_from_depth import normals_from_depth
from vb_perception.scenes.sample import Sample

NAMES = ("background", "table", "box", "cup")


def make_sample(index: int = 0, width: int = 64, height: int = 48) -> Sample:
    """A table with a box and a cup on it, a strip without depth, and a strip without labels."""
    camera = CameraIntrinsics.from_fov(width, height, 60)
    rows = np.linspace(1.6, 0.8, height, dtype=np.float32)[:, None]
    depth_m = np.round(np.repeat(rows, width, axis=1) + 0.01 * index, 3).astype(np.float32)
    classes, instances = np.ones((height, width), np.int16), np.zeros((height, width), np.int16)
    for number, (left, class_id) in enumerate(((12, 2), (36, 3)), start=1):
        block = np.s_[20:32, left : left + 12]
        depth_m[block], classes[block], instances[block] = np.float32(1.0), class_id, number
    depth_m[:4], classes[-4:], instances[-4:] = np.nan, -1, -1
    noise = np.random.default_rng(index).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Sample(
        name=f"made/{index}",
        rgb=np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8),
        intrinsics=camera,
        depth_m=depth_m,
        normals=normals_from_depth(depth_m, camera),
        class_ids=classes,
        instance_ids=instances,
        class_names=NAMES,
    )


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx", reason="the toy model needs onnx: `make test` installs it")
    folder = tmp_path_factory.mktemp("toy")
    write_toy_model(folder)
    return folder


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    return [make_sample(i) for i in range(6)]


@pytest.fixture(scope="session")
def sample_bag(samples: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Treat as read-only; tests that damage it copy it first."""
    path = tmp_path_factory.mktemp("bag") / "samples.mcap"
    write_samples(path, samples, rate_hz=10)
    return path
