"""The node on one camera: `ros2 launch vb_perception perception.launch.py image:=/camera/image_rect`."""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

CONFIG = Path(__file__).resolve().parents[1] / "config"


def generate_launch_description() -> LaunchDescription:
    """Shared-memory transport, then the node with its two parameter files."""
    profile = str(CONFIG / "fastdds_shm.xml")
    arguments = {
        "image": ("/camera/image_rect", "rectified camera image; with image_transport compressed without /compressed"),
        "camera_info": ("/camera/camera_info", "camera_info of that image"),
        "image_transport": ("raw", "raw or compressed"),
        "params_file": (str(CONFIG / "perception.param.yaml"), "parameters of the node"),
        "classes_file": (str(CONFIG / "classes.yaml"), "what the segmentation names, and in which colours"),
        "namespace": ("", "namespace of the node"),
        "autostart": ("true", "false: leave the transitions to a lifecycle manager"),
        "use_sim_time": ("false", "take time from /clock"),
        "log_level": ("info", "debug, info, warn or error"),
    }
    node = Node(
        package="vb_perception",
        executable="perception_node",
        name="perception_node",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        parameters=[
            LaunchConfiguration("params_file"),
            LaunchConfiguration("classes_file"),
            {
                "autostart": LaunchConfiguration("autostart"),
                "image_transport": LaunchConfiguration("image_transport"),
                "use_sim_time": LaunchConfiguration("use_sim_time"),
            },
        ],
        remappings=[
            ("~/input/image", LaunchConfiguration("image")),
            ("~/input/camera_info", LaunchConfiguration("camera_info")),
        ],
        ros_arguments=["--log-level", LaunchConfiguration("log_level")],
    )
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=value, description=text)
                for name, (value, text) in arguments.items()
            ),
            # Without shared memory most large best-effort images are lost.  Older and newer Fast DDS read other names.
            SetEnvironmentVariable("FASTRTPS_DEFAULT_PROFILES_FILE", profile),
            SetEnvironmentVariable("FASTDDS_DEFAULT_PROFILES_FILE", profile),
            node,
        ]
    )
