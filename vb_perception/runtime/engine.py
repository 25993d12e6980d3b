"""What every compiled generator offers: its spec, and `infer`."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from vb_perception.errors import EngineMismatchError

Float = NDArray[np.float32]
CODEC_VERSION = 1
_PLAIN: dict[Any, tuple[type, ...]] = {str: (str,), int: (int,), float: (float, int)}


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What a generator file computes; it lies beside the model as `spec.json`.

    The graph: `image (1, 3, H, W)` float32 in [-1, 1], `rays (1, 2, H, W)` float32 (x/z, y/z in the optical frame),
    `prompts (N, max_tokens, token_dim)` float32 -> `rgb (N, 3, H, W)` float32 in [-1, 1].  N is free.
    The text graph: `bytes (P, phrase_bytes)` int64, UTF-8 with zero padding -> `embedding (P, embedding_dim)` float32.
    """

    name: str
    height: int
    width: int
    max_tokens: int
    token_dim: int
    embedding_dim: int
    phrase_bytes: int
    default_fov_deg: float
    precision: str
    generator_sha256: str
    text_sha256: str
    weights_sha256: str
    parameters: int
    gflop_three_prompts: float
    codec_version: int = CODEC_VERSION

    def to_json(self) -> str:
        """Serialise, one key a line."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, model_dir: Path) -> "EngineSpec":
        """Read `spec.json` of a model folder and check that it is one we understand."""
        path = model_dir / "spec.json"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            spec = cls(**values)
            for item in dataclasses.fields(cls):
                if not isinstance(value := getattr(spec, item.name), _PLAIN[item.type]):
                    msg = f"{item.name} is {value!r}, expected {item.type}"
                    raise TypeError(msg)  # noqa: TRY301 - told like every other fault of the file
        except (OSError, ValueError, TypeError) as error:
            msg = f"no usable model in {model_dir}: {error}; expected spec.json as written by `vb-perception export`"
            raise EngineMismatchError(msg) from error
        if spec.codec_version != CODEC_VERSION:
            msg = (
                f"{path} was trained for codec version {spec.codec_version}, this program speaks {CODEC_VERSION}; "
                "run `vb-perception export` again with a matching checkpoint"
            )
            raise EngineMismatchError(msg)
        return spec

    def verify(self, file: Path, sha256: str) -> Path:
        """Return `file` if its digest is the one in this spec; say what differs otherwise."""
        try:
            found = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            msg = f"model file {file} cannot be read: {error}; reinstall the package or run `vb-perception export`"
            raise EngineMismatchError(msg) from error
        if found != sha256:
            msg = (
                f"model file {file} has sha256 {found[:12]}..., spec.json says {sha256[:12]}...; "
                "the file is damaged or from another export: reinstall the package or run `vb-perception export`"
            )
            raise EngineMismatchError(msg)
        return file


class Engine(Protocol):
    """A loaded generator.  A context manager; not thread-safe: one owner."""

    @property
    def spec(self) -> EngineSpec:
        """What this engine computes."""
        ...

    @property
    def backend(self) -> str:
        """Name of the runtime and its version."""
        ...

    def infer(self, image: Float, rays: Float, prompts: Float) -> Float:
        """`image (1, 3, H, W)`, `rays (1, 2, H, W)`, `prompts (N, T, D)` -> rgb (N, 3, H, W) in [-1, 1].

        Raises InferenceError if the inputs do not fit the spec, the run fails or the answer is not finite.
        """
        ...

    def close(self) -> None:
        """Release what was taken; `infer` afterwards is an InferenceError."""
        ...

    def __enter__(self) -> Self:
        """Enter the context."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        ...
