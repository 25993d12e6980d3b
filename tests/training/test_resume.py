"""A run goes on only with the data that it began with: what was learnt from may not come to be watched."""

import dataclasses
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from tests.training.test_train import settings  # noqa: E402, F401 (a fixture)
from vb_perception.errors import CheckpointError, ConfigError  # noqa: E402
from vb_perception.generator.checkpoint import write_tensors  # noqa: E402
from vb_perception.training.settings import TrainSettings  # noqa: E402
from vb_perception.training.train import STATE, Run  # noqa: E402


def test_the_weights_of_a_model_folder_are_no_run_to_go_on_with(
    settings: TrainSettings,  # noqa: F811
    tmp_path: Path,
) -> None:
    write_tensors(tmp_path / "run" / STATE, {"generator.a": torch.ones(1)}, {"name": "default"})
    with pytest.raises(CheckpointError, match="holds no run: no generator"):
        Run(settings, tmp_path / "run")


def test_a_run_is_not_resumed_with_other_folders_or_numbers_to_watch(
    settings: TrainSettings,  # noqa: F811
    tmp_path: Path,
) -> None:
    run = Run(settings, tmp_path / "run")
    run.save()
    for name, other in (
        ("osd_dir", "elsewhere"),
        ("corpus_dir", "others"),
        ("validation_renders", 2),
        ("withheld_renders", 1),
    ):
        run.settings = dataclasses.replace(settings, **{name: other})  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=rf"{name} .* \(now {other}\)"):
            run.resume()
    run.settings = dataclasses.replace(settings, bench_dir="others", bench_share=0.1)
    with pytest.raises(ConfigError, match=r"bench_dir .* \(now others\), bench_share"):
        run.resume()
    run.settings = dataclasses.replace(settings, learning_rate=1e-4, validate_every_images=9)
    run.resume()


def test_a_run_is_not_resumed_with_another_generator_of_the_same_weights(
    settings: TrainSettings,  # noqa: F811
    tmp_path: Path,
) -> None:
    Run(settings, tmp_path / "run").save()
    with pytest.raises(ConfigError, match=r"generator: canonical_camera True \(now False\)"):
        Run(dataclasses.replace(settings, generator={"canonical_camera": False}), tmp_path / "run")


def test_a_resumed_run_needs_nothing_that_it_began_with(
    settings: TrainSettings,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Run(settings, tmp_path / "run").save()

    def refuse(_name: str) -> str:
        msg = "no ImageNet weights here"
        raise ConfigError(msg)

    monkeypatch.setattr("vb_perception.generator.image_encoder._weights", refuse)
    gone = dataclasses.replace(settings, start_from=str(tmp_path / "gone.safetensors"), pretrained_encoder=True)
    with pytest.raises(ConfigError, match="no ImageNet weights"):
        Run(gone, tmp_path / "new")
    assert Run(gone, tmp_path / "run").images == 0
