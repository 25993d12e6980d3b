import resource
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import nn  # noqa: E402

from vb_perception.errors import CheckpointError  # noqa: E402
from vb_perception.generator.checkpoint import load_into, read_run, read_tensors, write_tensors  # noqa: E402
from vb_perception.generator.config import GeneratorConfig  # noqa: E402


def test_round_trip_keeps_tensors_and_facts(tmp_path: Path) -> None:
    path = tmp_path / "run" / "state.safetensors"
    write_tensors(path, {"a": torch.arange(3)}, {"images": 7})
    tensors, facts = read_tensors(path)
    assert tensors["a"].tolist() == [0, 1, 2]
    assert facts == {"images": 7}
    assert [p.name for p in path.parent.iterdir()] == ["state.safetensors"]


@pytest.mark.parametrize("content", [b"", b"not safetensors at all", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="expected a safetensors file"):
        read_tensors(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"absent\.safetensors"):
        read_tensors(tmp_path / "absent.safetensors")


def test_facts_that_are_no_facts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    write_tensors(path, {"a": torch.ones(1)}, ["a list"])  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="facts are a list; expected a safetensors file"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"name": "default"}, "holds no run: no generator; expected the state.safetensors"),
        ({"generator": {}, "images": "many"}, "holds no run: images 'many'"),
        ({"generator": {}}, "holds no run: no images"),
        ({"generator": {"depth_of_thought": 3}, "images": 1}, "another version: .*depth_of_thought"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, facts: dict[str, object], said: str) -> None:
    path = tmp_path / "state.safetensors"
    write_tensors(path, {"a": torch.ones(1)}, facts)
    with pytest.raises(CheckpointError, match=said):
        read_run(path, "images")


def test_a_run_is_read_with_the_sizes_of_its_generator(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    write_tensors(path, {"a": torch.ones(1)}, {"generator": {"query_dim": 8}, "images": 3})
    tensors, facts, config = read_run(path, "images")
    assert tensors.keys() == {"a"}
    assert facts["images"] == 3
    assert config == GeneratorConfig.from_values({"query_dim": 8})


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"missing \['bias'\]"):
        load_into(nn.Linear(2, 2), {"x.weight": torch.zeros(2, 2)}, "x.")
    with pytest.raises(CheckpointError, match=r"another shape \['weight'\]"):
        load_into(nn.Linear(2, 2), {"x.weight": torch.zeros(3, 2), "x.bias": torch.zeros(2)}, "x.")


def test_a_disk_that_takes_no_more_keeps_the_checkpoint_before(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    write_tensors(path, {"a": torch.ones(3)}, {"images": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # as a full disk does, the system refuses the rest
    try:
        with pytest.raises(CheckpointError, match="the one written before is intact; make room on the disk"):
            write_tensors(path, {"a": torch.ones(100_000)}, {"images": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert read_tensors(path)[1] == {"images": 1}
