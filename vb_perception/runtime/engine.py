"""What every compiled generator offers: its spec, and `infer`."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import EngineMismatchError
from vb_perception.runtime.on_device import FrameAnswer, FrameQuestion

if TYPE_CHECKING:
    from typing_extensions import Self

Float = NDArray[np.float32]
CODEC_VERSION = 2
FP32 = "fp32"
_PLAIN: dict[Any, tuple[type, ...]] = {str: (str,), int: (int,), float: (float, int)}


@dataclass(frozen=True, slots=True)
class Variant:
    """One graph of the model: the same network at one size and precision, and how far it is from torch.

    `golden` is the file with an input and torch's answer to it at this size.  The figures compare the graph with torch
    in fp32 on frames that it was not calibrated on: largest difference of a colour in [-1, 1], mean |d - d'| / d' of
    the decoded depth, share of the pixels whose decoded class is the same.
    """

    file: str
    precision: str
    height: int
    width: int
    sha256: str
    gflop_three_prompts: float
    golden: str = ""
    golden_sha256: str = ""
    colour_error: float = 0.0
    depth_abs_rel: float = 0.0
    mask_agreement: float = 1.0


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What a generator file computes; it lies beside the model as `spec.json`.

    The graph: `image (1, 3, H, W)` float32 in [-1, 1], `rays (1, 2, H, W)` float32 (x/z, y/z in the optical frame),
    `prompts (N, max_tokens, token_dim)` float32 -> `rgb (N, 3, H, W)` float32 in [-1, 1].  N is free.
    `graph_weights` names the file that the graphs share, if they do not hold their own weights; `golden` the file with
    an input and torch's answer to it; `variants` lists the graphs beside `generator.onnx`.
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
    words_sha256: str = ""
    golden: str = ""
    golden_sha256: str = ""
    graph_weights: str = ""
    graph_weights_sha256: str = ""
    variants: tuple[Variant, ...] = ()

    def to_json(self) -> str:
        """Serialise, one key a line."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def read(cls, model_dir: Path) -> "EngineSpec":
        """Read `spec.json` of a model folder and check that it is one we understand."""
        path = model_dir / "spec.json"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            values["variants"] = tuple(_checked(Variant(**row)) for row in values.get("variants", ()))
            spec = _checked(cls(**values))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            msg = f"no usable model in {model_dir}: {error}; expected spec.json as written by `vb-perception export`"
            raise EngineMismatchError(msg) from error
        if spec.codec_version != CODEC_VERSION:
            msg = (
                f"{path} was trained for codec version {spec.codec_version}, this program speaks {CODEC_VERSION}; "
                "run `vb-perception export` again with a matching checkpoint"
            )
            raise EngineMismatchError(msg)
        return spec

    def graphs(self) -> tuple[Variant, ...]:
        """`generator.onnx`, which this spec itself describes, and the variants."""
        own = Variant(
            "generator.onnx",
            self.precision,
            self.height,
            self.width,
            self.generator_sha256,
            self.gflop_three_prompts,
            self.golden,
            self.golden_sha256,
        )
        return (own, *self.variants)

    def choose(self, precision: str = FP32, size: tuple[int, int] | None = None) -> Variant:
        """The graph of a precision and a size (height, width), by default the spec's own.

        Raises:
            EngineMismatchError: the model has no such graph; says which it has.
        """
        height, width = size or (self.height, self.width)
        for variant in self.graphs():
            if (variant.precision, variant.height, variant.width) == (precision, height, width):
                return variant
        has = ", ".join(f"{v.precision} {v.height}x{v.width}" for v in self.graphs())
        msg = (
            f"model {self.name} has no {precision} graph of {height}x{width} pixels, it has {has}; ask for one of "
            "these, or run `vb-perception export` with this size"
        )
        raise EngineMismatchError(msg)

    def at(self, variant: Variant) -> "EngineSpec":
        """This spec for an engine that runs `variant`."""
        return dataclasses.replace(
            self,
            height=variant.height,
            width=variant.width,
            precision=variant.precision,
            generator_sha256=variant.sha256,
            gflop_three_prompts=variant.gflop_three_prompts,
        )

    def verify_graph(self, model_dir: Path, variant: Variant) -> Path:
        """Return the file of `variant` if it and the weights that it reads are those of this spec."""
        for name, sha256 in self.files_of(variant):
            self.verify(model_dir / name, sha256)
        return model_dir / variant.file

    def files_of(self, variant: Variant) -> tuple[tuple[str, str], ...]:
        """Name and digest of each file that a runtime reads for `variant`: shared weights, if any, and the graph."""
        weights = ((self.graph_weights, self.graph_weights_sha256),) if self.graph_weights else ()
        return (*weights, (variant.file, variant.sha256))

    def verify(self, file: Path, sha256: str) -> Path:
        """Return `file` if its digest is the one in this spec; say what differs otherwise."""
        found = digest_of(file)
        if found != sha256:
            msg = (
                f"model file {file} has sha256 {found[:12]}..., spec.json says {sha256[:12]}...; "
                "the file is damaged or from another export: reinstall the package or run `vb-perception export`"
            )
            raise EngineMismatchError(msg)
        return file


def digest_of(file: Path) -> str:
    """The sha256 of a model's file, as spec.json has it; EngineMismatchError if it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        msg = f"model file {file} cannot be read: {error}; reinstall the package or run `vb-perception export`"
        raise EngineMismatchError(msg) from error


_Row = TypeVar("_Row", EngineSpec, Variant)


def _checked(row: _Row) -> _Row:
    """The same row; TypeError if a value is not of its field's type."""
    for item in dataclasses.fields(row):
        value = getattr(row, item.name)
        if item.type in _PLAIN and not isinstance(value, _PLAIN[item.type]):
            msg = f"{item.name} is {value!r}, expected {item.type}"
            raise TypeError(msg)
    return row


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

    @property
    def computed(self) -> str:
        """The precision that it really runs in, once it has answered: a CPU may run the graph of fp32 in bf16."""
        ...

    def infer(self, image: Float, rays: Float, prompts: Float) -> Float:
        """`image (1, 3, H, W)`, `rays (1, 2, H, W)`, `prompts (N, T, D)` -> rgb (N, 3, H, W) in [-1, 1].

        Raises InferenceError if the inputs do not fit the spec, the run fails or the answer is not finite, and
        EngineMismatchError if so many prompts have to be compiled for and the model's files were replaced.
        """
        ...

    def answer_frame(self, question: FrameQuestion) -> FrameAnswer | None:
        """The whole way from a camera's bytes to what was painted, and what that means, where the engine can do it.

        None: it cannot, or not for so many prompts; then `infer` does the middle.  Raises what `infer` raises.
        """
        ...

    def close(self) -> None:
        """Release what was taken; `infer` afterwards is an InferenceError."""
        ...

    def __enter__(self) -> "Self":
        """Enter the context."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        ...
