"""`/diagnostics`, once a second: statistics, and one message for each problem.

By the conventions of diagnostic_updater, which no wheel has: a status is named "NODE: task", its
hardware_id is "none" where there is no hardware of its own, sentences are joined and the highest
level counts, and nothing received is an ERROR. Simulated time may stand still, so the timer is
steady.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.utilities import get_rmw_implementation_identifier

from cape_ros.core import fastdds
from cape_ros.core.plurals import counted
from cape_ros.perception.inference.batching import LARGEST_BATCH
from cape_ros.ros.camera import Camera
from cape_ros.ros.conversions import header_of_now
from cape_ros.ros.meters import FEW, Rate, percentiles
from cape_ros.ros.space_report import space_report
from cape_ros.server.server import CameraCounts, Percentiles, Server, Statistics

PERIOD = 1.0  # [s]
RECENTLY = 10.0  # [s] how long a resolved problem stays reported
NO_IMAGE_AFTER = 3.0  # [s] without an image before it counts as trouble
OLDEST, NEWEST = 1.0, -0.1  # [s] of the age of a frame whose clock is in order

Values = dict[str, Any]


@dataclass(frozen=True)
class NodeState:
    """The node's state: whether it processes images, a word for it, the device, and problems."""

    running: bool
    word: str
    device: torch.device
    unknown: Sequence[str]  # active categories that are not registered
    troubles: Sequence[str] = ()  # sentences about what else is wrong


