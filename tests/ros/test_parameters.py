"""Parameters: the files and the node agree, and what cannot be used is refused with words that help."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from tests.ros.bench import Bench
from vb_perception.ros import engine_room
from vb_perception.ros.parameter_table import TABLE
from vb_perception.ros.parameters import read
from vb_perception.runtime.build import open_engine
from vb_perception.runtime.engine import Engine
from vb_perception.runtime.options import EngineOptions, silent
from vb_perception.tasks import InstanceSegmentation, MetricDepth, SemanticSegmentation

CONFIG = Path(__file__).resolve().parents[2] / "config"
FILES = ("perception.param.yaml", "classes.yaml")


def _values(name: str) -> dict[str, Any]:
    content = yaml.safe_load((CONFIG / name).read_text(encoding="utf-8"))
    assert list(content) == ["/**"]
    values: dict[str, Any] = content["/**"]["ros__parameters"]
    return values


def test_the_files_hold_every_parameter_with_its_default() -> None:
    values = [item for name in FILES for item in _values(name).items()]
    assert sorted(values) == sorted((row.name, row.default) for row in TABLE)


@pytest.mark.parametrize("name", FILES)
def test_every_parameter_in_a_file_has_a_comment(name: str) -> None:
    lines = (CONFIG / name).read_text(encoding="utf-8").splitlines()
    keys = {i for i, line in enumerate(lines) if line.startswith("    ") and not line.strip().startswith("#")}
    assert len(keys) == len(_values(name))
    assert all(lines[i - 1].strip().startswith("#") for i in keys)


def test_every_parameter_is_declared_with_a_text_and_its_range(bench: Bench) -> None:
    node = bench.add_node(start=False)
    for row in TABLE:
        descriptor = node.describe_parameter(row.name)
        assert descriptor.description.startswith(row.text)
        ranges = [*descriptor.integer_range, *descriptor.floating_point_range]
        assert [(r.from_value, r.to_value) for r in ranges] == ([] if row.span is None else [row.span])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"modle": "x"}, "unknown parameter 'modle': the nearest known one is 'model'"),
        ({"max_range_m": 80}, "parameter max_range_m is 80: expected a number with a decimal point from 0.1"),
        ({"max_range_m": -1.0}, "parameter max_range_m is -1.0: expected"),
        ({"threads": -1}, "parameter threads is -1: expected a whole number from 0"),
        ({"precision": "int4"}, "precision 'int4': expected one of auto, fp32, bf16, fp16, int8"),
        ({"overflow": "drop"}, "overflow 'drop': expected"),
        ({"generated_size": "480"}, "size '480': expected height x width"),
        ({"generated_size": "480x640"}, "has no fp32 graph of 480x640 pixels, it has fp32 48x64"),
        ({"autostart": "yes"}, "parameter autostart is 'yes': expected true or false"),
        ({"sync_info": "nearly"}, "parameter sync_info is 'nearly': expected one of exact, approximate, latched"),
        ({"output_qos": "best_effort"}, "expected one of reliable, sensor_data"),
        ({"output_qos": "reliable:0"}, "quality of service 'reliable:0'"),
        ({"image_topic": "the camera"}, "parameter image_topic is 'the camera', which is no topic's name"),
        ({"camera_info_topic": "/camera//info"}, "parameter camera_info_topic is '/camera//info'"),
        ({"qos": ["points"]}, "expected <topic>=<profile>"),
        ({"qos": ["pints=reliable"]}, "the nearest is 'points'"),
        ({"crop_px": [0, 0, 10, 0]}, "width and height above zero"),
        ({"task_every": ["depth=0"]}, "with n from 1"),
        ({"task_every": ["detph=2"]}, "expected one of depth, normals, segmentation"),
        ({"cloud_fields": ["colour"]}, "expected each at most once of rgb"),
        ({"cloud_fields": ["instance"]}, "no task tells instances"),
        ({"cloud_voxel_m": 0.1}, "set cloud_organised to false"),
        ({"obstacle_exclude": ["floor"]}, "obstacle_exclude names floor"),
        ({"cloud_frame": "base_link"}, "needs tf2_ros"),
        ({"cloud_extrinsics": [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]}, "without cloud_frame"),
        ({"cloud_frame": "b", "cloud_extrinsics": [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]}, "not of length 1"),
        ({"cameras": ["front", "front"]}, "names one twice"),
        ({"cameras": ["output"]}, "that name is taken"),
        ({"cameras": ["1st"]}, "a letter first"),
        ({"cameras": ["front"], "front.taks": ["depth"]}, "unknown parameter 'front.taks': the nearest known one is"),
        ({"cameras": ["front"], "front.max_rate_hz": -1.0}, "parameter front.max_rate_hz is -1.0"),
        ({"cameras": ["front"], "front.classes": ["mug"]}, "camera front: 1 classes ['mug']"),
        ({"backend": "tensorflow"}, "unknown backend 'tensorflow': expected one of"),
        ({"backend": "fake:fail_every=1"}, "fails"),
        ({"tasks": ["depth", "depth"]}, "asks twice for depth"),
        ({"tasks": ["make coffee"]}, "make coffee"),
        ({"tasks": [""]}, "instruction ''"),
        ({"classes": ["mug"]}, "1 classes ['mug'] but 2 colours"),
        ({"colours": ["#FF0000", "grean"]}, "the nearest name is 'green'"),
        ({"colours": ["#FF0000", "#FF0000"]}, "give every class a colour of its own"),
        ({"model": "/nowhere/at/all"}, "no usable model in /nowhere/at/all"),
        ({"model": "~no such user/m"}, "not configured: model is '~no such user/m': the home directory"),
        ({"snapshot_folder": "~no such user/s"}, "not configured: snapshot_folder is '~no such user/s': the home"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_parameter_fails_the_configuration(bench: Bench, values: dict[str, Any], words: str) -> None:
    bench.watch()
    node = bench.add_node(start=False, **values)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    bench.spin_until_status(DiagnosticStatus.ERROR, words)
    assert not [p for p in node.publishers if "/output/depth" in p.topic_name]


def test_the_engine_is_opened_as_the_parameters_say(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[EngineOptions] = []

    def noted(model: Path, backend: str, threads: int, options: EngineOptions) -> Engine:
        asked.append(options)
        options.progress("parsing", 0.5)
        return open_engine(model, backend, threads, options)

    monkeypatch.setattr(engine_room, "open_engine", noted)
    given = {"precision": "fp32", "generated_size": "48x64", "workspace_mb": 7, "overflow": "split", "fallback": True}
    node = bench.add_node(start=False, tasks=["depth", "normals"], **given)
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    (options,) = asked
    assert replace(options, progress=silent) == EngineOptions("fp32", (48, 64), 2, True, 7, "split")  # noqa: FBT003


@pytest.mark.parametrize("damage", ["truncated", "missing", "spec"])
def test_a_damaged_model_fails_the_configuration(bench: Bench, toy_model: Path, tmp_path: Path, damage: str) -> None:
    for file in toy_model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    generator = tmp_path / "generator.onnx"
    if damage == "truncated":
        generator.write_bytes(generator.read_bytes()[:100])
    elif damage == "missing":
        generator.unlink()
    else:
        (tmp_path / "spec.json").write_text("{", encoding="utf-8")
    bench.watch()
    node = bench.add_node(start=False, model=str(tmp_path), backend="onnxruntime")
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    bench.spin_until_status(DiagnosticStatus.ERROR, "spec.json" if damage == "spec" else "generator.onnx")


def test_parameters_become_settings(bench: Bench) -> None:
    node = bench.add_node(
        start=False, tasks=["segmentation", "depth", "Segment all the mugs, color them differently."],
        classes=["mug", "red cup"], colours=["#0A0B0C", "Yellow"], max_range_m=5.0, beyond_range="inf",
        image_transport="compressed", sync_info="latched", max_age_s=0.25, stats_rate_hz=4.0,
    )  # fmt: skip
    settings = read(node)
    (camera,) = settings.cameras
    classes, depth, instances = camera.tasks
    assert isinstance(classes, SemanticSegmentation)
    assert classes.legend == (("mug", (10, 11, 12)), ("red cup", (255, 255, 0)))
    assert isinstance(depth, MetricDepth)
    assert (depth.codec.max_range_m, depth.codec.beyond) == (5.0, "inf")
    assert isinstance(instances, InstanceSegmentation)
    assert camera.compressed
    assert camera.latched_info
    assert (camera.max_age_ns, settings.stats_period_s) == (250_000_000, 0.25)


def test_the_range_reaches_depth_asked_for_in_words(bench: Bench) -> None:
    node = bench.add_node(start=False, tasks=["Generate a metric depth map of the input image."], max_range_m=3.0)
    (depth,) = read(node).cameras[0].tasks
    assert isinstance(depth, MetricDepth)
    assert depth.codec.max_range_m == 3.0


def test_a_change_that_would_have_no_effect_is_refused(bench: Bench) -> None:
    node = bench.add_node()
    (answer,) = node.set_parameters([Parameter("threads", value=3)])
    assert not answer.successful
    assert answer.reason == "threads: read when the node is configured; deactivate and clean it up first"
    node.trigger_deactivate()
    node.trigger_cleanup()
    (answer,) = node.set_parameters([Parameter("threads", value=3)])
    assert answer.successful
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS


def test_every_camera_has_the_nodes_values_unless_it_has_its_own(bench: Bench) -> None:
    own: dict[str, Any] = {"wrist.max_rate_hz": 2.0}
    node = bench.add_node(start=False, cameras=["front", "wrist"], max_rate_hz=5.0, **own)
    front, wrist = read(node).cameras
    assert (front.name, front.max_rate_hz, wrist.name, wrist.max_rate_hz) == ("front", 5.0, "wrist", 2.0)
    assert front.topic("output") == "~/front/output"


def test_what_nobody_gave_a_camera_follows_the_shared_value(bench: Bench) -> None:
    own: dict[str, Any] = {"wrist.max_range_m": 2.0}
    node = bench.add_node(cameras=["front", "wrist", "rear"], **own)
    (answer,) = node.set_parameters([Parameter("rear.max_range_m", value=80.0)])
    assert answer.successful, answer.reason
    for value in (3.0, 5.0):
        node.trigger_deactivate()
        node.trigger_cleanup()
        shared = [Parameter("max_range_m", value=value), Parameter("tasks", value=["depth"])]
        assert all(answer.successful for answer in node.set_parameters(shared))
        node.autostart()
        assert [node.get_parameter(f"{name}.max_range_m").value for name in ("front", "wrist", "rear")] == [
            value, 2.0, 80.0,
        ]  # fmt: skip
        for camera in read(node).cameras:
            assert [task.name for task in camera.tasks] == ["depth"]
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert node.set_parameters([Parameter("front.max_range_m", value=5.0)])[0].successful
    assert node.set_parameters([Parameter("max_range_m", value=7.0)])[0].successful
    node.autostart()
    assert node.get_parameter("front.max_range_m").value == 5.0, "given is given, even if it is the same"


def test_a_bad_value_is_cured_by_a_good_one(bench: Bench) -> None:
    bench.watch()
    node = bench.add_node(start=False, max_range_m=80, threads=-1)
    for name, value in (("max_range_m", 3.0), ("threads", 1)):
        assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
        bench.spin_until_status(DiagnosticStatus.ERROR, "parameter threads is -1")
        assert f"parameter {name} is" in bench.status().message
        (answer,) = node.set_parameters([Parameter(name, value=value)])
        assert answer.successful, answer.reason
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert node.get_parameter("max_range_m").value == 3.0


def test_an_unknown_name_stays_unknown(bench: Bench) -> None:
    node = bench.add_node(start=False, modle="x")
    node.set_parameters([Parameter("modle", value="default")])
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE


def test_another_bad_value_cures_nothing(bench: Bench) -> None:
    node = bench.add_node(start=False, max_range_m=-1.0)
    (answer,) = node.set_parameters([Parameter("max_range_m", value=-2.0)])
    assert not answer.successful
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
