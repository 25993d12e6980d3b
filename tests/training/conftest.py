from collections.abc import Callable

import numpy as np
import pytest

from vb_perception.camera import CameraIntrinsics
from vb_perception.scenes.sample import Sample


def _sample(seed: int, height: int, width: int) -> Sample:
    rng = np.random.default_rng(seed)
    normals = rng.standard_normal((height, width, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    normals[0, 0] = np.nan
    return Sample(
        f"s{seed}",
        rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        CameraIntrinsics(width, height, 20.0, 21.0, 7.0, 5.0),
        rng.uniform(0.3, 9, (height, width)).astype(np.float32),
        normals,
        rng.integers(-1, 3, (height, width)).astype(np.int16),
        rng.integers(-1, 5, (height, width)).astype(np.int16),
        ("background", "table", "object"),
    )


@pytest.fixture
def random_sample() -> Callable[[int, int, int], Sample]:
    """Noise of (seed, height, width), with a known truth."""
    return _sample
