"""The left camera of a ZED, whose wrapper runs already: `ros2 launch vb_perception zed.launch.py camera_name:=zed`."""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """zed_wrapper has a launch file of its own, with the model's settings; its left image is rectified."""
    base = ["/", LaunchConfiguration("camera_name"), "/zed_node/"]
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(Path(__file__).resolve().parent / "perception.launch.py")),
        launch_arguments=[
            ("image", [*base, LaunchConfiguration("left_image")]),
            ("camera_info", [*base, LaunchConfiguration("left_camera_info")]),
            ("rviz", LaunchConfiguration("rviz")),
            ("rviz_frame", [LaunchConfiguration("camera_name"), "_left_camera_frame_optical"]),
        ],
    )
    arguments = {
        "camera_name": ("zed", "the wrapper's camera_name"),
        "left_image": ("left/color/rect/image", "as the wrapper names it since 5.1; before: left/image_rect_color"),
        "left_camera_info": ("left/color/rect/camera_info", "since 5.1; before: left/camera_info"),
        "rviz": ("false", "true: show the outputs in RViz"),
    }
    declared = [DeclareLaunchArgument(name, default_value=v, description=text) for name, (v, text) in arguments.items()]
    return LaunchDescription([*declared, perception])
