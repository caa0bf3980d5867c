"""Target values of a benchmark run, and whether they were met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cape_ros.lab.benchmark.clock import Durations

Measured = Mapping[str, Mapping[str, Durations]]  # by group and row


@dataclass(frozen=True)
class Figure:
    """value: at most `limit`, in `unit`. not measured: its groups were not run."""

    name: str
    value: float
    limit: float
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.limit


@dataclass(frozen=True)
class Ratio:
    """Median of a row against that of another in the same run, or of as many of it."""

    name: str
    group: str
    row: str
    to: str
    limit: float
    times: int = 1

    def figures(self, measured: Measured) -> Iterator[Figure]:
        rows = measured.get(self.group, {})
        if self.row in rows and self.to in rows:
            value = rows[self.row].median / (self.times * rows[self.to].median)
            yield Figure(self.name, value, self.limit)


VGA, HD = "frame, 640x480", "frame, 1280x720"
BY_OPENVINO = f"{VGA}, OpenVINO"
CPU = (
    Ratio("frame / as released", "one object, resnet50", VGA, "as released", 0.27),
    Ratio("MobileNetV2 frame / as released", "one object, mobilenet_v2", VGA, "as released", 0.08),
    Ratio("network / backbone", "one object, resnet50", "network", "backbone alone", 1.25),
    Ratio(
        "frame by OpenVINO / as released", "one object, resnet50", BY_OPENVINO, "as released", 0.27
    ),
    Ratio(
        "MobileNetV2 frame by OpenVINO / as released",
        "one object, mobilenet_v2",
        BY_OPENVINO,
        "as released",
        0.08,
    ),
    Ratio(
        "network / backbone, both by OpenVINO",
        "one object, resnet50",
        "network, OpenVINO",
        "backbone alone, OpenVINO",
        1.25,
    ),
    Ratio("32 objects / 32 x one", "objects, resnet50", "32 objects", "1 object", 1.0, 32),
)
GPU = (
    Ratio("frame / as released", "one object, resnet50", HD, "as released", 1 / 8),
    Ratio("16 objects / one", "objects, resnet50", "16 objects", "1 object", 2.5),
    Ratio(
        "object of 32 / as released", "objects, resnet50", "32 objects", "as released", 1 / 15, 32
    ),
)
BOTH = (
    Ratio("100 keypoints / 2", "keypoints, resnet50", "100 keypoints", "2 keypoints", 1.35),
    Ratio(
        "201 categories known / 1",
        "library, resnet50",
        "201 categories known, 1 active",
        "1 category known",
        1.05,
    ),
)


def figures(measured: Measured, on_gpu: bool) -> Iterator[Figure]:
    """The figures of the groups that were run."""
    for ratio in (*(GPU if on_gpu else CPU), *BOTH):
        yield from ratio.figures(measured)
    for name in ("resnet50", "shipped"):
        if rows := measured.get(f"registration, {name}"):
            aim = f"registration of 5 shots, {name}"
            yield Figure(aim, rows["5 shots"].median, 100 if on_gpu else 500, "ms")
    if on_gpu and (rows := measured.get("one object, resnet50")):
        yield Figure("frame of 1280x720, 99 of 100", rows[HD].p99, 3, "ms")
