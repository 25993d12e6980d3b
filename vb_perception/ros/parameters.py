"""The node's parameters: one table that is declared, checked and read into a frozen value."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from vb_perception.codecs.depth import DepthCodec
from vb_perception.codecs.palette import COLOUR_NAMES, Colour
from vb_perception.errors import ConfigError
from vb_perception.instructions import task_from_text
from vb_perception.ros.qos import PROFILES
from vb_perception.tasks import MetricDepth, SemanticSegmentation, SurfaceNormals, Task

DEFAULT_MODEL = Path(__file__).resolve().parents[1] / "models" / "default"
FOREIGN = ("use_sim_time", "start_type_description_service", "qos_overrides.")  # rclpy's own parameters


KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number with a decimal point",
    str: "text",
    list: "a list of texts",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter: its default tells the type; `span` is the closed range, `choices` what a text may be."""

    name: str
    default: Any
    text: str
    span: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()


TABLE = (
    Row("autostart", True, "configure and activate at start; false: wait for lifecycle transitions"),  # noqa: FBT003
    Row("model", "default", "folder of an exported model, or 'default' for the one in the package"),
    Row("backend", "auto", "what runs the model: auto, openvino, onnxruntime, or fake (known answers, for tests)"),
    Row("threads", 0, "CPU threads of the backend; 0: the backend chooses", (0, 256)),
    Row("image_transport", "raw", "subscribe to ~/input/image, or to its /compressed", choices=("raw", "compressed")),
    Row("sync_info", "exact", "camera_info of the image's stamp, or the latest one", choices=("exact", "latched")),
    Row("camera_info_wait_s", 0.5, "how long an image waits for its camera_info [s]", (0.0, 10.0)),
    Row("require_camera_info", True, "reject images without a calibrated camera_info"),  # noqa: FBT003
    Row("tasks", ["depth", "normals", "segmentation"], "what to paint: these names, or instructions in words"),
    Row("classes", ["table", "object"], "what the task 'segmentation' names; ids count from 1, 0 is the background"),
    Row("colours", ["#FF0000", "#00FF00"], "one colour a class: #RRGGBB or a colour's name; not black"),
    Row("max_range_m", 80.0, "depth beyond this is not reported [m]", (0.1, 1000.0)),
    Row("beyond_range", "nan", "what depth beyond max_range_m becomes", choices=("nan", "inf")),
    Row("input_qos", "sensor_data", "QoS of the image subscription", choices=("sensor_data", "reliable")),
    Row("camera_info_qos", "sensor_data", "QoS of the camera_info subscription", choices=tuple(PROFILES)),
    Row("output_qos", "reliable", "QoS of the outputs", choices=("reliable", "sensor_data")),
    Row("stats_rate_hz", 1.0, "rate of ~/output/latency and /diagnostics [Hz]", (0.1, 50.0)),
    Row("latency_window", 300, "frames in the latency percentiles", (1, 100_000)),
    Row("max_age_s", 0.0, "reject images older than this when their turn comes [s]; 0: never", (0.0, 60.0)),
    Row("stamp_jump_s", 1.0, "a stamp further back than this starts a new run; else it is rejected [s]", (0.0, 60.0)),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the node was configured to do; every value checked."""

    model_dir: Path
    backend: str
    threads: int
    compressed: bool
    latched_info: bool
    camera_info_wait_ns: int
    require_camera_info: bool
    tasks: tuple[Task, ...]
    input_qos: str
    camera_info_qos: str
    output_qos: str
    stats_period_s: float
    latency_window: int
    max_age_ns: int
    stamp_jump_ns: int


def declare(node: Node) -> dict[str, str]:
    """Declare the table on a node made with `automatically_declare_parameters_from_overrides=True`.

    Returns, by name, what is wrong with the given overrides (unknown names, wrong types, values out of range), in
    words, so that `on_configure` can refuse them; rclpy alone would ignore the first and die of the others.
    """
    given = [name for name in node.get_parameters_by_prefix("") if not name.startswith(FOREIGN)]
    names = [row.name for row in TABLE]
    problems = {name: _unknown(name, names) for name in given if name not in names}
    for row in TABLE:
        value = row.default
        if row.name in given:
            value = node.get_parameter(row.name).value
            node.undeclare_parameter(row.name)
        try:
            node.declare_parameter(row.name, row.default, _descriptor(row))
        except (InvalidParameterTypeException, InvalidParameterValueException):
            problems[row.name] = _unfit(row, value)
            node.declare_parameter(row.name, row.default, _descriptor(row), ignore_override=True)
    return problems


def read(node: Node) -> Settings:
    """Check the parameters together; raises ConfigError that names the parameter."""
    value = {row.name: node.get_parameter(row.name).value for row in TABLE}
    for row in TABLE:
        if row.choices and value[row.name] not in row.choices:
            raise ConfigError(_unfit(row, value[row.name]))
    codec = DepthCodec(max_range_m=value["max_range_m"], beyond=value["beyond_range"])
    return Settings(
        model_dir=DEFAULT_MODEL if value["model"] == "default" else Path(value["model"]).expanduser(),
        backend=value["backend"],
        threads=value["threads"],
        compressed=value["image_transport"] == "compressed",
        latched_info=value["sync_info"] == "latched",
        camera_info_wait_ns=round(value["camera_info_wait_s"] * 1e9),
        require_camera_info=value["require_camera_info"],
        tasks=_tasks(value["tasks"], _legend(value["classes"], value["colours"]), codec),
        input_qos=value["input_qos"],
        camera_info_qos=value["camera_info_qos"],
        output_qos=value["output_qos"],
        stats_period_s=1 / value["stats_rate_hz"],
        latency_window=value["latency_window"],
        max_age_ns=round(value["max_age_s"] * 1e9),
        stamp_jump_ns=round(value["stamp_jump_s"] * 1e9),
    )


def cured(changed: Sequence[Parameter]) -> set[str]:
    """The names whose problems of `declare` end with these changes, which rclpy has checked for type and range.

    A known parameter has a good value then; an unknown one stays unknown, and rclpy lets nobody undeclare it.
    """
    return {p.name for p in changed} & {row.name for row in TABLE}


def refuse_while_configured(parameters: Sequence[Parameter]) -> SetParametersResult:
    """Callback that refuses changes which would have no effect; parameters are read by `on_configure` only."""
    ours = {row.name for row in TABLE} - {"autostart"}
    late = [p.name for p in parameters if p.name in ours]
    reason = f"{', '.join(late)}: read when the node is configured; deactivate and clean it up first"
    return SetParametersResult(successful=not late, reason=reason if late else "")


def _descriptor(row: Row) -> ParameterDescriptor:
    text = row.text + (f"; one of {', '.join(row.choices)}" if row.choices else "")
    out = ParameterDescriptor(description=text)
    if row.span is not None and isinstance(row.default, int):
        out.integer_range = [IntegerRange(from_value=int(row.span[0]), to_value=int(row.span[1]))]
    elif row.span is not None:
        out.floating_point_range = [FloatingPointRange(from_value=row.span[0], to_value=row.span[1])]
    return out


def _unknown(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, 1, 0.0)[0]
    return f"unknown parameter {name!r}: the nearest known one is {near!r}; see config/perception.param.yaml for all"


def _unfit(row: Row, value: object) -> str:
    expected = "one of " + ", ".join(row.choices) if row.choices else KINDS[type(row.default)]
    if row.span is not None:
        expected += f" from {row.span[0]} to {row.span[1]}"
    return f"parameter {row.name} is {value!r}: expected {expected}; it is: {row.text}"


def _legend(classes: Sequence[str], colours: Sequence[str]) -> tuple[tuple[str, Colour], ...]:
    if len(classes) != len(colours):
        msg = f"{len(classes)} classes {classes} but {len(colours)} colours {colours}: give one colour a class"
        raise ConfigError(msg)
    return tuple((phrase, _colour(text)) for phrase, text in zip(classes, colours, strict=True))


def _colour(text: str) -> Colour:
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        red, green, blue = bytes.fromhex(text[1:])
        return red, green, blue
    known = COLOUR_NAMES.get(text.strip().lower())
    if known is None:
        near = difflib.get_close_matches(text.lower(), COLOUR_NAMES, 1, 0.0)[0]
        msg = f"colour {text!r} in parameter colours: expected #RRGGBB or a name; the nearest name is {near!r}"
        raise ConfigError(msg)
    return known


def _tasks(texts: Sequence[str], legend: tuple[tuple[str, Colour], ...], codec: DepthCodec) -> tuple[Task, ...]:
    if not texts:
        msg = "parameter tasks is empty: name at least one of depth, normals, segmentation, or an instruction"
        raise ConfigError(msg)
    tasks: list[Task] = []
    for text in texts:
        task: Task
        if text == "depth":
            task = MetricDepth(codec)
        elif text == "normals":
            task = SurfaceNormals()
        elif text == "segmentation":
            task = SemanticSegmentation(legend)
        else:
            task = task_from_text(text)
            if isinstance(task, MetricDepth):
                task = replace(task, codec=codec)
        tasks.append(task)
    names = [task.name for task in tasks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"parameter tasks asks twice for {', '.join(twice)}, on the same topics: run a second node for the other"
        raise ConfigError(msg)
    return tuple(tasks)
