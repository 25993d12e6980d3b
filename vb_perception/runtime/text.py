"""Prompts as the generator reads them: one row a token, the phrase's embedding beside its colour as numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import ConfigError, EngineMismatchError, InferenceError
from vb_perception.instructions.phrases import unknown_words
from vb_perception.runtime.contract import Port
from vb_perception.runtime.engine import EngineSpec, Float
from vb_perception.runtime.onnx_engine import OnnxSession
from vb_perception.tasks import PromptToken

COLUMNS_AFTER_EMBEDDING = 11
STOP, UNSURE, COLOUR, HAS_COLOUR = -11, slice(-10, -7), slice(-7, -4), -4
ROLE_COLUMN = {"task": -3, "thing": -2, "background": -1, "instance": -2}
"""A row of D = E + 11: embedding E | number of the colour stop, counted from 1, 0 for other rows | r, g, b of the stop
where the generator is unsure | r, g, b | has colour | is task | is thing or instance | is background.

Colours in [-1, 1]."""

COLUMNS_BEFORE_STOPS = 7
"""Of models that know no colour stops: without the first four of those columns."""
HALF_LEVELS = 127.5
BYTES, EMBEDDING = "bytes", "embedding"
WORDS = "words.txt"
"""In a model's folder: the nouns that the generator was taught, one a line."""


class RowLayout(Protocol):
    """The sizes of a prompt, as an EngineSpec or, in training, a GeneratorConfig gives them."""

    @property
    def max_tokens(self) -> int:
        """Rows of a prompt."""
        ...

    @property
    def token_dim(self) -> int:
        """Columns of a row."""
        ...

    @property
    def embedding_dim(self) -> int:
        """Columns of a row that hold the phrase's embedding."""
        ...


def prompt_rows(tokens: Sequence[PromptToken], embeddings: Float, layout: RowLayout) -> Float:
    """Tokens with their embeddings (len(tokens), E) as the rows (max_tokens, token_dim); unused rows are zero.

    Raises:
        ConfigError: more tokens than the generator has rows.
    """
    if len(tokens) > layout.max_tokens:
        phrases = ", ".join(token.phrase for token in tokens)
        msg = (
            f"prompt of {len(tokens)} tokens ({phrases}): this generator reads {layout.max_tokens}; "
            "split it over two tasks"
        )
        raise ConfigError(msg)
    rows = np.zeros((layout.max_tokens, layout.embedding_dim + COLUMNS_AFTER_EMBEDDING), np.float32)
    stops = 0
    for row, token, embedding in zip(rows, tokens, embeddings, strict=False):
        if token.colour is not None:
            row[COLOUR] = np.array(token.colour, np.float32) / HALF_LEVELS - 1
            row[HAS_COLOUR] = 1
        if token.role == "stop":
            stops += 1
            row[STOP] = stops
            row[UNSURE] = np.array(token.unsure, np.float32) / HALF_LEVELS - 1
        else:
            row[: layout.embedding_dim] = embedding
            row[ROLE_COLUMN[token.role]] = 1
    if layout.token_dim - layout.embedding_dim == COLUMNS_BEFORE_STOPS:
        rows[rows[:, STOP] > 0] = 0
        rows = np.delete(rows, np.s_[STOP:-COLUMNS_BEFORE_STOPS], axis=1)
    return rows


def phrase_bytes(phrase: str, spec: EngineSpec) -> NDArray[np.int64]:
    """A phrase in lower case, stripped, as UTF-8 bytes (1, spec.phrase_bytes), padded with zeros.

    Raises:
        ConfigError: nothing is left of it, or it is longer than the text encoder reads.
    """
    plain = phrase.strip().lower().encode()
    if not 0 < len(plain) <= spec.phrase_bytes:
        msg = f"phrase {phrase!r} has {len(plain)} bytes, expected 1 to {spec.phrase_bytes}; say it in fewer words"
        raise ConfigError(msg)
    padded = np.zeros((1, spec.phrase_bytes), np.int64)
    padded[0, : len(plain)] = list(plain)
    return padded


class PromptEncoder:
    """Embeds phrases with `text.onnx` of a model folder, each phrase once.  Not thread-safe: one owner."""

    def __init__(self, model_dir: Path, spec: EngineSpec) -> None:
        """Load and check the text encoder.

        Raises:
            EngineUnavailableError: ONNX Runtime is not installed.
            EngineMismatchError: the file is missing, damaged or not what the spec describes.
        """
        if spec.token_dim - spec.embedding_dim not in (COLUMNS_AFTER_EMBEDDING, COLUMNS_BEFORE_STOPS):
            msg = (
                f"{spec.name} has token_dim {spec.token_dim} and embedding_dim {spec.embedding_dim}, expected a "
                f"difference of {COLUMNS_AFTER_EMBEDDING}; run `vb-perception export` again"
            )
            raise EngineMismatchError(msg)
        file = spec.verify(model_dir / "text.onnx", spec.text_sha256)
        self.nouns: frozenset[str] = frozenset()
        if spec.words_sha256:
            words = spec.verify(model_dir / WORDS, spec.words_sha256)
            self.nouns = frozenset(words.read_text(encoding="utf-8").splitlines())
        inputs: dict[str, Port] = {BYTES: ("int64", (None, spec.phrase_bytes))}
        outputs: dict[str, Port] = {EMBEDDING: ("float32", (None, spec.embedding_dim))}
        self.spec = spec
        self._session = OnnxSession(file, inputs, outputs, threads=1)
        self._embeddings: dict[str, Float] = {}

    def embed(self, phrase: str) -> Float:
        """The embedding (E,) of a phrase.

        Raises:
            ConfigError: the phrase is empty or too long.
            InferenceError: the text encoder failed.
        """
        if phrase not in self._embeddings:
            embedding = self._session.run({BYTES: phrase_bytes(phrase, self.spec)})
            if embedding.shape != (1, self.spec.embedding_dim) or not np.isfinite(embedding).all():
                size = self.spec.embedding_dim
                msg = f"the embedding of {phrase!r} is not {size} finite numbers; export the model again"
                raise InferenceError(msg)
            self._embeddings[phrase] = embedding[0]
        return self._embeddings[phrase]

    def unknown(self, tokens: Sequence[PromptToken]) -> tuple[str, ...]:
        """The phrases of things that the generator was never taught; none if its folder does not list its words."""
        things = [token.phrase for token in tokens if token.role == "thing"]
        return tuple(phrase for phrase in things if self.nouns and unknown_words(phrase, self.nouns))

    def encode(self, tokens: Sequence[PromptToken]) -> Float:
        """The prompt (max_tokens, token_dim) of one task's tokens; raises as `embed` and `prompt_rows` do.

        Things whose phrase is `unknown` are left out, so that they are painted nowhere instead of somewhere; with a
        noun go its instances.
        """
        unknown = self.unknown(tokens)
        left_out = ("thing", "instance") if any(t.role == "instance" for t in tokens) and unknown else ("thing",)
        known = [t for t in tokens if t.role not in left_out or (t.role == "thing" and t.phrase not in unknown)]
        nothing = np.zeros(self.spec.embedding_dim, np.float32)
        embeddings = np.array([nothing if t.role == "stop" else self.embed(t.phrase) for t in known], np.float32)
        return prompt_rows(known, embeddings, self.spec)
