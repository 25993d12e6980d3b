"""A lifecycle node that refuses a transition which does not fit its state, instead of ending the process.

rclpy raises out of the executor when a request names such a transition by its id, and answers nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode

FINALIZED = "finalized"


class CheckedLifecycleNode(LifecycleNode):
    """As rclpy's; requests of `~/change_state` are looked at first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - handed on to rclpy
        super().__init__(*args, **kwargs)
        (service,) = (service for service in self.services if service.srv_type is ChangeState)
        carry_out = service.callback
        service.callback = lambda request, response: self._on_request(carry_out, request, response)

    @property
    def finalized(self) -> bool:
        """Whether it was shut down by a transition, after which there is no other."""
        return bool(self._state_machine.current_state[1] == FINALIZED)

    def _on_request(
        self,
        carry_out: Callable[[ChangeState.Request, ChangeState.Response], ChangeState.Response],
        request: ChangeState.Request,
        response: ChangeState.Response,
    ) -> ChangeState.Response:
        asked, state = request.transition, self._state_machine.current_state[1]
        possible = [(number, label) for number, label, *_ in self._state_machine.available_transitions]
        # As rclpy reads a request: the label counts where there is one.
        if any(label == asked.label if asked.label else number == asked.id for number, label in possible):
            return carry_out(request, response)
        expected = ", ".join(f"{label} ({number})" for number, label in possible) or "none any more: start it again"
        told = f"{asked.label} ({asked.id})".lstrip()
        self.get_logger().error(
            f"transition {told} was asked for and refused: the node is {state}, expected {expected}; a lifecycle "
            "manager needs autostart:=false, or the node changes its state by itself"
        )
        response.success = False
        return response


@contextmanager
def defects_told(transition: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Tell what rclpy turns into the ERROR transition without a word; `transition`: configured, activated."""
    try:
        yield
    except Exception as error:
        tell(f"not {transition} because of a defect, please report it:\n{error!r}")
        raise
