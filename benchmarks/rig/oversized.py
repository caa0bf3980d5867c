"""Requests and images that are larger than any robot needs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import PIL.Image
from sensor_msgs.msg import CompressedImage, RegionOfInterest

from cape_ros.msg import Keypoint, SupportShot
from cape_ros.srv import Estimate, RegisterCategory

SIDE = 8000  # 64 megapixels
NAN = float("nan")
NAMES = ["a", "b", "c", "d"]


@dataclass(frozen=True)
class Oversized:
    """A request, how often it is sent, and its name in the report."""

    what: str
    service: str
    request: Any
    times: int = 1


@cache
def packed_image() -> CompressedImage:
    """8 KB of PNG that are 64 megapixels."""
    file = io.BytesIO()
    PIL.Image.new("1", (SIDE, SIDE)).save(file, "PNG", optimize=True)
    return CompressedImage(format="png", data=file.getvalue())


def requests(share: float) -> Iterator[Oversized]:
    """share: of the numbers, 1 for all."""

    def some(count: int) -> int:
        return max(1, round(share * count))

    points = [Keypoint(x=float(n), y=float(n), visibility=Keypoint.VISIBLE) for n in range(4)]
    packed = SupportShot(compressed=packed_image(), keypoints=points)

    def register(**fields: Any) -> RegisterCategory.Request:
        given = {"name": "pan", "keypoint_names": NAMES, "shots": [packed], **fields}
        return RegisterCategory.Request(**given)

    yield Oversized("60 shots of 64 megapixels", "register", register(shots=[packed] * 60), some(5))
    many = [SupportShot(keypoints=points)] * some(20_000)
    yield Oversized(f"{len(many)} shots without an image", "register", register(shots=many))
    names = ["a"] * some(300_000)
    yield Oversized(f"{len(names)} equal names", "register", register(keypoint_names=names))
    nowhere = [Keypoint(x=NAN, y=NAN)] * some(500_000)
    shot = SupportShot(compressed=packed_image(), keypoints=nowhere)
    yield Oversized(f"{len(nowhere)} NaN keypoints", "register", register(shots=[shot]))
    boxes = [RegionOfInterest(width=9, height=9)] * 2000
    asked = Estimate.Request(
        compressed=packed_image(), categories=["thing"] * len(boxes), boxes=boxes
    )
    yield Oversized("an estimate of 2000 boxes", "estimate", asked)
    yield Oversized(
        "an estimate in 64 megapixels", "estimate", Estimate.Request(compressed=packed_image())
    )
