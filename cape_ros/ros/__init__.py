"""The ROS 2 front end: ordinary rclpy code that converts messages and decides nothing else.

Importing it raises `CapeError` that says what to do where rclpy cannot be used.
"""

from cape_ros.ros import middleware

MIDDLEWARE = middleware.load()
