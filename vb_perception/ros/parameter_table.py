"""The node's parameters: one table, from which they are declared, checked, documented and tested."""

from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from vb_perception.runtime.options import OVERFLOWS, PRECISIONS

NONE = ("",)  # ROS 2 has no type for an empty list

KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number with a decimal point",
    str: "text",
    list: "a list of texts",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter: its default tells the type; `span` is the closed range, `choices` what a text may be.

    `camera`: may be given for each camera by itself, as `<camera>.<name>`.  `live`: may change while the node runs.
    `depth`: a quality of service, to which ":<queue depth>" may be added.
    """

    name: str
    default: Any
    text: str
    span: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    camera: bool = False
    live: bool = False
    depth: bool = False


def _camera(name: str, default: Any, text: str, **more: Any) -> Row:  # noqa: ANN401 - as Row takes them
    return Row(name, default, text, camera=True, **more)


QOS = ("sensor_data", "reliable", "transient_local")

TABLE = (
    Row("autostart", True, "configure and activate at start; false: wait for lifecycle transitions"),  # noqa: FBT003
    Row("model", "default", "folder of an exported model, or 'default' for the one in the package"),
    Row(
        "backend", "auto", "what runs the model: auto, or one that this machine has, or fake (known answers, for tests)"
    ),
    Row("threads", 0, "CPU threads of the backend; 0: the backend chooses", (0, 256)),
    Row(
        "precision",
        "auto",
        "precision of the model: auto takes what is fastest and passes its test",
        choices=PRECISIONS,
    ),
    Row("generated_size", "", "height x width that the model was exported for, as in 480x640; empty: its own"),
    Row("workspace_mb", 0, "most memory that TensorRT may use to build [MB]; 0: all", (0, 1_000_000)),
    Row("overflow", "rebuild", "more tasks than a TensorRT plan takes: build it again, or split", choices=OVERFLOWS),
    Row("fallback", False, "true: what cannot run the model is replaced by a slower backend in fp32"),  # noqa: FBT003
    Row(
        "load_wait_s", 5.0, "how long the configure transition waits for the model [s]; then it loads on", (0.0, 600.0)
    ),
    Row("cameras", [""], "names of several cameras on this one model; none: one camera on ~/input and ~/output"),
    _camera("image_topic", "", "topic of the image; empty: ~/input/image, for you to remap"),
    _camera("camera_info_topic", "", "topic of the camera_info; empty: ~/input/camera_info, for you to remap"),
    _camera("image_transport", "raw", "subscribe to the image, or to its /compressed", choices=("raw", "compressed")),
    _camera(
        "sync_info",
        "exact",
        "camera_info of the image's stamp, the nearest within sync_slop_s, or the latest one",
        choices=("exact", "approximate", "latched"),
    ),
    _camera("sync_slop_s", 0.02, "how far an approximate camera_info may be from its image [s]", span=(0.0, 10.0)),
    _camera(
        "camera_info_wait_s",
        0.5,
        "how long an image waits for its camera_info [s]; 64 images at most do",
        span=(0.0, 10.0),
    ),
    _camera("require_camera_info", default=True, text="reject images without a calibrated camera_info"),
    _camera(
        "rectification",
        "auto",
        "images of a lens with distortion: undo it, take them as rectified, refuse them; auto: by the topic's name",
        choices=("auto", "rectify", "assume_rectified", "refuse"),
        live=True,
    ),
    _camera(
        "crop_px", [0, 0, 0, 0], "part of the (rectified) image to use: left, top, width, height; 0: all", live=True
    ),
    _camera(
        "resize_width_px", 0, "width to shrink the image to before all else; 0: as it is", span=(0, 16384), live=True
    ),
    _camera("tasks", ["depth", "normals", "segmentation"], "what to paint: these names, or instructions", live=True),
    _camera("classes", ["table", "object"], "what the task 'segmentation' names; ids count from 1", live=True),
    _camera("colours", ["#FF0000", "#00FF00"], "one colour a class: #RRGGBB or a colour's name; not black", live=True),
    _camera("task_every", [""], "tasks for every n-th frame only: <task>=<n>", live=True),
    _camera("max_rate_hz", 0.0, "answer at most so many images a second [Hz]; 0: all", span=(0.0, 1000.0), live=True),
    _camera(
        "max_age_s", 0.0, "drop images older than this when their turn comes [s]; 0: never", span=(0.0, 60.0), live=True
    ),
    _camera("trigger_only", default=False, text="answer an image only when ~/trigger asks for it", live=True),
    _camera("max_range_m", 80.0, "depth beyond this is not reported [m]", span=(0.1, 1000.0), live=True),
    _camera(
        "beyond_range", "nan", "what depth beyond max_range_m (and sky) becomes", choices=("nan", "inf"), live=True
    ),
    _camera("depth_encoding", "32FC1", "metres, or millimetres with 0 unknown", choices=("32FC1", "16UC1"), live=True),
    _camera(
        "cloud_fields",
        ["rgb", "label"],
        "beside x, y, z: rgb, label, instance, normal, curvature, confidence",
        live=True,
    ),
    _camera(
        "cloud_organised",
        default=True,
        text="one point a pixel, NaN where there is none; false: only the points",
        live=True,
    ),
    _camera("cloud_stride", 1, "every n-th row and column becomes points", span=(1, 64), live=True),
    _camera(
        "cloud_voxel_m",
        0.0,
        "one point a cube of this size [m], compact clouds only; 0: off",
        span=(0.0, 10.0),
        live=True,
    ),
    _camera("cloud_min_range_m", 0.0, "no points nearer than this [m]", span=(0.0, 1000.0), live=True),
    _camera(
        "cloud_max_range_m",
        0.0,
        "no points farther than this [m]; 0: as far as max_range_m",
        span=(0.0, 1000.0),
        live=True,
    ),
    _camera(
        "cloud_edge_jump",
        0.0,
        "no points where neighbouring depths differ by more than this share; 0: off",
        span=(0.0, 10.0),
        live=True,
    ),
    _camera(
        "cloud_grazing_deg",
        0.0,
        "no points on surfaces seen at more than this from their normal [deg]; 0: off",
        span=(0.0, 90.0),
        live=True,
    ),
    _camera(
        "obstacle_exclude",
        [""],
        "classes that are no obstacles (floor, ground): left out of ~/output/obstacles",
        live=True,
    ),
    _camera(
        "cloud_frame", "", "frame of the clouds; empty: the image's; else by cloud_extrinsics, or by TF without them"
    ),
    _camera(
        "cloud_extrinsics",
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        "optical frame in cloud_frame: x, y, z [m], quaternion x, y, z, w; all 0: ask TF",
    ),
    _camera(
        "input_qos", "sensor_data", "QoS of the image subscription", choices=("sensor_data", "reliable"), depth=True
    ),
    _camera("camera_info_qos", "sensor_data", "QoS of the camera_info subscription", choices=QOS, depth=True),
    _camera(
        "output_qos",
        "reliable",
        "QoS of the outputs",
        choices=("reliable", "sensor_data", "transient_local"),
        depth=True,
    ),
    _camera("qos", [""], "QoS of single outputs: <topic below output>=<profile>"),
    _camera("stamp_jump_s", 1.0, "a stamp further back starts a new run; else it is rejected [s]", span=(0.0, 60.0)),
    Row("snapshot_folder", "~/vb_perception_snapshots", "where ~/save_snapshot writes"),
    Row("stats_rate_hz", 1.0, "rate of ~/output/latency and /diagnostics [Hz]", (0.1, 50.0)),
    Row("latency_window", 300, "frames in the latency percentiles", (1, 100_000)),
    Row("processing_time_warn_ms", 0.0, "p95 from taken to published from which on to WARN [ms]; 0: never", (0.0, 1e6)),
    Row(
        "processing_time_error_ms",
        0.0,
        "p95 from taken to published from which on it is an ERROR [ms]; 0: never",
        (0.0, 1e6),
    ),
)
BY_NAME = {row.name: row for row in TABLE}
OF_A_CAMERA = tuple(row for row in TABLE if row.camera)


def descriptor(row: Row) -> ParameterDescriptor:
    """What `ros2 param describe` shows."""
    text = row.text + (f"; one of {', '.join(row.choices)}" if row.choices else "")
    out = ParameterDescriptor(description=text)
    if row.span is not None and isinstance(row.default, int):
        out.integer_range = [IntegerRange(from_value=int(row.span[0]), to_value=int(row.span[1]))]
    elif row.span is not None:
        out.floating_point_range = [FloatingPointRange(from_value=row.span[0], to_value=row.span[1])]
    return out


def unfit(row: Row, name: str, value: object) -> str:
    """What to say of a value that is not of the row's kind."""
    if row.choices:
        expected = (
            "one of " + ", ".join(row.choices) + (", with or without a depth as in reliable:5" if row.depth else "")
        )
    elif isinstance(row.default, list) and not isinstance(row.default[0], str):
        expected = (
            f"a list of {len(row.default)} numbers{' with decimal points' if isinstance(row.default[0], float) else ''}"
        )
    else:
        expected = KINDS[type(row.default)]
    if row.span is not None:
        expected += f" from {row.span[0]} to {row.span[1]}"
    return f"parameter {name} is {value!r}: expected {expected}; it is: {row.text}"
