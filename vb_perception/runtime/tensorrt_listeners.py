"""What listens to TensorRT: its errors, which it only logs, and the progress of a build."""

import logging
from typing import Any

from vb_perception.runtime.options import Progress

_log = logging.getLogger(__name__)

KEPT_LINES = 20


def make_logger(trt: Any) -> Any:  # noqa: ANN401 - a class derived from one of the module's
    """A logger that keeps the last errors in `.errors`: TensorRT returns None, and says why only there."""

    class Logger(trt.ILogger):  # type: ignore[misc]
        """TensorRT's lines."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:  # noqa: ANN401 - the module's enumeration
            """Called by TensorRT, from any of its threads."""
            if severity in (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR):
                self.errors = [*self.errors, message][-KEPT_LINES:]
                _log.error("TensorRT: %s", message)
            elif severity == trt.ILogger.Severity.WARNING:
                _log.debug("TensorRT: %s", message)

    return Logger()


def make_monitor(trt: Any, progress: Progress) -> Any:  # noqa: ANN401 - a class derived from one of the module's
    """A monitor that tells `progress` of the outermost phase."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        """Hands on the steps of the outermost phase."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            """A phase of `num_steps` begins."""
            if not parent_phase:
                self._steps[phase_name] = num_steps
                progress(phase_name, 0.0)

        def phase_finish(self, phase_name: str) -> None:
            """A phase is over."""
            if self._steps.pop(phase_name, 0):
                progress(phase_name, 1.0)

        def step_complete(self, phase_name: str, step: int) -> bool:
            """A step is done; whether to go on."""
            if phase_name in self._steps:
                progress(phase_name, (step + 1) / max(1, self._steps[phase_name]))
            return True

    return Monitor()
