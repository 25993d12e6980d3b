"""Launch files name only what exists.

launch and launch_ros come with a ROS 2 distribution, not as wheels.  So the files are run here against stand-ins that
note what is asked of them.
"""

import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from rclpy.serialization import serialize_message

from tests.ros.bench import Bench, image_message, info_message
from vb_perception import cli
from vb_perception.evaluation.bags import BagWriter
from vb_perception.ros.outputs import outputs_of
from vb_perception.ros.parameter_table import TABLE
from vb_perception.ros.parameters import read
from vb_perception.ros.player import _parser as player_parser
from vb_perception.ros.recorder import _parser as recorder_parser
from vb_perception.tasks import (
    MetricDepth,
    SemanticSegmentation,
    SurfaceNormals,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
TASKS = (MetricDepth(), SurfaceNormals(), SemanticSegmentation((("table", (255, 0, 0)),)))
TOPICS = {f"/perception_node/output/{output.topic}": output.kind for output in outputs_of(TASKS)}
LAUNCH_MODULES = (
    "launch", "launch.actions", "launch.event_handlers", "launch.events", "launch.launch_description_sources",
    "launch.substitutions", "launch_ros", "launch_ros.actions", "launch_ros.descriptions",
)  # fmt: skip


class Noted:
    """Stands for any class of launch: remembers its name and arguments."""

    def __init__(self, kind: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - whatever launch takes
        self.kind, self.args, self.kwargs = kind, args, kwargs


class StandIn(ModuleType):
    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any class of launch
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: Noted(name, *args, **kwargs)


class Context:
    """Performs LaunchConfiguration substitutions."""

    def __init__(self, **values: str) -> None:
        self.values = values

    def perform_substitution(self, substitution: Noted) -> str:
        return self.values[substitution.args[0]]

    def value(self, parameter: Noted | bool) -> Any:  # noqa: ANN401, FBT001 - whatever YAML holds
        """What launch_ros makes of a parameter's value: of a substitution what YAML does."""
        if isinstance(parameter, bool):
            return parameter
        return yaml.safe_load(self.perform_substitution(parameter))


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LAUNCH_MODULES:
        monkeypatch.setitem(sys.modules, name, StandIn(name))


def _load(name: str) -> Any:  # noqa: ANN401 - a module of its own kind
    path = ROOT / "launch" / name
    spec = importlib.util.spec_from_file_location(name.replace(".", "_"), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _defaults(entities: Sequence[Noted]) -> dict[str, str]:
    declared = (entity for entity in entities if entity.kind == "DeclareLaunchArgument")
    return {entity.args[0]: entity.kwargs["default_value"] for entity in declared}


def _entities(name: str, **values: str) -> list[Noted]:
    """What a launch file describes, functions performed; arguments without a value have their default."""
    (entities,) = _load(name).generate_launch_description().args
    context = Context(**_defaults(entities) | values)
    out: list[Noted] = []
    for entity in entities:
        out += entity.kwargs["function"](context) if entity.kind == "OpaqueFunction" else [entity]
    return out


def _parameters(**values: str) -> dict[str, Any]:
    """What the node that perception.launch.py starts is given: files and inline values, of which later ones win."""
    entities = _entities("perception.launch.py", **values)
    context = Context(**_defaults(entities) | values)
    (node,) = _nodes(entities)
    out: dict[str, Any] = {}
    for source in node["parameters"]:
        if isinstance(source, Noted):
            content = yaml.safe_load(Path(context.perform_substitution(source)).read_text(encoding="utf-8"))
            out |= content["/**"]["ros__parameters"]
        else:
            assert source, "rcl refuses an empty file of parameters"
            out |= {name: context.value(value) for name, value in source.items()}
    return out


def _nodes(entities: Sequence[Noted]) -> Iterator[dict[str, Any]]:
    yield from (entity.kwargs for entity in entities if entity.kind == "Node")


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Of an uncalibrated camera, whose driver sent camera_info once."""
    path = tmp_path / "camera.mcap"
    with BagWriter(path) as writer:
        writer.write("/cam/image", "sensor_msgs/msg/Image", 1, serialize_message(image_message(1)))
        camera = info_message(1)
        camera.k = [0.0] * 9
        writer.write("/cam/camera_info", "sensor_msgs/msg/CameraInfo", 1, serialize_message(camera), latched=True)
    return path


def _executables() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return set(project["project"]["scripts"])


def test_perception_launch_starts_the_node_as_it_is() -> None:
    entities = _entities("perception.launch.py")
    (node,) = _nodes(entities)
    assert (node["package"], node["name"]) == ("vb_perception", "perception_node")
    assert node["executable"] in _executables()
    assert [source for source, _ in node["remappings"]] == ["~/input/image", "~/input/camera_info"]
    used = [*node["parameters"], *(target for _, target in node["remappings"]), node["namespace"]]
    used.append(node["ros_arguments"][1])
    declared = set(_defaults(entities))
    asked_of_the_context = {"build_only", "container", "rviz", "rviz_frame", "respawn"}
    assert {substitution.args[0] for substitution in used} | set(GIVEN) | asked_of_the_context == declared
    assert node["respawn"] is False


PROFILES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def _profiles() -> set[tuple[str, str]]:
    return {e.args for e in _entities("perception.launch.py") if e.kind == "SetEnvironmentVariable"}


def test_a_shared_memory_profile_is_set_where_the_user_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROFILES:
        monkeypatch.delenv(name, raising=False)
    profiles = _profiles()
    assert {name for name, _ in profiles} == set(PROFILES)
    assert all(Path(file).is_file() for _, file in profiles)
    monkeypatch.setenv(PROFILES[0], "/mine.xml")
    assert not _profiles()


def test_without_arguments_the_node_has_its_defaults() -> None:
    assert _parameters() == {row.name: row.default for row in TABLE}


# Argument of perception.launch.py -> the parameter's value; none is the default.
GIVEN: dict[str, tuple[str, Any]] = {
    "model": ("/models/mine", "/models/mine"),
    "backend": ("fake", "fake"),
    "precision": ("int8", "int8"),
    "generated_size": ("480x640", "480x640"),
    "workspace_mb": ("512", 512),
    "rectification": ("refuse", "refuse"),
    "image_transport": ("compressed", "compressed"),
    "sync_info": ("latched", "latched"),
    "camera_info_qos": ("transient_local", "transient_local"),
    "require_camera_info": ("false", False),
    "autostart": ("false", False),
    "use_sim_time": ("true", True),
}


def test_what_the_users_file_says_is_not_overruled(tmp_path: Path) -> None:
    said = {name: value for name, (_, value) in GIVEN.items()}
    said |= {"classes": ["mug", "cup"], "colours": ["#0000FF", "#FFFF00"]}
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"/**": {"ros__parameters": said}}), encoding="utf-8")
    assert _parameters(params_file=str(file)) == said


@pytest.mark.parametrize("name", GIVEN)
def test_an_argument_wins_over_the_file(name: str) -> None:
    text, value = GIVEN[name]
    assert _parameters(**{name: text})[name] == value


def test_build_only_builds_and_starts_no_node() -> None:
    asked = {"backend": "tensorrt", "generated_size": "480x640", "workspace_mb": "512", "precision": "fp16"}
    entities = _entities("perception.launch.py", build_only="true", **asked)
    assert not list(_nodes(entities))
    (words,) = [entity.kwargs["cmd"] for entity in entities if entity.kind == "ExecuteProcess"]
    assert words[:4] == ["ros2", "run", "vb_perception", "vb-perception"]
    options = cli._parser().parse_args(words[4:])  # noqa: SLF001
    assert (options.backend, options.size, options.workspace_mb) == ("tensorrt", ["480x640"], 512)
    assert (options.precision, options.model) == ("fp16", cli._parser().parse_args(["build"]).model)  # noqa: SLF001
    assert options.prompts == 3


@pytest.mark.parametrize(
    ("cameras", "prompts"),
    [({}, 4), ({"cameras": ["a", "b"], "a": {"tasks": ["depth"]}, "b.tasks": ["depth", "normals"]}, 2)],
)
def test_build_only_builds_what_the_file_says(tmp_path: Path, cameras: dict[str, Any], prompts: int) -> None:
    said = {"model": "/models/mine", "backend": "fake", "precision": "int8", "generated_size": "480x640"} | cameras
    said |= {"workspace_mb": 512, "threads": 3, "tasks": ["depth", "normals", "segmentation", "instances"]}
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"/robot/perception_node": {"ros__parameters": said}}), encoding="utf-8")
    entities = _entities("perception.launch.py", build_only="true", params_file=str(file), backend="onnxruntime")
    (words,) = [entity.kwargs["cmd"] for entity in entities if entity.kind == "ExecuteProcess"]
    options = cli._parser().parse_args(words[4:])  # noqa: SLF001
    assert (options.model, options.backend, options.precision) == (Path("/models/mine"), "onnxruntime", "int8")
    assert (options.size, options.workspace_mb, options.prompts) == (["480x640"], 512, prompts)
    assert options.threads == 3


def test_rviz_and_respawn_are_asked_for() -> None:
    node, rviz = _nodes(_entities("perception.launch.py", rviz="true", respawn="true"))
    assert node["respawn"] is True
    assert rviz["package"] == "rviz2"
    assert Path(rviz["arguments"][1]).is_file()
    assert "-f" not in rviz["arguments"]


YES, NO = ("true", "True", "TRUE", "1", " true "), ("false", "False", "0")


@pytest.mark.parametrize("text", [*YES, *NO])
def test_yes_and_no_are_read_as_launch_reads_them(text: str) -> None:
    wanted = text in YES
    nodes = list(_nodes(_entities("perception.launch.py", rviz=text, respawn=text)))
    assert [node["package"] for node in nodes] == ["vb_perception", *(["rviz2"] if wanted else [])]
    assert nodes[0]["respawn"] is wanted
    kinds = {entity.kind for entity in _entities("perception.launch.py", build_only=text)}
    assert ("ExecuteProcess" in kinds) is wanted
    for name in ("autostart", "require_camera_info", "use_sim_time"):
        assert _parameters(**{name: text})[name] is wanted


@pytest.mark.parametrize("name", ["rviz", "respawn", "build_only", "autostart", "require_camera_info", "use_sim_time"])
def test_what_is_neither_yes_nor_no_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}:=yes is neither true nor false: give true, 1, false, 0"):
        _entities("perception.launch.py", **{name: "yes"})


def test_rviz_finds_the_topics_in_a_namespace_and_the_camera_where_it_is() -> None:
    _, rviz = _nodes(_entities("perception.launch.py", rviz="true", rviz_frame="left_optical", image="cam/image"))
    assert rviz["arguments"][-2:] == ["-f", "left_optical"]
    assert rviz["namespace"].args == ("namespace",)
    shown = set(re.findall(r"Value: ([\w/]+)", (ROOT / "config/perception.rviz").read_text(encoding="utf-8")))
    moved = dict(rviz["remappings"])
    assert moved.keys() == shown
    assert moved.pop("/perception_node/input/image").args == ("image",)
    # A relative name lies in the namespace of the node that uses it: RViz is in the node's own.
    assert all(target == topic.lstrip("/") for topic, target in moved.items())


@pytest.mark.parametrize(("container", "kind"), [("", "ComposableNodeContainer"), ("cam", "LoadComposableNodes")])
def test_other_transports_are_republished(container: str, kind: str) -> None:
    entities = _entities("perception.launch.py", image_transport="theora", image="/cam/image", container=container)
    (loader,) = [e for e in entities if e.kind == kind]
    (component,) = loader.kwargs["composable_node_descriptions"]
    assert dict(component.kwargs["remappings"])["out"] == "/cam/image/republished"
    (node,) = _nodes(entities)
    assert node["parameters"][-1] == {"image_topic": "/cam/image/republished", "image_transport": "raw"}


@pytest.mark.parametrize("name", ["usb_cam", "realsense", "zed", "simulation"])
def test_the_examples_give_the_node_arguments_that_it_has(name: str) -> None:
    entities = _entities(f"{name}.launch.py")
    (included,) = [e for e in entities if e.kind == "IncludeLaunchDescription"]
    given = dict(included.kwargs["launch_arguments"])
    assert given.keys() <= _defaults(_entities("perception.launch.py")).keys()
    assert {"image", "camera_info"} <= given.keys()
    declared = set(_defaults(entities))
    parts = [part for v in given.values() for part in (v if isinstance(v, list) else [v])]
    used = {part.args[0] for part in parts if isinstance(part, Noted)}
    assert used <= declared
    wanted = {key: value for key, value in given.items() if key in GIVEN and isinstance(value, str)}
    assert {key: _parameters(**wanted)[key] for key in wanted} == {k: yaml.safe_load(v) for k, v in wanted.items()}


def test_the_two_cameras_of_the_example_are_configured(bench: Bench) -> None:
    content = yaml.safe_load((ROOT / "config/two_cameras.param.yaml").read_text(encoding="utf-8"))
    values: dict[str, Any] = {}
    for name, value in content["/**"]["ros__parameters"].items():
        own = isinstance(value, dict)
        values |= {f"{name}.{row}": v for row, v in value.items()} if own else {name: value}
    node = bench.add_node(start=False, **values)
    front, wrist = read(node).cameras
    assert (front.image_topic, dict(front.every)) == ("/front/image_rect", {"segmentation": 3})
    assert (wrist.max_rate_hz, wrist.max_age_ns) == (10.0, 500_000_000)


@pytest.mark.parametrize(("namespace", "record"), [("", ""), ("", "out.mcap"), ("/robot/", "out.mcap")])
def test_replay_launch_starts_the_tools_with_arguments_they_know(bag: Path, namespace: str, record: str) -> None:
    given = {"bag": str(bag), "image": "", "camera_info": "", "rate": "2.0", "namespace": namespace, "record": record}
    entities = _entities("replay.launch.py", **given)
    nodes = {node["executable"]: node for node in _nodes(entities)}
    assert set(nodes) == {"bag_player", *(["topic_recorder"] if record else [])}
    assert set(nodes) < _executables()
    played = player_parser().parse_args(nodes["bag_player"]["arguments"])
    assert (played.image, played.camera_info, played.rate) == ("/cam/image", "/cam/camera_info", 2.0)
    assert "perception_node" in played.wait_for
    assert played.timeout_s == 600.0, "a model that is opened for the first time takes minutes"
    if record:
        recorded = recorder_parser().parse_args(nodes["topic_recorder"]["arguments"])
        base = "/robot" if namespace else ""
        answers = {base + topic for topic in (*TOPICS, "/perception_node/output/latency")}
        assert set(recorded.topics) <= {*answers, "/cam/image", "/cam/camera_info"}
    (included,) = [e for e in entities if e.kind == "IncludeLaunchDescription"]
    assert Path(included.args[0].args[0]).is_file()
    assert dict(included.kwargs["launch_arguments"]).keys() <= _defaults(_entities("perception.launch.py")).keys()
    parameters = _parameters(**dict(included.kwargs["launch_arguments"]))
    assert parameters == {row.name: row.default for row in TABLE} | {
        "sync_info": "latched",
        "camera_info_qos": "transient_local",
        "require_camera_info": False,
    }
