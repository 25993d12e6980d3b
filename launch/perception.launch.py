"""The node on one camera: `ros2 launch vb_perception perception.launch.py image:=/camera/image_rect`.

What is given here wins over params_file, and that over classes_file; what is not given is left to the files.
"""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

CONFIG = Path(__file__).resolve().parents[1] / "config"
OF_THE_FILE = "; empty: as params_file says"
OVERRIDES = {
    "image_transport": "raw or compressed",
    "sync_info": "exact or latched",
    "camera_info_qos": "sensor_data, reliable or transient_local",
    "require_camera_info": "false: take uncalibrated cameras too",
    "autostart": "false: leave the transitions to a lifecycle manager",
    "use_sim_time": "true: take time from /clock",
}


def generate_launch_description() -> LaunchDescription:
    """Shared-memory transport, then the node with its two parameter files."""
    profile = str(CONFIG / "fastdds_shm.xml")
    arguments = {
        "image": ("/camera/image_rect", "rectified camera image; with image_transport compressed without /compressed"),
        "camera_info": ("/camera/camera_info", "camera_info of that image"),
        "params_file": (str(CONFIG / "perception.param.yaml"), "parameters of the node; win over classes_file"),
        "classes_file": (str(CONFIG / "classes.yaml"), "what the segmentation names, and in which colours"),
        "namespace": ("", "namespace of the node"),
        **{name: ("", text + OF_THE_FILE) for name, text in OVERRIDES.items()},
        "log_level": ("info", "debug, info, warn or error"),
    }
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=value, description=text)
                for name, (value, text) in arguments.items()
            ),
            # Without shared memory most large best-effort images are lost.  Older and newer Fast DDS read other names.
            SetEnvironmentVariable("FASTRTPS_DEFAULT_PROFILES_FILE", profile),
            SetEnvironmentVariable("FASTDDS_DEFAULT_PROFILES_FILE", profile),
            OpaqueFunction(function=_start),
        ]
    )


def _start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    given = {name: LaunchConfiguration(name) for name in OVERRIDES}
    given = {name: value for name, value in given.items() if context.perform_substitution(value)}
    node = Node(
        package="vb_perception",
        executable="perception_node",
        name="perception_node",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
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
    return [node]
