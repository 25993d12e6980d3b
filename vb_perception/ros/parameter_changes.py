"""What becomes of a change of the node's parameters: carried out at once, kept for the next configure, or refused."""

from collections.abc import Callable

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from vb_perception.errors import VbPerceptionError
from vb_perception.ros import parameters
from vb_perception.ros.equipment import Equipment


class ParameterChanges:
    """Declares the node's parameters and answers to their changes, in the executor's thread.

    `problems`, by name and in words, is what is wrong with the values as they are: the node cannot be configured then.
    """

    def __init__(self, node: Node, equipment: Callable[[], Equipment | None]) -> None:
        """`equipment` tells what the node holds; None while it is not configured."""
        self._node, self._equipment = node, equipment
        self.problems = parameters.declare(node)
        node.add_on_set_parameters_callback(self._on_change)

    def _on_change(self, changed: list[Parameter]) -> SetParametersResult:
        ours = [p for p in changed if not p.name.startswith(parameters.FOREIGN)]
        equipment = self._equipment()
        if equipment is None:
            for name in parameters.cured(self._node, ours):
                self.problems.pop(name, None)
            return SetParametersResult(successful=True)
        refusal = parameters.refusal_while_configured(self._node, ours)
        if refusal is not None:
            return refusal
        try:
            equipment.adopt(parameters.read(self._node, {p.name: p.value for p in ours}))
        except VbPerceptionError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)
