"""The node on one camera: `ros2 launch vb_perception perception.launch.py image:=/camera/image_rect`.

What is given here wins over params_file, and that over classes_file; what is not given is left to the files.  But image
and camera_info are remapped: where params_file sets image_topic or camera_info_topic, these hold.  Several cameras are
told by a params_file (see config/two_cameras.param.yaml).
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import ComposableNodeContainer, LoadComposableNodes, Node
from launch_ros.descriptions import ComposableNode

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

CONFIG = Path(__file__).resolve().parents[1] / "config"
OWN_TRANSPORTS = ("", "raw", "compressed")
OF_THE_FILE = "; empty: as params_file says"
UNLESS = "; without effect where params_file names it"
PROFILES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")  # to Fast DDS of Jazzy, and newer
NODE = "perception_node"
OVERRIDES = {
    "model": "folder of an exported model",
    "backend": "what runs it",
    "precision": "auto, fp32, bf16, fp16 or int8",
    "generated_size": "height x width, one that the model was exported for, as in 480x640",
    "workspace_mb": "most memory that TensorRT may use to build",
    "sync_info": "exact, approximate or latched",
    "camera_info_qos": "sensor_data, reliable or transient_local",
    "require_camera_info": "false: take uncalibrated cameras too",
    "rectification": "auto, rectify, assume_rectified or refuse",
    "autostart": "false: leave the transitions to a lifecycle manager",
    "use_sim_time": "true: take time from /clock",
}
SWITCHES = ("require_camera_info", "autostart", "use_sim_time")
TRUE, FALSE = ("true", "1"), ("false", "0")  # as launch's own conditions read them, in any case


def generate_launch_description() -> LaunchDescription:
    """Shared-memory transport, then the node with its two parameter files, and RViz if asked for."""
    profile = str(CONFIG / "fastdds_shm.xml")
    arguments = {
        "image": ("/camera/image_rect", "camera image; of other transports than raw without the suffix" + UNLESS),
        "camera_info": ("/camera/camera_info", "camera_info of that image" + UNLESS),
        "params_file": (str(CONFIG / "perception.param.yaml"), "parameters of the node; win over classes_file"),
        "classes_file": (str(CONFIG / "classes.yaml"), "what the segmentation names, and in which colours"),
        "namespace": ("", "namespace of the node"),
        "image_transport": ("", "raw, compressed, or any of image_transport's: republished as raw" + OF_THE_FILE),
        **{name: ("", text + OF_THE_FILE) for name, text in OVERRIDES.items()},
        "build_only": ("false", "true: build and test the model's network for this machine, and end"),
        "container": ("", "running component container to load the republisher into; empty: one of its own"),
        "rviz": ("false", "true: show the outputs in RViz"),
        "rviz_frame": ("", "frame that RViz draws in, as the camera's images name theirs; empty: camera_optical_frame"),
        "respawn": ("false", "true: start the node again when it ends"),
        "log_level": ("info", "debug, info, warn or error"),
    }
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=value, description=text)
                for name, (value, text) in arguments.items()
            ),
            # Without shared memory most large best-effort images are lost.  A profile of the user's own stays.
            *(SetEnvironmentVariable(name, profile) for name in PROFILES if not any(map(os.environ.get, PROFILES))),
            OpaqueFunction(function=_start),
        ]
    )


def _start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    def value(name: str) -> str:
        text: str = context.perform_substitution(LaunchConfiguration(name))
        return text

    def flag(name: str) -> bool:
        text = value(name).strip().lower()
        if text not in TRUE + FALSE:
            msg = f"{name}:={value(name)} is neither true nor false: give {', '.join(TRUE + FALSE)}, in any case"
            raise ValueError(msg)
        return text in TRUE

    build_only, rviz, respawn = map(flag, ("build_only", "rviz", "respawn"))  # all are checked, whichever is used
    if build_only:
        said = _said(Path(value("params_file")))
        options = {"--model": "model", "--backend": "backend", "--precision": "precision"}
        options |= {"--size": "generated_size", "--workspace-mb": "workspace_mb"}
        wanted = {option: value(name) or str(said.get(name, "")) for option, name in options.items()}
        wanted["--threads"] = str(said.get("threads", ""))
        wanted["--prompts"] = str(_most_tasks(said) or "")
        asked = [word for option, text in wanted.items() if text for word in (option, text)]
        return [ExecuteProcess(cmd=["ros2", "run", "vb_perception", "vb-perception", "build", *asked], output="screen")]
    given = {name: flag(name) if name in SWITCHES else LaunchConfiguration(name) for name in OVERRIDES if value(name)}
    transport, image = value("image_transport"), value("image")
    entities = []
    if transport in OWN_TRANSPORTS:
        if transport:
            given["image_transport"] = LaunchConfiguration("image_transport")
    else:
        entities.append(_republisher(transport, image, value("container")))
        given |= {"image_topic": f"{image}/republished", "image_transport": "raw"}
    node = Node(
        package="vb_perception",
        executable=NODE,
        name=NODE,
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        respawn=respawn,
        respawn_delay=2.0,
        # Later ones win.
        parameters=[
            LaunchConfiguration("classes_file"),
            LaunchConfiguration("params_file"),
            *([given] if given else []),
        ],
        remappings=[
            ("~/input/image", LaunchConfiguration("image")),
            ("~/input/camera_info", LaunchConfiguration("camera_info")),
        ],
        ros_arguments=["--log-level", LaunchConfiguration("log_level")],
    )
    entities.append(node)
    if rviz:
        entities.append(_rviz(value("rviz_frame")))
    return entities


def _said(params_file: Path) -> dict[str, Any]:
    """What a file of parameters says to the node, whatever its namespace."""
    said: dict[str, Any] = {}
    for name, entry in (yaml.safe_load(params_file.read_text(encoding="utf-8")) or {}).items():
        if name.rsplit("/", 1)[-1] in ("**", NODE):
            said |= entry.get("ros__parameters") or {}
    return said


def _most_tasks(said: Mapping[str, Any]) -> int:
    """How many tasks the busiest camera has, as the node counts them; 0 if the file does not say."""
    of_all = said.get("tasks") or ()
    names = [name for name in said.get("cameras") or () if name]
    own = [(said.get(name) or {}).get("tasks", said.get(f"{name}.tasks", of_all)) for name in names]
    return max(len(tasks) for tasks in own or [of_all])


def _rviz(frame: str) -> Node:
    """RViz in the node's namespace: its file names the topics of a node without one, and the image as not remapped."""
    file = CONFIG / "perception.rviz"
    outputs = sorted(set(re.findall(r"/perception_node/output/[a-z_/]+", file.read_text(encoding="utf-8"))))
    return Node(
        package="rviz2",
        executable="rviz2",
        namespace=LaunchConfiguration("namespace"),
        arguments=["-d", str(file), *(["-f", frame] if frame else [])],
        output="screen",
        remappings=[
            *((topic, topic.lstrip("/")) for topic in outputs),
            ("/perception_node/input/image", LaunchConfiguration("image")),
        ],
    )


def _republisher(transport: str, image: str, container: str) -> LaunchDescriptionEntity:
    """image_transport's own decoder, as a component beside the camera's where a container is given."""
    component = ComposableNode(
        package="image_transport",
        plugin="image_transport::Republisher",
        name="vb_republish",
        parameters=[{"in_transport": transport, "out_transport": "raw"}],
        remappings=[("in", image), (f"in/{transport}", f"{image}/{transport}"), ("out", f"{image}/republished")],
    )
    if container:
        return LoadComposableNodes(target_container=container, composable_node_descriptions=[component])
    return ComposableNodeContainer(
        package="rclcpp_components",
        executable="component_container",
        name="vb_container",
        namespace="",
        composable_node_descriptions=[component],
    )
