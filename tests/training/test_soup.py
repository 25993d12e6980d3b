"""The mean of several runs."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from vb_perception.errors import CheckpointError  # noqa: E402
from vb_perception.generator.checkpoint import read_run, read_tensors, write_tensors  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402
from vb_perception.training.soup import main, mean_of  # noqa: E402


def state(path: Path, value: float, size: int = 3) -> Path:
    tensors = {"average.w": torch.full((size,), value), "average.n": torch.tensor(int(value)), "model.w": torch.ones(2)}
    write_tensors(path, tensors, {"generator": {}, "images": int(value)})
    return path


def test_the_mean_of_the_averaged_weights(tmp_path: Path) -> None:
    states = [str(state(tmp_path / f"{i}.safetensors", float(i))) for i in (1, 4)]
    assert main([*states, "--out", str(tmp_path / "mean.safetensors")]) == 0
    tensors, facts = read_tensors(tmp_path / "mean.safetensors")
    assert tensors.keys() == {"average.w", "average.n"}
    assert tensors["average.w"].tolist() == [2.5] * 3
    assert facts == {"generator": {}, "images": 4, "mean_of": [{"generator": {}, "images": 1}], "mean_part": ""}


def test_a_model_folder_has_weights_too(tmp_path: Path) -> None:
    run = state(tmp_path / "run.safetensors", 4.0)
    shipped = tmp_path / "generator.safetensors"
    write_tensors(shipped, {"w": torch.full((3,), 1.0, dtype=torch.float16), "n": torch.tensor(7)}, {})
    mean = mean_of([shipped, run])
    assert mean["average.w"].tolist() == [2.5] * 3
    assert mean["average.w"].dtype == torch.float32


def test_a_mean_that_ends_in_a_model_folder_can_be_exported(tmp_path: Path) -> None:
    run, shipped = state(tmp_path / "run.safetensors", 4.0), tmp_path / "generator.safetensors"
    write_tensors(shipped, {"w": torch.full((3,), 1.0), "n": torch.tensor(7)}, {"name": "default"})
    command = [str(run), str(shipped), "--out", str(tmp_path / "mean.safetensors")]
    with pytest.raises(CheckpointError, match=r"config\.json"):
        main(command)
    config = GeneratorConfig(query_dim=8)
    config.write(tmp_path / "config.json")
    with pytest.raises(CheckpointError, match=r"words\.txt"):
        main(command)
    (tmp_path / "words.txt").write_text("cup\ntable\n", encoding="utf-8")
    assert main(command) == 0
    _, facts, read = read_run(tmp_path / "mean.safetensors", "nouns")
    assert facts["nouns"] == ["cup", "table"]
    assert read == config


def test_runs_of_other_sizes_have_no_mean(tmp_path: Path) -> None:
    states = [str(state(tmp_path / f"{size}.safetensors", 1.0, size)) for size in (3, 5)]
    with pytest.raises(CheckpointError, match=r"5\.safetensors does not hold the same weights as .*3\.safetensors"):
        main([*states, "--out", str(tmp_path / "mean.safetensors")])


def test_a_part_alone_is_meant_and_the_rest_may_differ(tmp_path: Path) -> None:
    old, new = tmp_path / "old.safetensors", tmp_path / "new.safetensors"
    write_tensors(old, {"average.a.w": torch.full((3,), 1.0), "average.b.w": torch.ones(5)}, {})
    write_tensors(new, {"average.a.w": torch.full((3,), 4.0), "average.b.w": torch.zeros(2)}, {})
    mean = mean_of([old, new], "a.")
    assert mean["average.a.w"].tolist() == [2.5] * 3
    assert mean["average.b.w"].tolist() == [0.0] * 2
    with pytest.raises(CheckpointError, match=r"expected b\. of one generator"):
        mean_of([old, new], "b.")
    with pytest.raises(CheckpointError, match=r"expected c\. of one generator"):
        mean_of([old, new], "c.")
