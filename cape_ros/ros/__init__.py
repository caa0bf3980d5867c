"""The ROS 2 node: rclpy code that converts messages and calls the server.

Importing it raises `CapeError` that says what to do where rclpy cannot be used.
"""

from cape_ros.ros import middleware

MIDDLEWARE = middleware.load()
