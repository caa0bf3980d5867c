"""Messages and services of this package for an rclpy that pip installed.

`python -m cape_ros.interfaces` generates and compiles them into the running environment. A colcon
workspace builds the same definitions by CMakeLists.txt and needs nothing of this.
"""
