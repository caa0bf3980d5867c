"""Messages that no camera or detector should send, from a seed; some are no messages at all."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

ENCODINGS = (
    *("rgb8", "bgr8", "mono8", "mono16", "rgba8", "bayer_rggb8", "yuv422", "32FC1", "16UC1"),
    *("", "jpeg2000", "rgb8; jpeg", "8UC999", "\N{SNOWMAN}" * 200),
)
FORMATS = ("jpeg", "png", "rgb8; jpeg compressed bgr8", "16UC1; compressedDepth", "", "h264")
NUMBERS = (0, 1, 2, 47, 48, 64, 65535, 2**31 - 1, 2**31, 2**32 - 1)
FLOATS = (float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e-300, 1e300, 32.0)
BROKEN_BYTES = 1 / 3  # of the messages: bits of the serialised message are flipped
MOST_BYTES = 20_000


class Malformed:
    """Publishes them in turn to a raw and to a compressed camera, with its boxes."""

    def __init__(self, node: Node, raw: str, compressed: str, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._kinds = [
            (self._image, node.create_publisher(Image, f"{raw}/image", 10)),
            (self._compressed, node.create_publisher(CompressedImage, compressed, 10)),
            (self._info, node.create_publisher(CameraInfo, f"{raw}/camera_info", 10)),
            (self._detections, node.create_publisher(Detection2DArray, f"{raw}/detections_in", 10)),
        ]

    @property
    def heard(self) -> bool:
        """Whether the node listens to all of them."""
        return all(publisher.get_subscription_count() for _, publisher in self._kinds)

    def publish(self, number: int) -> None:
        make, publisher = self._kinds[number % len(self._kinds)]
        message = make()
        if self._rng.random() < BROKEN_BYTES:
            publisher.publish(self._break(bytes(serialize_message(message))))
        else:
            publisher.publish(message)

    def _break(self, data: bytes) -> bytes:
        broken = np.frombuffer(data, np.uint8).copy()
        # The first four bytes are the middleware's own.
        places = self._rng.integers(4, len(broken), self._rng.integers(1, 9))
        broken[places] ^= (1 << self._rng.integers(0, 8, len(places))).astype(np.uint8)
        cut = self._rng.integers(4, len(broken)) if self._rng.random() < 0.2 else len(broken)
        return broken[:cut].tobytes()

    def _one_of(self, choices: tuple[Any, ...]) -> Any:
        return choices[self._rng.integers(len(choices))]

    def _header(self) -> Header:
        stamp = Time(
            sec=int(self._rng.integers(-(2**31), 2**31)), nanosec=int(self._rng.integers(2**32))
        )
        return Header(stamp=stamp, frame_id="camera" * int(self._rng.integers(0, 50)))

    def _data(self) -> array.array[int]:
        count = int(self._rng.integers(0, MOST_BYTES)) if self._rng.random() < 0.8 else 48 * 64 * 3
        return array.array("B", self._rng.bytes(count))

    def _image(self) -> Image:
        small = self._rng.random() < 0.5
        size = (64, 48, 192) if small else tuple(self._one_of(NUMBERS) for _ in range(3))
        return Image(
            header=self._header(),
            width=size[0],
            height=size[1],
            step=size[2],
            encoding=self._one_of(ENCODINGS),
            is_bigendian=int(self._rng.integers(256)),
            data=self._data(),
        )

    def _compressed(self) -> CompressedImage:
        data = self._data()
        start = self._one_of((b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b""))
        return CompressedImage(
            header=self._header(),
            format=self._one_of(FORMATS),
            data=array.array("B", start) + data,
        )

    def _info(self) -> CameraInfo:
        floats = [self._one_of(FLOATS) for _ in range(int(self._rng.integers(0, 30)))]
        region = RegionOfInterest(
            x_offset=self._one_of(NUMBERS),
            width=self._one_of(NUMBERS),
            height=self._one_of(NUMBERS),
        )
        return CameraInfo(
            header=self._header(),
            width=self._one_of(NUMBERS),
            height=self._one_of(NUMBERS),
            distortion_model=self._one_of(("plumb_bob", "equidistant", "", "x" * 1000)),
            d=floats,
            k=[self._one_of(FLOATS) for _ in range(9)],
            p=[self._one_of(FLOATS) for _ in range(12)],
            binning_x=self._one_of(NUMBERS),
            roi=region,
        )

    def _detections(self) -> Detection2DArray:
        made = Detection2DArray(header=self._header())
        for _ in range(int(self._one_of((0, 1, 3, 200)))):
            one = Detection2D()
            one.id = "7" * int(self._rng.integers(0, 30))
            one.bbox.center.position.x = self._one_of(FLOATS)
            one.bbox.center.position.y = self._one_of(FLOATS)
            one.bbox.size_x, one.bbox.size_y = self._one_of(FLOATS), self._one_of(FLOATS)
            found = ObjectHypothesisWithPose()
            found.hypothesis.class_id = self._one_of(("thing", "", "nobody", "../x"))
            found.hypothesis.score = self._one_of(FLOATS)
            one.results = [found]
            made.detections.append(one)
        return made
