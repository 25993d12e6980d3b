"""The colour camera of a RealSense, and the node: `ros2 launch vb_perception realsense.launch.py`."""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Only colour is switched on: depth is what the node is for."""
    camera = Node(
        package="realsense2_camera",
        executable="realsense2_camera_node",
        namespace="camera",
        name="camera",
        parameters=[
            {
                "enable_color": True,
                "enable_depth": False,
                "enable_infra1": False,
                "enable_infra2": False,
                "rgb_camera.color_profile": LaunchConfiguration("profile"),
            }
        ],
    )
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(Path(__file__).resolve().parent / "perception.launch.py")),
        launch_arguments=[
            ("image", "/camera/camera/color/image_raw"),
            ("camera_info", "/camera/camera/color/camera_info"),
            ("rviz", LaunchConfiguration("rviz")),
            ("rviz_frame", "camera_color_optical_frame"),
        ],
    )
    arguments = {
        "profile": ("640x480x30", "width x height x rate of the colour camera"),
        "rviz": ("false", "true: show the outputs in RViz"),
    }
    declared = [DeclareLaunchArgument(name, default_value=v, description=text) for name, (v, text) in arguments.items()]
    return LaunchDescription([*declared, camera, perception])
