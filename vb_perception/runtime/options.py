"""How a network is compiled and run, beyond the backend and its threads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vb_perception.errors import ConfigError

OVERFLOWS = ("rebuild", "split")
PRECISIONS = ("auto", "fp32", "bf16", "fp16", "int8")
Progress = Callable[[str, float], None]


def size_from(text: str) -> tuple[int, int]:
    """Height and width in pixels of "480x640"; ConfigError if it is no size."""
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit()):
        msg = f"size {text!r}: expected height x width in pixels, as in 480x640"
        raise ConfigError(msg)
    return int(height), int(width)


def silent(_what: str, _share: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a network is compiled and run, beyond the backend and its threads.

    `size` (height, width) in pixels, None for the model's own; `prompts`, how many tasks will be asked at once;
    `fallback`, whether an engine that fails its self-test may be replaced by a slower one; `workspace_mb`, the most
    memory that a build may use (0: all); `overflow`, what TensorRT does with more prompts than its plan takes;
    `progress` is told what is being done and the share of it that is done, from the thread that opens the engine.
    """

    precision: str = "auto"
    size: tuple[int, int] | None = None
    prompts: int = 3
    fallback: bool = False
    workspace_mb: int = 0
    overflow: Literal["rebuild", "split"] = "rebuild"
    progress: Progress = silent

    def __post_init__(self) -> None:
        """Refuse what no build can mean."""
        if self.precision not in PRECISIONS:
            msg = f"precision {self.precision!r}: expected one of {', '.join(PRECISIONS)}"
            raise ConfigError(msg)
        if self.prompts < 1 or self.workspace_mb < 0 or self.overflow not in OVERFLOWS:
            msg = (
                f"prompts {self.prompts}, workspace_mb {self.workspace_mb}, overflow {self.overflow!r}: expected 1 or "
                "more, 0 or more, and rebuild or split"
            )
            raise ConfigError(msg)
