"""What one run learnt, on top of another's weights."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from vb_perception.errors import CheckpointError  # noqa: E402
from vb_perception.generator.checkpoint import read_tensors, write_tensors  # noqa: E402
from vb_perception.training.graft import main  # noqa: E402


def _state(path: Path, images: int, **weights: float) -> str:
    tensors = {f"average.{k}": torch.full((2,), v) for k, v in weights.items()}
    write_tensors(path, tensors | {"average.n": torch.tensor(images)}, {"generator": {}, "images": images})
    return str(path)


def test_what_was_learnt_is_added_and_what_is_new_comes_along(tmp_path: Path) -> None:
    began = _state(tmp_path / "began.safetensors", 1, encoder=1.0, painter=5.0)
    run = _state(tmp_path / "run.safetensors", 2, encoder=1.5, painter=5.0, recogniser=7.0)
    other = _state(tmp_path / "other.safetensors", 3, encoder=0.0, painter=6.0)
    out = tmp_path / "sum.safetensors"
    assert main([run, "--since", began, "--onto", other, "--out", str(out)]) == 0
    tensors, facts = read_tensors(out)
    values = {k: v.tolist() for k, v in tensors.items()}
    assert values == {
        "average.encoder": [0.5] * 2,
        "average.painter": [6.0] * 2,
        "average.recogniser": [7.0] * 2,
        "average.n": 2,
    }
    assert (facts["images"], facts["onto"]["images"]) == (2, 3)


def test_weights_of_another_generator_are_refused(tmp_path: Path) -> None:
    began = _state(tmp_path / "began.safetensors", 1, encoder=1.0)
    run = _state(tmp_path / "run.safetensors", 2, encoder=1.5)
    other = _state(tmp_path / "other.safetensors", 3, encoder=0.0, teacher=1.0)
    with pytest.raises(CheckpointError, match=r"other\.safetensors is not of the generator of .*teacher"):
        main([run, "--since", began, "--onto", other, "--out", str(tmp_path / "sum.safetensors")])
