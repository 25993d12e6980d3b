"""The left camera of a ZED, whose wrapper runs already: `ros2 launch vb_perception zed.launch.py camera_name:=zed`."""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """zed_wrapper has a launch file of its own, with the model's settings; its left image is rectified."""
    base = ["/", LaunchConfiguration("camera_name"), "/zed_node/left"]
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(Path(__file__).resolve().parent / "perception.launch.py")),
        launch_arguments=[
            ("image", [*base, "/image_rect_color"]),
            ("camera_info", [*base, "/camera_info"]),
            ("rviz", LaunchConfiguration("rviz")),
        ],
    )
    arguments = {
        "camera_name": ("zed", "the wrapper's camera_name"),
        "rviz": ("false", "true: show the outputs in RViz"),
    }
    declared = [DeclareLaunchArgument(name, default_value=v, description=text) for name, (v, text) in arguments.items()]
    return LaunchDescription([*declared, perception])
