"""An engine of reduced precision whose answers overflow is replaced by one in fp32."""

import logging
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from vb_perception.errors import NonFiniteError
from vb_perception.runtime.engine import Engine, EngineSpec, Float
from vb_perception.runtime.on_device import FrameAnswer, FrameQuestion

if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger(__name__)

PATIENCE = 3
_Answer = TypeVar("_Answer")


class ReloadingEngine:
    """Passes everything on; after `PATIENCE` answers in a row with NaN or infinity it opens the fp32 engine instead.

    The answers before are the caller's to reject (NonFiniteError); the one that exhausts the patience is asked again in
    fp32.
    """

    def __init__(self, engine: Engine, reopen: Callable[[], Engine]) -> None:
        """Own `engine`; `reopen` gives the engine in fp32."""
        self._engine, self._spec = engine, engine.spec
        self._reopen: Callable[[], Engine] | None = reopen
        self._in_a_row = 0
        self.non_finite = 0
        """How many answers were not finite since the engine was opened."""

    @property
    def spec(self) -> EngineSpec:
        """What this engine was opened to compute; a reload changes how exactly, not what."""
        return self._spec

    @property
    def backend(self) -> str:
        """Name of the runtime that answers at the moment, its version and precision."""
        return self._engine.backend

    @property
    def computed(self) -> str:
        """The precision that answers at the moment."""
        return self._engine.computed

    def infer(self, image: Float, rays: Float, prompts: Float) -> Float:
        """As `Engine.infer`; raises what the engine raises, and what opening the fp32 engine raises."""
        return self._guarded(lambda engine: engine.infer(image, rays, prompts))

    def answer_frame(self, question: FrameQuestion) -> FrameAnswer | None:
        """As `Engine.answer_frame`; raises what `infer` raises."""
        return self._guarded(lambda engine: engine.answer_frame(question))

    def _guarded(self, ask: Callable[[Engine], _Answer]) -> _Answer:
        try:
            answer = ask(self._engine)
        except NonFiniteError as error:
            self.non_finite += 1
            self._in_a_row += 1
            if self._reopen is None or self._in_a_row < PATIENCE:
                raise
            self._reload(error, self._reopen)
            answer = ask(self._engine)
        if answer is not None:  # None says nothing of the engine's health
            self._in_a_row = 0
        return answer

    def _reload(self, error: NonFiniteError, reopen: Callable[[], Engine]) -> None:
        self._reopen = None
        _log.error(
            "%d answers in a row of %s were not finite (%s): it is reloaded in fp32", PATIENCE, self.backend, error
        )
        engine = reopen()
        self._engine.close()
        self._engine = engine

    def close(self) -> None:
        """Close the engine that answers at the moment."""
        self._engine.close()

    def __enter__(self) -> "Self":
        """Enter the context."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()
