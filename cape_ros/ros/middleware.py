"""Which rclpy: the one of the ROS 2 installation, or `cape_ros.wire` where there is none."""

from __future__ import annotations

from importlib.util import find_spec

from cape_ros.errors import CapeError


def load() -> str:
    """Make `import rclpy` work; says in a few words what it now means.

    Only a missing rclpy is replaced: one that is there but broken raises its own error. Raises
    `CapeError` if ROS 2 is there, but not the messages of this package.
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
    if find_spec("cape_ros.msg") is None:
        raise CapeError(
            "ROS 2 is sourced here, but no workspace with cape_ros in it: run `colcon build "
            "--packages-select cape_ros` and source install/setup.bash, or use a shell without "
            "ROS 2 to do without it"
        )
    return "rclpy of the ROS 2 installation"
