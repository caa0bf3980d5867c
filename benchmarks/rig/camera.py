"""A camera in a process of its own, until its input ends:

python -m rig.camera WIDTH HEIGHT RATE RELIABILITY REPORT

Each image is stamped just before it is sent. REPORT: where to write what was sent, as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from cape_ros.ros.conversions import header_of_now, to_image

TOPIC = "/camera/image_raw"
DEPTH = 10


def show(width: int, height: int, rate: float, reliability: str) -> dict[str, float]:
    rclpy.init(args=[])
    node = rclpy.create_node("benchmark_camera")
    policy = ReliabilityPolicy[reliability.upper()]
    publisher = node.create_publisher(Image, TOPIC, QoSProfile(depth=DEPTH, reliability=policy))
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    message = to_image(pixels, Header(frame_id="camera"))
    stop = threading.Event()

    def stop_at_end_of_input() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    while not publisher.get_subscription_count() and not stop.is_set():
        time.sleep(0.05)
    time.sleep(1.0)  # the node knows the camera by now, too
    began, sent, late, seconds = time.monotonic(), 0, 0, 0.0
    while not stop.is_set():
        left = began + sent / rate - time.monotonic()
        if left > 0:
            time.sleep(left)
        late += left < -0.5 / rate
        message.header.stamp = header_of_now(node).stamp
        before = time.monotonic()
        publisher.publish(message)
        seconds += time.monotonic() - before
        sent += 1
    ran = time.monotonic() - began
    time.sleep(1.0)  # what is on its way still arrives
    node.destroy_node()
    rclpy.try_shutdown()
    return {"sent": sent, "late": late, "rate": sent / ran, "publish_ms": 1e3 * seconds / sent}


if __name__ == "__main__":
    width, height, rate, reliability, report = sys.argv[1:]
    sent = show(int(width), int(height), float(rate), reliability)
    Path(report).write_text(json.dumps(sent))
