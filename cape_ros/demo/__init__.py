"""`make demo`: moving images with known truth, a node, and a look at what it found."""

import cape_ros.ros  # noqa: F401  it makes `import rclpy` work, with or without ROS 2
