"""Readers of the encoder's maps, fitted again to what they read before."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from torch import nn  # noqa: E402

from tests.training.test_train import settings  # noqa: E402, F401 (a fixture)
from vb_perception.errors import CheckpointError  # noqa: E402
from vb_perception.generator.checkpoint import read_tensors, write_tensors  # noqa: E402
from vb_perception.training.reread import Reading, main  # noqa: E402
from vb_perception.training.settings import TrainSettings  # noqa: E402
from vb_perception.training.train import STATE, Run  # noqa: E402

FROM_16 = "average.generator.denoiser.from_16."


def test_what_was_mixed_linearly_is_read_as_before() -> None:
    random = torch.Generator().manual_seed(3)
    reader = nn.Conv2d(6, 3, 1).requires_grad_(requires_grad=False)
    mixed = torch.eye(6) + 0.3 * torch.randn(6, 6, generator=random)
    reading, old = Reading(reader), torch.randn(8, 6, 12, 16, generator=random)
    new = torch.einsum("dc,bchw->bdhw", mixed, old) + 0.5
    reading.add(new[:4], old[:4])
    reading.add(new[4:], old[4:])
    weight, bias, was, remains = reading.solve()
    assert was > 0.05
    assert remains < 1e-4 * was
    again = nn.functional.conv2d(new, weight, bias)
    assert torch.allclose(again, reader(old), atol=0.01)


def test_maps_that_did_not_change_change_nothing() -> None:
    reader = nn.Conv2d(4, 2, 1).requires_grad_(requires_grad=False)
    reading, maps = Reading(reader), torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(4))
    reading.add(maps, maps)
    weight, bias, was, remains = reading.solve()
    assert was == remains == 0
    assert torch.equal(weight, reader.weight)
    assert reader.bias is not None
    assert torch.equal(bias, reader.bias)


@pytest.fixture
def before(settings: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """The state of a run that has not learnt yet; any YAML is read as its settings."""
    Run(settings, tmp_path).save()
    monkeypatch.setattr(TrainSettings, "read", lambda _path: settings)
    return tmp_path / STATE


def _encoder_changed(run: Path, out: Path, **more: float) -> Path:
    """One layer of its encoder a third stronger, as if it had learnt so; `more` is added to the reader of 1/16."""
    tensors, facts = read_tensors(run)
    last = [k for k in tensors if k.startswith("average.generator.encoder.") and k.endswith("weight")][-1]
    tensors[last] = tensors[last] * 1.3
    for name, value in more.items():
        tensors[FROM_16 + name] = tensors[FROM_16 + name] + value
    write_tensors(out, tensors, facts)
    return out


def test_only_the_readers_of_a_run_change(before: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    changed = _encoder_changed(before, tmp_path / "changed.safetensors")
    main(["run.yaml", str(changed), "--as", str(before), "--out", str(out), "--images", "8"])
    old, new = read_tensors(changed)[0], read_tensors(out)[0]
    assert new.keys() == {k for k in old if k.startswith("average.")}
    moved = {k for k in new if not torch.equal(new[k], old[k])}
    assert moved
    assert all(".lateral." in k or ".from_" in k for k in moved)


def test_another_runs_readers_are_refused(before: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    other = _encoder_changed(before, tmp_path / "other.safetensors", weight=0.1)
    with pytest.raises(CheckpointError, match=r"its denoiser\.from_16 is not that of .*encoder alone differs"):
        main(["run.yaml", str(other), "--as", str(before), "--out", str(out)])
    assert not out.exists()
