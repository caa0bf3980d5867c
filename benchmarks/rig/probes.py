"""When each frame was where on its way through the node, by `time.monotonic`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.executors import Executor
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image

from cape_ros.ros.camera import Camera
from cape_ros.ros.meters import nanoseconds
from cape_ros.ros.outputs import Outputs
from cape_ros.server.server import Result

COLUMNS = (
    "stamp",  # of the header, by the clock of the day
    "take_begins",  # the executor asks for the message,
    "take_ends",  # has it as a Python object,
    "callback",  # and calls the node,
    "callback_ends",  # which converts the message and hands it to the model's thread
    "wait",  # [s] from the callback until the model's thread begins with it
    "preprocess",  # [s] cut, upload
    "network",  # [s]
    "publish_begins",
    "publish_ends",
)


class Probes:
    """Watches the node of this process from now on."""

    def __init__(self) -> None:
        self._just_taken = (np.nan, np.nan)
        self._taken: dict[int, tuple[float, float]] = {}
        self._called: dict[int, float] = {}
        self._rows: list[tuple[float, ...]] = []
        self._watch_take()
        self._watch_callback()
        self._watch_publish()

    def write(self, path: Path) -> None:
        np.save(path, np.array(self._rows, float).reshape(-1, len(COLUMNS)))

    def _watch_take(self) -> None:
        """The executor's part, of which the node knows nothing."""
        on_rclpy = hasattr(Executor, "_take_subscription")
        owner: Any = Executor if on_rclpy else Subscription
        name = "_take_subscription" if on_rclpy else "take"
        take = getattr(owner, name)

        def timed(*arguments: Any) -> Any:
            if arguments[-1].msg_type is not Image:
                return take(*arguments)
            began = time.monotonic()
            job = take(*arguments)
            if job is not None:  # the next one is taken only after the callback of this one
                self._just_taken = began, time.monotonic()
            return job

        setattr(owner, name, timed)

    def _watch_callback(self) -> None:
        callback = Camera._on_image

        def noted(camera: Camera, message: Any) -> None:
            stamp = nanoseconds(message.header.stamp)
            self._taken[stamp] = self._just_taken
            callback(camera, message)
            self._called[stamp] = time.monotonic()

        Camera._on_image = noted  # type: ignore[method-assign]

    def _watch_publish(self) -> None:
        publish = Outputs.publish

        def timed(outputs: Outputs, result: Result) -> None:
            began = time.monotonic()
            publish(outputs, result)
            ended = time.monotonic()
            stamp, stages = nanoseconds(result.frame.header.stamp), result.stages
            self._rows.append(
                (
                    stamp / 1e9,
                    *self._taken.pop(stamp),
                    result.frame.received,
                    self._called.pop(stamp, ended),
                    *(stages[stage] for stage in ("wait", "preprocess", "network")),
                    began,
                    ended,
                )
            )

        Outputs.publish = timed  # type: ignore[method-assign]
