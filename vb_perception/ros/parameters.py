"""The node's parameters as ROS knows them: declared, checked when given, and read into `Settings`."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from vb_perception.errors import ConfigError
from vb_perception.ros.parameter_table import BY_NAME, OF_A_CAMERA, TABLE, Row, descriptor, unfit
from vb_perception.ros.parameter_validation import camera_names, full_name, settings_from
from vb_perception.ros.settings import Settings

FOREIGN = ("use_sim_time", "start_type_description_service", "qos_overrides.")  # rclpy's own parameters


def declare(node: Node) -> dict[str, str]:
    """Declare the table on a node made with `automatically_declare_parameters_from_overrides=True`.

    Returns, by name, what is wrong with the given overrides (unknown names, wrong types, values out of range), in
    words, so that `on_configure` can refuse them; rclpy alone would ignore the first and die of the others.
    """
    given = [name for name in node.get_parameters_by_prefix("") if not name.startswith(FOREIGN)]
    problems: dict[str, str] = {}
    for row in TABLE:
        problems |= _declare_one(node, row, row.name, row.default, given)
    problems |= _declare_cameras(node, given)
    known = [name for name, _ in _rows(node)]
    return {name: _unknown(name, known) for name in given if name not in known} | problems


def declare_cameras(node: Node, own: Collection[str]) -> None:
    """Declare the parameters of cameras that were named since, and let all but those in `own` follow the shared values.

    Raises:
        ConfigError: impossible names, or somebody else's callback refuses a value.
    """
    followers = []
    for camera in camera_names(node.get_parameter("cameras").value):
        for row in OF_A_CAMERA:
            name, shared = full_name(camera, row.name), node.get_parameter(row.name)
            if not node.has_parameter(name):
                node.declare_parameter(name, shared.value, descriptor(row))
            elif name not in own and node.get_parameter(name).value != shared.value:
                followers.append(Parameter(name, shared.type_, shared.value))
    answer = node.set_parameters_atomically(followers)
    if not answer.successful:
        raise ConfigError(answer.reason)


def read(node: Node, changed: Mapping[str, Any] | None = None) -> Settings:
    """Check the parameters together, as they would be after a change; raises ConfigError that names the parameter."""
    overlay = changed or {}
    return settings_from(lambda name: overlay[name] if name in overlay else node.get_parameter(name).value)


def cured(node: Node, changed: Sequence[Parameter]) -> set[str]:
    """The names whose problems of `declare` end with these changes, which rclpy has checked for type and range.

    A known parameter has a good value then; an unknown one stays unknown, and rclpy lets nobody undeclare it.
    """
    return {p.name for p in changed} & {name for name, _ in _rows(node)}


def refusal_while_configured(node: Node, changed: Sequence[Parameter]) -> SetParametersResult | None:
    """A refusal of changes that would have no effect now, or None."""
    rows = dict(_rows(node))
    cameras = _names(node)
    late = [p.name for p in changed if p.name in rows and not rows[p.name].live and p.name != "autostart"]
    if late:
        reason = f"{', '.join(late)}: read when the node is configured; deactivate and clean it up first"
        return SetParametersResult(successful=False, reason=reason)
    shared = [p.name for p in changed if cameras and p.name in BY_NAME and BY_NAME[p.name].camera]
    if shared:
        instead = ", ".join(full_name(camera, name) for name in shared for camera in cameras)
        reason = f"{', '.join(shared)}: with several cameras this is only a default; set {instead}"
        return SetParametersResult(successful=False, reason=reason)
    return None


def _names(node: Node) -> tuple[str, ...]:
    try:
        return camera_names(node.get_parameter("cameras").value)
    except ConfigError:
        return ()


def _rows(node: Node) -> Iterator[tuple[str, Row]]:
    """Every parameter by its full name."""
    yield from BY_NAME.items()
    for camera in _names(node):
        for row in OF_A_CAMERA:
            yield full_name(camera, row.name), row


def _declare_cameras(node: Node, given: Sequence[str]) -> dict[str, str]:
    try:
        cameras = camera_names(node.get_parameter("cameras").value)
    except ConfigError as error:
        return {"cameras": str(error)}
    problems: dict[str, str] = {}
    for camera in cameras:
        for row in OF_A_CAMERA:
            default = node.get_parameter(row.name).value
            problems |= _declare_one(node, row, full_name(camera, row.name), default, given)
    return problems


def _declare_one(node: Node, row: Row, name: str, default: object, given: Sequence[str]) -> dict[str, str]:
    value = default
    if name in given:
        value = node.get_parameter(name).value
        node.undeclare_parameter(name)
    try:
        node.declare_parameter(name, default, descriptor(row))
    except (InvalidParameterTypeException, InvalidParameterValueException):
        node.declare_parameter(name, default, descriptor(row), ignore_override=True)
        return {name: unfit(row, name, value)}
    return {}


def _unknown(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, 1, 0.0)[0]
    return f"unknown parameter {name!r}: the nearest known one is {near!r}; see config/perception.param.yaml for all"
