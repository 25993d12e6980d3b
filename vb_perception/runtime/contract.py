"""What all engines check alike: the graph is what its spec describes, inputs fit, the answer is a finite image."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vb_perception.errors import EngineMismatchError, InferenceError, NonFiniteError
from vb_perception.runtime.engine import EngineSpec, Float, Variant, digest_of
from vb_perception.runtime.on_device import FrameAnswer, FrameQuestion

if TYPE_CHECKING:
    from typing_extensions import Self

Port = tuple[str, tuple[int | None, ...]]
"""Element type (NumPy's name) and shape of one input or output; None is a free size."""

IMAGE, RAYS, PROMPTS, RGB = "image", "rays", "prompts", "rgb"


def generator_ports(spec: EngineSpec) -> tuple[dict[str, Port], dict[str, Port]]:
    """Inputs and outputs by name of the generator that a spec describes."""
    size = (spec.height, spec.width)
    inputs: dict[str, Port] = {
        IMAGE: ("float32", (1, 3, *size)),
        RAYS: ("float32", (1, 2, *size)),
        PROMPTS: ("float32", (None, spec.max_tokens, spec.token_dim)),
    }
    return inputs, {RGB: ("float32", (None, 3, *size))}


def check_ports(file: Path, found: Mapping[str, Port], expected: Mapping[str, Port]) -> None:
    """Compare a graph's inputs or outputs with its spec.

    A size that the graph leaves free is no mismatch; a size that the spec leaves free must be free.

    Raises:
        EngineMismatchError: a name is missing or too many, or an element type or a size differs.
    """
    same_names = found.keys() == expected.keys()
    if same_names and all(_fits(found[name], port) for name, port in expected.items()):
        return
    msg = (
        f"{file} has {_in_words(found)}, its spec.json describes {_in_words(expected)}; "
        "the two are from different exports: reinstall the package or run `vb-perception export`"
    )
    raise EngineMismatchError(msg)


@contextmanager
def unreplaced(model_dir: Path, spec: EngineSpec, variant: Variant) -> Iterator[Path]:
    """The file of `variant`, for a runtime to read: the one that `spec` describes, before that and after it.

    An export puts its files where those are that an open engine came from; what were compiled of them would go by the
    digest of the model before.  Both times, since a runtime takes a graph's weights from the folder itself: bytes that
    were checked cannot be handed to it.

    Raises:
        EngineMismatchError: the graph or its weights are no longer those that the engine was opened with.
    """
    _check_unreplaced(model_dir, spec, variant)
    yield model_dir / variant.file
    _check_unreplaced(model_dir, spec, variant)


def _check_unreplaced(model_dir: Path, spec: EngineSpec, variant: Variant) -> None:
    for name, sha256 in spec.files_of(variant):
        found = digest_of(model_dir / name)
        if found != sha256:
            msg = (
                f"the model at {model_dir / name} was replaced while it was open: sha256 {found[:12]}..., the engine "
                f"was opened with {sha256[:12]}...; reload it: close the engine and open it again (of a node: call "
                "~/recover)"
            )
            raise EngineMismatchError(msg)


def _fits(found: Port, expected: Port) -> bool:
    (found_type, found_shape), (expected_type, expected_shape) = found, expected
    return (
        found_type == expected_type
        and len(found_shape) == len(expected_shape)
        and all(size is None or size == wanted for size, wanted in zip(found_shape, expected_shape, strict=True))
    )


def _in_words(ports: Mapping[str, Port]) -> str:
    shapes = {
        name: ", ".join("free" if size is None else str(size) for size in shape) for name, (_, shape) in ports.items()
    }
    return " and ".join(f"{name} {ports[name][0]} ({shape})" for name, shape in shapes.items())


class CheckedEngine(ABC):
    """The part of an `Engine` that is the same for all runtimes; a runtime adds `_run` and `_release`."""

    def __init__(self, spec: EngineSpec, backend: str) -> None:
        self._spec = spec
        self._backend = backend
        self._open = True
        self.computed = spec.precision
        """The precision that it really runs in, once it has answered: what the self-test judges it by."""

    @property
    def spec(self) -> EngineSpec:
        """What this engine computes."""
        return self._spec

    @property
    def backend(self) -> str:
        """Name of the runtime and its version."""
        return self._backend

    def infer(self, image: Float, rays: Float, prompts: Float) -> Float:
        """`image (1, 3, H, W)`, `rays (1, 2, H, W)`, `prompts (N, T, D)` -> rgb (N, 3, H, W) in [-1, 1].

        All float32; the answer is the caller's to keep.

        Raises:
            InferenceError: closed, inputs do not fit the spec, or the run failed.
            NonFiniteError: the answer is not a finite image.
            EngineMismatchError: so many prompts have to be compiled for, and the model's files were replaced.
        """
        self._check_open()
        expected, _ = generator_ports(self._spec)
        for name, array in ((IMAGE, image), (RAYS, rays), (PROMPTS, prompts)):
            _check_array(f"{self._backend}: input {name}", array, expected[name])
        rgb = self._run(image, rays, prompts)
        answer = (len(prompts), 3, self._spec.height, self._spec.width)
        _check_array(f"{self._backend}: output {RGB}", rgb, ("float32", answer))
        if not np.isfinite(rgb).all():
            count = f"{int((~np.isfinite(rgb)).sum())} of {rgb.size}"
            raise self._not_finite(count)
        return rgb

    def _check_frame(self, question: FrameQuestion) -> None:
        inputs, _ = generator_ports(self._spec)
        box, count = question.box, len(question.readings)
        ports = {
            "rgb": ("uint8", (box.source_height, box.source_width, 3)),
            RAYS: inputs[RAYS],
            PROMPTS: ("float32", (count, *inputs[PROMPTS][1][1:])),
        }
        for name, port in ports.items():
            _check_array(f"{self._backend}: {name} of a frame", getattr(question, name), port)

    def _check_open(self) -> None:
        if not self._open:
            msg = f"{self._backend}: asked after close; open the engine again"
            raise InferenceError(msg)

    def _not_finite(self, count: str) -> NonFiniteError:
        return NonFiniteError(
            f"{self._backend}: {count} output values are NaN or infinite; check the input for NaN, and try precision "
            "fp32 if a lower one was asked for"
        )

    def answer_frame(self, question: FrameQuestion) -> FrameAnswer | None:  # noqa: ARG002 - of those that can
        """As `Engine.answer_frame`: None, for what takes and gives floats alone."""
        return None

    @abstractmethod
    def _run(self, image: Float, rays: Float, prompts: Float) -> Float:
        """Run the network on checked inputs; raise InferenceError if the runtime fails."""

    def _release(self) -> None:  # noqa: B027 - most runtimes let go with their last reference
        """Let go of what the runtime holds."""

    def close(self) -> None:
        """Release what was taken; a second call does nothing."""
        if self._open:
            self._open = False
            self._release()

    def __enter__(self) -> "Self":
        """Enter the context."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _check_array(what: str, array: NDArray[np.generic], port: Port) -> None:
    dtype, shape = port
    sizes_fit = array.ndim == len(shape) and all(
        size == wanted if wanted is not None else size > 0 for size, wanted in zip(array.shape, shape, strict=True)
    )
    if not sizes_fit or array.dtype.name != dtype:
        msg = f"{what} is {array.dtype} {array.shape}, expected {_in_words({'': port}).strip()}"
        raise InferenceError(msg)
