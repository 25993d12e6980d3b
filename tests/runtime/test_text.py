import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from vb_perception.errors import ConfigError, EngineMismatchError
from vb_perception.runtime.engine import EngineSpec
from vb_perception.runtime.text import PromptEncoder, phrase_bytes, prompt_rows
from vb_perception.tasks import MetricDepth, PromptToken, SemanticSegmentation

TOKENS = (
    PromptToken("task", "semantic segmentation"),
    PromptToken("background", "background", (0, 0, 0)),
    PromptToken("thing", "mug", (255, 51, 0)),
    PromptToken("thing", "table"),
)


@pytest.fixture(scope="module")
def encoder(toy_dir: Path) -> PromptEncoder:
    return PromptEncoder(toy_dir, EngineSpec.read(toy_dir))


def test_each_token_is_a_row(encoder: PromptEncoder) -> None:
    embeddings = np.arange(4 * 16, dtype=np.float32).reshape(4, 16)
    rows = prompt_rows(TOKENS, embeddings, encoder.spec)
    assert rows.dtype == np.float32
    assert rows.shape == (16, 27)
    assert np.array_equal(rows[:4, :16], embeddings)
    behind = np.array(
        [  # r, g, b, coloured, task, thing, background
            [0.0, 0.0, 0.0, 0, 1, 0, 0],
            [-1.0, -1.0, -1.0, 1, 0, 0, 1],
            [1.0, -0.6, -1.0, 1, 0, 1, 0],
            [0.0, 0.0, 0.0, 0, 0, 1, 0],
        ]
    )
    assert np.allclose(rows[:4, 20:], behind)
    assert not rows[:4, 16:20].any()
    assert not rows[4:].any()


def test_the_stops_of_a_colour_map_are_counted_rows_without_a_phrase(encoder: PromptEncoder) -> None:
    rows = encoder.encode(MetricDepth().tokens)
    assert rows[:9, 16].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert not rows[1:, :16].any()
    assert not rows[1:, -3:].any()  # no role: nothing that could be pointed at
    assert np.allclose(rows[2, 17:23], [1, -1, (64 / 127.5) - 1, 1, -1, -1])  # red, and bluish red where unsure
    assert not rows[9:].any()


def test_encode_is_rows_of_embeddings(encoder: PromptEncoder) -> None:
    embeddings = np.stack([encoder.embed(token.phrase) for token in TOKENS])
    assert np.array_equal(encoder.encode(TOKENS), prompt_rows(TOKENS, embeddings, encoder.spec))
    assert len(np.unique(embeddings.round(3), axis=0)) == 4


def test_a_phrase_is_lower_case_utf8_with_zeros_behind(encoder: PromptEncoder) -> None:
    row = phrase_bytes("  Crème Mug\n", encoder.spec)
    assert row.dtype == np.int64
    assert row.shape == (1, 64)
    assert bytes(row[0].tolist()).rstrip(b"\0") == "crème mug".encode()
    assert np.array_equal(encoder.embed(" Red MUG "), encoder.embed("red mug"))


def test_a_phrase_is_embedded_once(encoder: PromptEncoder) -> None:
    assert encoder.embed("a phrase of its own") is encoder.embed("a phrase of its own")


def test_the_longest_phrase_and_one_byte_more(encoder: PromptEncoder) -> None:
    assert encoder.embed("x" * 64).shape == (16,)
    with pytest.raises(ConfigError, match="has 65 bytes, expected 1 to 64"):
        encoder.embed("x" * 65)
    with pytest.raises(ConfigError, match="has 66 bytes, expected 1 to 64"):
        encoder.embed("é" * 33)


@pytest.mark.parametrize("phrase", ["", "  \n"])
def test_an_empty_phrase(encoder: PromptEncoder, phrase: str) -> None:
    with pytest.raises(ConfigError, match="has 0 bytes, expected 1 to 64"):
        encoder.encode([PromptToken("thing", phrase)])


def test_the_largest_legend_fits_and_one_more_does_not(encoder: PromptEncoder) -> None:
    legend = tuple((f"thing {i}", (i, 0, 1)) for i in range(14))
    tokens = SemanticSegmentation(legend).tokens
    assert encoder.encode(tokens)[:, -3:].sum() == 16
    with pytest.raises(ConfigError, match=r"prompt of 17 tokens .* this generator reads 16; split"):
        encoder.encode([*tokens, PromptToken("thing", "one more")])


def test_a_damaged_text_encoder(toy_dir: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toy_dir, tmp_path / "copy"))
    (folder / "text.onnx").write_bytes(b"garbage")
    with pytest.raises(EngineMismatchError, match=r"text.onnx has sha256"):
        PromptEncoder(folder, EngineSpec.read(folder))


def test_a_spec_with_impossible_columns(encoder: PromptEncoder, toy_dir: Path) -> None:
    spec = dataclasses.replace(encoder.spec, token_dim=30)
    with pytest.raises(EngineMismatchError, match="token_dim 30 and embedding_dim 16, expected a difference of 11"):
        PromptEncoder(toy_dir, spec)


def test_a_text_encoder_of_other_sizes_than_its_spec(encoder: PromptEncoder, toy_dir: Path) -> None:
    spec = dataclasses.replace(encoder.spec, phrase_bytes=48)
    with pytest.raises(EngineMismatchError, match=r"has bytes int64 \(free, 64\), its spec.json describes bytes"):
        PromptEncoder(toy_dir, spec)
