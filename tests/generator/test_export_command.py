"""What the command of an export refuses, before it renders or writes anything."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from vb_perception.errors import CheckpointError, ExportError  # noqa: E402
from vb_perception.generator import export_command  # noqa: E402
from vb_perception.generator.checkpoint import write_tensors  # noqa: E402
from vb_perception.generator.model_folder import in_place_of  # noqa: E402


@pytest.mark.parametrize("size", ["480", "480x", "100x640", "x", "0x0"])
def test_a_size_that_is_no_size(tmp_path: Path, size: str) -> None:
    with pytest.raises(ExportError, match="expected height x width, both multiples of 32"):
        export_command.main([str(tmp_path / "absent"), "--out", str(tmp_path / "model"), "--size", size])


@pytest.mark.parametrize("side", ["--height", "--width"])
def test_a_side_that_the_network_cannot_have(tmp_path: Path, side: str) -> None:
    with pytest.raises(ExportError, match="expected height x width, both multiples of 32"):
        export_command.main([str(tmp_path / "absent"), "--out", str(tmp_path / "model"), side, "100"])


def test_the_weights_of_a_model_folder_are_no_run(tmp_path: Path) -> None:
    write_tensors(tmp_path / "generator.safetensors", {"a": torch.ones(1)}, {"name": "default"})
    with pytest.raises(CheckpointError, match="holds no run: no generator"):
        export_command.main([str(tmp_path / "generator.safetensors"), "--out", str(tmp_path / "model")])


def test_a_model_is_replaced_when_the_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "models" / "own"
    for text in ("old", "new"):
        with in_place_of(out) as partial:
            for name in ("spec.json", "generator.onnx"):
                (partial / name).write_text(text)
            assert not out.exists() or (out / "spec.json").read_text() == "old"
        (out / "MODEL_CARD.md").touch()
    assert {f.name: f.read_text() for f in out.iterdir()} == {
        "spec.json": "new",
        "generator.onnx": "new",
        "MODEL_CARD.md": "",
    }
    assert [f.name for f in out.parent.iterdir()] == ["own"]
    with pytest.raises(ExportError, match="is a file"), in_place_of(out / "spec.json"):
        pass
