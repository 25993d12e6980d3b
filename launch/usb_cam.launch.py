"""A USB camera by usb_cam, and the node: `ros2 launch vb_perception usb_cam.launch.py camera_info_url:=file:///...yaml`."""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """usb_cam publishes images as they come from the lens: the node rectifies them by their calibration."""
    camera = Node(
        package="usb_cam",
        executable="usb_cam_node_exe",
        namespace="camera",
        parameters=[
            {
                "video_device": LaunchConfiguration("video_device"),
                "camera_info_url": LaunchConfiguration("camera_info_url"),
                "frame_id": "camera_optical_frame",
            }
        ],
    )
    perception = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(Path(__file__).resolve().parent / "perception.launch.py")),
        launch_arguments=[
            ("image", "/camera/image_raw"),
            ("camera_info", "/camera/camera_info"),
            ("rectification", "rectify"),
            ("rviz", LaunchConfiguration("rviz")),
        ],
    )
    arguments = {
        "video_device": ("/dev/video0", "the camera"),
        "camera_info_url": ("", "its calibration, as camera_calibration wrote it; without one nothing is published"),
        "rviz": ("false", "true: show the outputs in RViz"),
    }
    declared = [DeclareLaunchArgument(name, default_value=v, description=text) for name, (v, text) in arguments.items()]
    return LaunchDescription([*declared, camera, perception])
