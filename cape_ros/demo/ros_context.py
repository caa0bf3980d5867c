"""rclpy for a demo: heard on this machine only, nodes that spin in the background."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import rclpy
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from rich.console import Console

from cape_ros.core import fastdds
from cape_ros.ros import MIDDLEWARE


def begin(console: Console) -> None:
    """Call `rclpy.try_shutdown` in the end."""
    if "ROS_AUTOMATIC_DISCOVERY_RANGE" not in os.environ:
        # Other machines' cameras are none of a demo's business, and it works on any network.
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
        console.print(
            "The demo is heard on this machine only. To listen: "
            "ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ros2 topic echo /cape/keypoints",
            highlight=False,
        )
    fastdds.use_profile()
    console.print(f"ROS 2: {MIDDLEWARE}", highlight=False)
    rclpy.init(args=[])


@contextmanager
def spinning(*nodes: Node) -> Iterator[None]:
    """Their callbacks run in the background, those of one node one after another."""
    executor = MultiThreadedExecutor(num_threads=len(nodes))
    for node in nodes:
        executor.add_node(node)
    thread = threading.Thread(target=executor.spin, name="demo")
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join()
