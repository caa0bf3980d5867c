#!/usr/bin/env python3
"""Keypoints that neither tremble at rest nor lag in motion: a One Euro filter on each.

G. Casiez, N. Roussel, D. Vogel: 1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input
in Interactive Systems. CHI 2012, https://doi.org/10.1145/2207676.2208639
docs/how-to/smooth-keypoints.md has the topics and the parameters.
"""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import rclpy
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.node import Node

from cape_ros.msg import Keypoint, KeypointArray

Point = tuple[float, float]
STEADY = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still


@dataclass(frozen=True)
class Settings:
    """Raises ValueError for what cannot be used."""

    min_cutoff: float = 1.0  # [Hz] at rest: less trembles less
    beta: float = 0.01  # [Hz per pixel/s] more lags less in motion
    derivative_cutoff: float = 1.0  # [Hz] of the speed that beta multiplies
    longest_gap: float = 0.5  # [s] after a longer one a point begins anew

    def __post_init__(self) -> None:
        if not (self.min_cutoff > 0 and self.derivative_cutoff > 0 and self.longest_gap > 0):
            raise ValueError("min_cutoff, derivative_cutoff and longest_gap are above 0")
        if not self.beta >= 0:
            raise ValueError("beta is not negative")


def smoothing_factor(cutoff: float, period: float) -> float:
    """The paper's alpha = 1 / (1 + tau / Te): how much of a new value a low-pass filter takes.

    cutoff: [Hz], as tau = 1 / (2 pi cutoff). period: Te [s], since the value before.
    """
    tau = 1 / (2 * math.pi * cutoff)
    return 1 / (1 + tau / period)


@dataclass
class OneEuro:
    """The filter of one coordinate, begun with its first value: algorithm 1 of the paper."""

    value: float
    speed: float = 0.0  # filtered [1/s]

    def filter(self, value: float, period: float, settings: Settings) -> float:
        """period: [s] since the value before, above 0."""
        speed = (value - self.value) / period
        self.speed += smoothing_factor(settings.derivative_cutoff, period) * (speed - self.speed)
        cutoff = settings.min_cutoff + settings.beta * abs(self.speed)
        self.value += smoothing_factor(cutoff, period) * (value - self.value)
        return self.value


@dataclass
class SmoothPoint:
    """The filters of a keypoint's x and y, and the stamp [ns] of the last value in them."""

    stamp: int
    axes: tuple[OneEuro, OneEuro]

    def filter(self, stamp: int, point: Point, settings: Settings) -> Point:
        period = (stamp - self.stamp) / 1e9
        self.stamp = stamp
        x, y = (a.filter(v, period, settings) for a, v in zip(self.axes, point, strict=True))
        return x, y


class Smoother:
    """The filters of a stream of results, one for each keypoint that was trusted lately."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._points: dict[Hashable, SmoothPoint] = {}
        self._stamp = -1

    def begin(self, stamp: int) -> bool:
        """A new frame, stamped in nanoseconds; False if that is not after the frame before: then
        all points begin anew."""
        grows = stamp > self._stamp
        self._stamp = stamp
        oldest = stamp - self.settings.longest_gap * 1e9
        self._points = {k: p for k, p in self._points.items() if grows and p.stamp >= oldest}
        return grows

    def smooth(self, key: Hashable, point: Point) -> Point:
        """key: by which a point is known again in the next frame; a new one begins with `point`."""
        before = self._points.get(key)
        if before is None or before.stamp == self._stamp:  # or twice in this frame
            x, y = point
            self._points[key] = SmoothPoint(self._stamp, (OneEuro(x), OneEuro(y)))
            return point
        return before.filter(self._stamp, point, self.settings)


def is_trusted(keypoint: Any) -> bool:
    finite = math.isfinite(keypoint.x) and math.isfinite(keypoint.y)
    return finite and keypoint.visibility == Keypoint.VISIBLE


class SmoothKeypoints(Node):
    """Raises ValueError for a parameter that cannot be used."""

    def __init__(self) -> None:
        super().__init__("smooth_keypoints")
        options = {
            "min_cutoff": "[Hz] cutoff at rest: less trembles less, and lags more.",
            "beta": "[Hz per pixel/s] how the cutoff grows with speed: more lags less.",
            "derivative_cutoff": "[Hz] cutoff of the speed.",
            "longest_gap": "[s] after a longer one a keypoint begins anew.",
        }
        values = {
            name: self.declare_parameter(
                name,
                getattr(Settings, name),
                ParameterDescriptor(description=description, read_only=True),
            ).value
            for name, description in options.items()
        }
        self._smoother = Smoother(Settings(**values))
        self._publisher = self.create_publisher(KeypointArray, "~/keypoints", 10)
        self.create_subscription(KeypointArray, "cape/keypoints", self._on_keypoints, 10)

    def _on_keypoints(self, message: KeypointArray) -> None:
        stamp = message.header.stamp
        if not self._smoother.begin(stamp.sec * 10**9 + stamp.nanosec):
            self.get_logger().warning(
                "stamps do not grow: the filters begin anew", throttle_duration_sec=5.0
            )
        for found in message.objects:
            if found.track_id < 0:
                continue
            track = (found.category, found.category_version, found.track_id)
            for index, keypoint in enumerate(found.keypoints):
                if is_trusted(keypoint):
                    keypoint.x, keypoint.y = self._smoother.smooth(
                        (*track, index), (keypoint.x, keypoint.y)
                    )
        self._publisher.publish(message)


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # rclpy ends spinning; nothing else has to
    rclpy.init()
    try:
        node = SmoothKeypoints()
        node.create_timer(1.0, lambda: None, clock=STEADY)  # else spinning may miss a signal
        rclpy.spin(node)
    except (ValueError, ParameterException) as error:
        print(f"smooth_keypoints: {error}", file=sys.stderr)
        return 1
    except Exception:  # rclpy has several for a context that a Ctrl-C ended
        if rclpy.ok():
            raise
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
