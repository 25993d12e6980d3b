import dataclasses
from pathlib import Path

import numpy as np

from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.golden import Golden, write_golden

HEIGHT, WIDTH = 6, 10


def test_any_answer_is_stored_to_a_part_in_65536(tmp_path: Path, toy_dir: Path) -> None:
    random = np.random.default_rng(0)
    rgb = random.uniform(-1, 1, (2, 3, HEIGHT, WIDTH)).astype(np.float32)
    rgb[0, 0, 0, :4] = (-1, 1, -1, 1)
    golden = Golden(
        image=random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8),
        camera=np.array((9.0, 9.0, 4.5, 2.5)),
        prompts=random.normal(size=(2, 3, 4)).astype(np.float32),
        kinds=("depth", "normals"),
        palette=np.zeros((0, 3), np.uint8),
        rgb=rgb,
    )
    sha256 = write_golden(tmp_path, "golden.npz", golden)
    assert sha256 == write_golden(tmp_path, "again.npz", golden)
    spec = EngineSpec.read(toy_dir)
    variant = dataclasses.replace(
        spec.graphs()[0], golden="golden.npz", golden_sha256=sha256, height=HEIGHT, width=WIDTH
    )
    read = Golden.read(tmp_path, spec, variant)
    assert np.abs(read.rgb - rgb).max() < 1.6e-5
    np.testing.assert_array_equal(read.image, golden.image)
    np.testing.assert_array_equal(read.prompts, golden.prompts)
