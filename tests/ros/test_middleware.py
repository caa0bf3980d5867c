from __future__ import annotations

import dds  # noqa: F401
import rclpy

from cape_ros.ros import MIDDLEWARE, middleware


def test_what_import_rclpy_means_is_told_also_the_second_time() -> None:
    assert middleware.load() == MIDDLEWARE
    assert MIDDLEWARE.startswith("rclpy of" if rclpy.__name__ == "rclpy" else "cape_ros.wire")
