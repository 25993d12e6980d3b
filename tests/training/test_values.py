"""What a YAML of settings may hold, and what is said of the rest: the key, what came, what was expected."""

import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training extra not installed: run `make test-training`")

from vb_perception.errors import ConfigError  # noqa: E402
from vb_perception.training.setting_parts import Large, Stage  # noqa: E402
from vb_perception.training.settings import TrainSettings  # noqa: E402


def read(tmp_path: Path, text: str) -> TrainSettings:
    path = tmp_path / "run.yaml"
    path.write_text(f"osd_dir: a\ncorpus_dir: b\n{text}\n", encoding="utf-8")
    return TrainSettings.read(path)


def test_numbers_may_be_written_as_yaml_does_not_read_them(tmp_path: Path) -> None:
    settings = read(tmp_path, "learning_rate: 1e-3\nweights: {depth: 7e-1}\nthreads: 1.0\nmost_s: .inf")
    assert settings.learning_rate == 1e-3
    assert settings.weights["depth"] == 0.7
    assert isinstance(settings.threads, int)
    assert math.isinf(settings.most_s)
    large = "large: {height: 96, width: 96, batch: 1, every: 2}"
    settings = read(tmp_path, f"stages: [{{height: 64, width: 64, batch: 2, images: 6e4, {large}}}]")
    assert settings.stages == (Stage(64, 64, 2, 60_000, Large(96, 96, 1, 2)),)


def test_fields_of_the_generator_are_of_its_types(tmp_path: Path) -> None:
    assert read(tmp_path, "generator: {denoiser_channels: [64, 128]}").generator == {"denoiser_channels": (64, 128)}


POOL = "height: 64, width: 64, views: 32, fewest: 16, reuse: 2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("generator: {denoiser_chanels: [1, 2]}", "generator: unknown key 'denoiser_chanels'; did you mean 'denoiser"),
        ("generator: {denoiser_channels: [1]}", r"denoiser_channels: got \[1\], expected a list of 2"),
        ("generator: lite0", "generator: got 'lite0', expected keys and values"),
        (f"pool: {{{POOL}, worker: 1}}", "pool: unknown key 'worker'; did you mean 'workers'"),
        (f"pool: {{{POOL}}}", "pool: no workers; expected at least height, width"),
        ("1: 2", "unknown key 1; did you mean"),
        ("further: {1: 0.1}", "further: key: got 1, expected text"),
        ("further: [0.1]", r"further: got \[0.1\], expected keys and values"),
        ("learning_rate: fast", "learning_rate: got 'fast', expected a number"),
        ("learning_rate: .nan", "learning_rate: got nan, expected a number"),
        ("seed: 1.5", "seed: got 1.5, expected a whole number"),
        ("seed: true", "seed: got True, expected a whole number"),
        ("seed: -1", "seed -1: expected zero or more"),
        ("pretrained_encoder: 1", "pretrained_encoder: got 1, expected true or false"),
        ("start_from: 7", "start_from: got 7, expected text"),
        ("stages: []", r"stages \[\]: expected one or more"),
        ("stages: 3", "stages: got 3, expected a list"),
        ("stages: [{height: 100, width: 64, batch: 1, images: 1}]", r"\(100, 64\).*multiples of 32"),
        ("stages: [{height: 64, width: 64, batch: 0, images: 1}]", "batch, images and every of one or more"),
        ("stages: [{height: 64, width: 64, batch: two, images: 1}]", r"stages\[0\]: batch: got 'two'"),
        ("validation_size: [192, 250]", "multiples of 32"),
        ("validation_size: 192", "validation_size: got 192, expected a list of 2"),
        ("validation_frames: [-1]", "frames are numbered from 0"),
        ("validation_frames: [one]", r"validation_frames\[0\]: got 'one', expected a whole number"),
        ("warmup_images: -1", "warmup_images -1"),
        ("cooldown: 1.5", "cooldown 1.5.*from 0 to 1"),
        ("threads: 0", "threads 0.*one or more"),
        ("learns: [1]", r"learns\[0\]: got 1, expected text"),
        ("weights: {held: 1.0}", r"held 1.0, network student, start_from ''.*expected `network: recogniser`"),
        ("validate_every_images: 0", "validate_every_images 0: expected one or more"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text)


def test_bytes_that_are_no_text_are_no_settings(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes(b"osd_dir: \xff\xfe")
    with pytest.raises(ConfigError, match="expected a YAML file"):
        TrainSettings.read(path)
