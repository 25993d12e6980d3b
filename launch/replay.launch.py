"""A bag played into the node: `ros2 launch vb_perception replay.launch.py bag:=run.mcap record:=out.mcap`.

Ends when the bag does; what was asked for by `record` is a whole bag then.
"""

from pathlib import Path

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from vb_perception.evaluation.camera_topics import find_camera, node_input

OUTPUTS = (
    "depth/image_rect",
    "depth/camera_info",
    "depth/confidence",
    "normals/image",
    "normals/view",
    "segmentation/mask",
    "segmentation/view",
    "segmentation/confidence",
    "points",
    "latency",
)


def generate_launch_description() -> LaunchDescription:
    """The node by perception.launch.py, the player, and a recorder if a file for it is named."""
    arguments = {
        "bag": (None, "an .mcap or .db3 file or a rosbag2 folder"),
        "image": ("", "the bag's image topic; empty: found by type"),
        "camera_info": ("", "the bag's camera_info topic; empty: the one beside the image"),
        "rate": ("1.0", "how much faster than recorded"),
        "wait_s": ("600.0", "how long the bag waits for the node, which opens its model first [s]"),
        "namespace": ("", "namespace of the node"),
        "record": ("", "an .mcap file for input and outputs; empty: none, then something else must listen (RViz)"),
    }
    declared = [DeclareLaunchArgument(name, default_value=v, description=text) for name, (v, text) in arguments.items()]
    return LaunchDescription([*declared, OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    value = {
        name: context.perform_substitution(LaunchConfiguration(name))
        for name in ("bag", "image", "camera_info", "rate", "wait_s", "namespace", "record")
    }
    camera = find_camera(value["bag"], value["image"] or None, value["camera_info"] or None)
    wiring = node_input(value["bag"], camera)._asdict()
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(Path(__file__).resolve().parent / "perception.launch.py")),
        launch_arguments=[(name, v if isinstance(v, str) else str(v).lower()) for name, v in wiring.items()],
    )
    namespace = value["namespace"].strip("/")
    base = f"/{namespace}/perception_node" if namespace else "/perception_node"
    outputs = [f"{base}/output/{name}" for name in OUTPUTS]
    recorder = Node(
        package="vb_perception",
        executable="topic_recorder",
        output="screen",
        arguments=[value["record"], camera.image, camera.camera_info, *outputs],
    )
    recording = ["--wait-for", "topic_recorder"] if value["record"] else []
    player = Node(
        package="vb_perception",
        executable="bag_player",
        output="screen",
        arguments=[
            value["bag"],
            *("--image", camera.image, "--camera-info", camera.camera_info, "--rate", value["rate"], "--restamp"),
            *("--timeout-s", value["wait_s"], "--wait-for", "perception_node", *recording),
        ],
    )
    ended = OnProcessExit(target_action=player, on_exit=[EmitEvent(event=Shutdown(reason="the bag ended"))])
    return [perception, *([recorder] if value["record"] else []), RegisterEventHandler(ended), player]
