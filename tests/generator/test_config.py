"""The sizes of a generator, as settings and as checkpoints tell them."""

import dataclasses
import json
from pathlib import Path

import pytest

from vb_perception.errors import CheckpointError
from vb_perception.generator.config import GeneratorConfig


def test_what_is_written_is_read(tmp_path: Path) -> None:
    config = GeneratorConfig(embedding_dim=32, decoder_channels=(64, 48, 32, 12))
    config.write(tmp_path / "config.json")
    assert GeneratorConfig.read(tmp_path / "config.json") == config


def test_settings_change_the_default_and_an_old_checkpoint_keeps_its_painter() -> None:
    assert GeneratorConfig.with_values({}) == GeneratorConfig()
    assert GeneratorConfig.with_values({"denoiser_channels": [56, 96]}).light_painter
    old = dataclasses.asdict(GeneratorConfig())
    for name in ("light_painter", "canonical_camera", "recognises", "recogniser_mixes", "encoder"):
        del old[name]
    read = GeneratorConfig.from_values(old)
    assert (read.light_painter, read.canonical_camera, read.recognises) == (False, False, False)
    assert (read.recogniser_mixes, read.encoder) == (0, "lite0")


def test_an_unknown_size_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"embeding_dim": 96}))
    with pytest.raises(CheckpointError, match="embeding_dim"):
        GeneratorConfig.read(tmp_path / "config.json")
