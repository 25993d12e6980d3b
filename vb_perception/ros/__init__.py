"""The ROS 2 node and its tools: the only room that imports rclpy and messages."""
