"""The ROS 2 front end: ordinary rclpy code that converts messages and decides nothing else.

Importing it makes `import rclpy` work, with or without a ROS 2 installation.
"""

from cape_ros.ros import middleware

MIDDLEWARE = middleware.load()
