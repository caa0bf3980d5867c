"""When the results of one camera come, in a process of its own until its input ends:

python -m rig.watcher TOPIC REPORT

REPORT: where to write the arrivals, by `time.monotonic`, as NumPy's file.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor

from cape_ros.msg import KeypointArray


def watch(topic: str) -> list[float]:
    arrivals: list[float] = []
    rclpy.init(args=[])
    node = rclpy.create_node("benchmark_watcher")

    def hear(message: Any) -> None:
        arrivals.append(time.monotonic())

    node.create_subscription(KeypointArray, topic, hear, 50)
    stop = threading.Event()

    def stop_at_end_of_input() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stop.is_set():
        executor.spin_once(0.1)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    return arrivals


if __name__ == "__main__":
    topic, report = sys.argv[1:]
    np.save(Path(report), watch(topic))