class Recent:
    """Whether a count grew lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._grew: dict[str, float] = {}

    def grew(self, name: str, count: int) -> bool:
        now = self._clock()
        if count > self._counts.get(name, 0):
            self._grew[name] = now
        self._counts[name] = count
        return now - self._grew.get(name, -RECENTLY) < RECENTLY


class Diagnostics:
    """Publishes until `close`."""

    def __init__(
        self,
        node: Node,
        server: Server,
        cameras: Sequence[Camera],
        state: Callable[[], NodeState],
    ) -> None:
        self._node = node
        self._server = server
        self._cameras = [CameraReport(camera) for camera in cameras]
        self._node_state = state
        self._recent = Recent()
        self._publishing = threading.Lock()
        self._closed = False
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._timer = node.create_timer(
            PERIOD,
            self._publish,
            callback_group=MutuallyExclusiveCallbackGroup(),
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )

    def close(self) -> None:
        """Idempotent."""
        with self._publishing:
            if self._closed:
                return
            self._closed = True
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def _publish(self) -> None:
        with self._publishing:
            if not self._closed:
                self._publisher.publish(
                    DiagnosticArray(header=header_of_now(self._node), status=list(self.statuses()))
                )

    def statuses(self) -> Iterable[DiagnosticStatus]:
        state, statistics = self._node_state(), self._server.statistics
        name = self._node.get_fully_qualified_name().lstrip("/")
        errors = self._model_errors(statistics)
        values, wrong = self._model(state, statistics)
        level = DiagnosticStatus.ERROR if errors else DiagnosticStatus.WARN
        yield to_status(f"{name}: model", values, [*errors, *wrong], state.word, level)
        for report in self._cameras:
            counts = statistics.cameras.get(report.camera.key, CameraCounts())
            values, wrong = report.say(counts, state.running, self._has_time())
            level = DiagnosticStatus.ERROR if report.is_silent() else DiagnosticStatus.WARN
            yield to_status(f"{name}: {report.camera.key}", values, wrong, state.word, level)

    def _has_time(self) -> bool:
        """Whether the clock runs: with use_sim_time, not before the first message on /clock."""
        return bool(self._node.get_clock().now().nanoseconds)

    def _model_errors(self, statistics: Statistics) -> list[str]:
        """What keeps results from coming."""
        errors = []
        if (seconds := self._server.stands_since) is not None:
            errors.append(
                f"no result comes since {seconds:.0f} s: the model hangs or is overloaded; restart "
                "the node if it does not recover"
            )
        for kind, count in sorted(statistics.failures.items()):
            if self._recent.grew(f"failure {kind}", count):
                errors.append(f"the model failed: {kind} ({count} times); see the log")
        return errors

    def _model(self, state: NodeState, statistics: Statistics) -> tuple[Values, list[str]]:
        values: Values = {
            "state": state.word,
            "device": state.device,
            **memory(state.device),
            "categories": len(self._server.categories),
            "database version": self._server.database_version,
            "objects in a batch, at most": self._server.largest_batch,
        }
        for stage, seconds in statistics.stages.items():
            values[f"{stage} [ms] median, p95"] = milliseconds(seconds)
        wrong = []
        if not self._has_time():
            wrong.append(
                "use_sim_time is true and nothing has come on /clock: start the simulator or the "
                "bag player (ros2 bag play --clock), or set use_sim_time: false"
            )
        for field, count in sorted(statistics.rejected.items()):
            values[f"rejected: {field}"] = count
            if self._recent.grew(field, count):
                wrong.append(f"input is refused: {field} ({counted(count, 'time')})")
        for kind, count in sorted(statistics.failures.items()):
            values[f"failed: {kind}"] = count
        if self._server.largest_batch < LARGEST_BATCH:
            wrong.append(
                f"{state.device} is short of memory: objects are looked at "
                f"{self._server.largest_batch} at a time"
            )
        wrong += state.troubles
        if state.unknown:
            names = ", ".join(state.unknown)
            wrong.append(f"active_categories names what is not registered: {names}")
        return values, wrong


class CameraReport:
    """Builds the diagnostics of one camera."""

    def __init__(self, camera: Camera, clock: Callable[[], float] = time.monotonic) -> None:
        self.camera = camera
        self._clock = clock
        self._recent = Recent(clock)
        self._input = Rate(clock=clock)
        self._output = Rate(clock=clock)
        self._images = 0
        self._last_image = clock()
        self._middleware = get_rmw_implementation_identifier()

    def say(
        self, counts: CameraCounts, running: bool, has_time: bool = True
    ) -> tuple[Values, list[str]]:
        """running: whether images are expected. has_time: whether the node's clock has one.
        Returns the figures, and what is wrong."""
        meter, now = self.camera.meter, self._clock()
        if meter.images != self._images or not running:
            self._images, self._last_image = meter.images, now
        age = percentiles(list(meter.ages))
        values: Values = {
            "input rate [Hz]": f"{self._input(meter.images):.1f}",
            "output rate [Hz]": f"{self._output(meter.published):.1f}",
            "sent by the camera": meter.sent_to,
            "lost on the way": meter.lost,
            "superseded on the way": meter.superseded,
            "refused": meter.refused,
            "received": counts.received,
            "answered": counts.answered,
            "dropped": counts.dropped,
            "paused": counts.paused,
            "failed": counts.failed,
            "without boxes": meter.unmatched,
            "receive [ms] median, p95": milliseconds(percentiles(list(meter.receive))),
            "age at publish [ms] median, p95": milliseconds(age),
            "camera_info": "received" if meter.camera_info else "never came",
            "clock jumps": meter.stamps.jumps,
            "zero stamps": meter.stamps.zeros,
            "repeated stamps": meter.stamps.repeated,
        }
        wrong = [*meter.qos.values()]
        if meter.camera_info_fault:
            wrong.append(meter.camera_info_fault)
        in_space, troubles = space_report(meter.space, self._recent.grew)
        values |= in_space
        wrong += troubles
        for name, count in meter.failed_outputs.copy().items():
            if self._recent.grew(f"output {name}", count):
                wrong.append(f"{name} cannot be published ({counted(count, 'time')}); see the log")
        if self.is_silent():
            wrong.append(f"no image for {now - self._last_image:.0f} s on {self.camera.topic}")
        if self._recent.grew("lost", meter.lost):
            images = counted(meter.sent_to, "image was", "images were")
            wrong.append(
                f"{meter.lost} of {images} lost between camera and node: "
                f"{fastdds.remedy(self._middleware)}"
            )
        if self._recent.grew("jumps", meter.stamps.jumps):
            wrong.append("the clock has jumped: a stamp was earlier than the one before")
        if self._recent.grew("zeros", meter.stamps.zeros):
            wrong.append("images come with zero stamps: give them the time they were taken")
        if self._recent.grew("repeated", meter.stamps.repeated):
            wrong.append(
                "images come with the stamp of the one before: give each the time it was taken"
            )
        if self._recent.grew("unmatched", meter.unmatched):
            wrong.append("images find no boxes of their stamp on detections_in")
        if running and has_time:
            wrong += clock_fault(list(meter.arrival_ages), list(meter.ages)[-FEW:])
        return values, wrong

    def is_silent(self) -> bool:
        """Whether no image has come for so long that no result can."""
        return self._clock() - self._last_image > NO_IMAGE_AFTER


def clock_fault(arriving: Sequence[float], published: Sequence[float]) -> list[str]:
    """A sentence on stamps that cannot be right; of the ages of the last few images, in seconds."""
    came, went = percentiles(arriving), percentiles(published)
    if came and came[0] < NEWEST:
        return [
            f"images are stamped {-came[0]:.1f} s ahead of this machine's clock: synchronise the "
            "clocks of camera and node (NTP or PTP)"
        ]
    if went and went[0] > OLDEST:
        return [f"images are {went[0]:.1f} s old when their result goes out"]
    if came and came[0] > OLDEST:
        return [f"images are {came[0]:.1f} s old when they come"]
    return []


def to_status(
    name: str,
    values: Mapping[str, Any],
    wrong: Sequence[str],
    otherwise: str,
    level: bytes = DiagnosticStatus.WARN,
) -> DiagnosticStatus:
    """wrong: sentences, of this level; none is OK, and then `otherwise` is the message."""
    return DiagnosticStatus(
        level=level if wrong else DiagnosticStatus.OK,
        name=name,
        message="; ".join(wrong) or otherwise,
        hardware_id="none",
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )


def memory(device: torch.device) -> Values:
    """The GPU memory that PyTorch holds; empty on a CPU."""
    if device.type != "cuda":
        return {}
    return {
        "GPU memory in use [MB]": f"{torch.cuda.memory_allocated(device) / 1e6:.0f}",
        "GPU memory reserved [MB]": f"{torch.cuda.memory_reserved(device) / 1e6:.0f}",
    }


def milliseconds(seconds: Percentiles | tuple[float, float] | None) -> str:
    """Median and 95th percentile, `-` before the first frame."""
    if isinstance(seconds, Percentiles):
        seconds = seconds.median, seconds.p95
    if seconds is None or seconds[0] != seconds[0]:
        return "-"
    return f"{1e3 * seconds[0]:.1f}, {1e3 * seconds[1]:.1f}"
