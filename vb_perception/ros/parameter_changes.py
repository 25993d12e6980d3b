"""What becomes of a change of the node's parameters: carried out at once, kept for the next configure, or refused."""

from collections.abc import Callable

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from vb_perception.errors import ConfigError, VbPerceptionError
from vb_perception.ros import parameters
from vb_perception.ros.equipment import Equipment


class ParameterChanges:
    """Declares the node's parameters and answers to their changes, in the executor's thread.

    `problems`, by name and in words, is what is wrong with the values as they are: the node cannot be configured then.
    """

    def __init__(self, node: Node, equipment: Callable[[], Equipment | None]) -> None:
        """`equipment` tells what the node holds; None while it is not configured."""
        self._node, self._equipment = node, equipment
        self._own = set(node.get_parameters_by_prefix(""))
        self._settling = False
        self.problems = parameters.declare(node)
        node.add_on_set_parameters_callback(self._on_change)

    def settle(self) -> None:
        """Before the node is configured: cameras have their parameters, and what nobody gave is the shared value.

        Raises:
            ConfigError: there are `problems`, or cameras of impossible names.
        """
        if self.problems:
            raise ConfigError("; ".join(self.problems.values()))
        self._settling = True
        try:
            parameters.declare_cameras(self._node, self._own)
        finally:
            self._settling = False

    def _on_change(self, changed: list[Parameter]) -> SetParametersResult:
        if self._settling:  # what follows was not given
            return SetParametersResult(successful=True)
        ours = [p for p in changed if not p.name.startswith(parameters.FOREIGN)]
        equipment = self._equipment()
        if equipment is None:
            for name in parameters.cured(self._node, ours):
                self.problems.pop(name, None)
            self._own |= {p.name for p in ours}
            return SetParametersResult(successful=True)
        refusal = parameters.refusal_while_configured(self._node, ours)
        if refusal is not None:
            return refusal
        try:
            equipment.adopt(parameters.read(self._node, {p.name: p.value for p in ours}))
        except VbPerceptionError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self._own |= {p.name for p in ours}
        return SetParametersResult(successful=True)
