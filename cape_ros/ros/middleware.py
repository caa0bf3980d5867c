"""Which rclpy: the one of the ROS 2 installation, or `cape_ros.wire` where there is none."""

from __future__ import annotations


def load() -> str:
    """Make `import rclpy` work; says in a few words what it now means.

    Only a missing rclpy is replaced: one that is there but broken raises its own error.
    """
    try:
        import rclpy
    except ModuleNotFoundError as error:
        if error.name != "rclpy":
            raise
        from cape_ros import wire

        wire.install()
        import rclpy
    if rclpy.__name__ != "rclpy":  # perhaps somebody installed it before
        return "cape_ros.wire (no ROS 2 installation found)"
    return "rclpy of the ROS 2 installation"
