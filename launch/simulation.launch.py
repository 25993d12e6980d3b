"""A simulated camera, with /clock: `ros2 launch vb_perception simulation.launch.py image:=/camera/image`."""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Simulated lenses are pinholes, and simulators stamp camera_info as it pleases them: nearly as the image."""
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(Path(__file__).resolve().parent / "perception.launch.py")),
        launch_arguments=[
            ("image", LaunchConfiguration("image")),
            ("camera_info", LaunchConfiguration("camera_info")),
            ("use_sim_time", "true"),
            ("sync_info", "approximate"),
            ("rviz", LaunchConfiguration("rviz")),
        ],
    )
    arguments = {
        "image": ("/camera/image", "as the bridge (ros_gz_bridge, Isaac Sim) names it"),
        "camera_info": ("/camera/camera_info", "its camera_info"),
        "rviz": ("false", "true: show the outputs in RViz"),
    }
    declared = [DeclareLaunchArgument(name, default_value=v, description=text) for name, (v, text) in arguments.items()]
    return LaunchDescription([*declared, perception])
