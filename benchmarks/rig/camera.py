"""A camera in a process of its own, until its input ends:

python -m rig.camera SCENE WIDTH HEIGHT RATE RELIABILITY REPORT

SCENE: as `images` takes it. Each image is stamped just before it is sent. REPORT: where to write
what was sent, as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from itertools import cycle
from pathlib import Path

import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from cape_ros.media.photographs import photographs
from cape_ros.media.sources import MovingPhotograph
from cape_ros.ros.conversions import header_of_now, to_image

TOPIC = "/camera/image_raw"
DEPTH = 10
FRAMES = 180  # of the moving camera, until it turns back


def images(scene: str, width: int, height: int) -> list[np.ndarray]:
    """What is shown, again and again. scene: "noise", or "photograph" for the first one of the demo
    under a moving camera, which has a size of its own."""
    if scene == "noise":
        return [np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)]
    source = MovingPhotograph(photographs()[0], FRAMES, seed=0)
    forth = [frame.image for frame in iter(source.next, None)]
    if forth[0].shape[:2] != (height, width):
        raise ValueError(f"the photograph is shown as {forth[0].shape}, not {width}x{height}")
    return forth + forth[-2:0:-1]


def show(scene: str, width: int, height: int, rate: float, reliability: str) -> dict[str, float]:
    rclpy.init(args=[])
    node = rclpy.create_node("benchmark_camera")
    policy = ReliabilityPolicy[reliability.upper()]
    publisher = node.create_publisher(Image, TOPIC, QoSProfile(depth=DEPTH, reliability=policy))
    header = Header(frame_id="camera")
    messages = cycle([to_image(pixels, header) for pixels in images(scene, width, height)])
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
        message = next(messages)
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
    scene, width, height, rate, reliability, report = sys.argv[1:]
    sent = show(scene, int(width), int(height), float(rate), reliability)
    Path(report).write_text(json.dumps(sent))
