"""One image topic of a recording: what is in its images, as messages of further topics."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from rosbags.typesys.store import Typestore

from cape_ros.bag.topic import Topic
from cape_ros.core.errors import InvalidInput
from cape_ros.messages.images import read_image, to_jpeg
from cape_ros.messages.results import ResultClasses
from cape_ros.perception.category import Category
from cape_ros.perception.drawing.overlay import draw
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.tracking import (
    CaptureTime,
    Tracker,
    TrackingSettings,
    clock_of_images,
)

RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
KEYPOINTS = "cape_ros/msg/KeypointArray"
JPEG_QUALITY = 80  # as the node's


class ImageTopic:
    """Objects are followed from image to image, each topic by itself.

    images: read so far. faults: how many of them could not be used; first_fault says why the
    first could not. found: in how many images each category was found. outputs: the topics of its
    messages.
    """

    def __init__(
        self,
        topic: Topic,
        types: Typestore,
        estimator: Estimator,
        categories: Mapping[str, Category],
        track_ids: Iterator[int],
        every: int,
        overlay: bool,
    ) -> None:
        """estimator: knows the categories. every: only each n-th image is processed. overlay:
        whether to draw what is found."""
        self.images = 0
        self.faults = 0
        self.first_fault = ""
        self.found: Counter[str] = Counter()
        self.categories = categories
        self._keypoints = _topic(f"{topic.name}/keypoints", KEYPOINTS, types)
        self._overlay = _topic(f"{topic.name}/overlay/compressed", COMPRESSED, types)
        self.outputs = (self._keypoints, *([self._overlay] if overlay else []))
        self._kind = topic.kind
        self._types = types
        self._turn = itertools.cycle(at == 0 for at in range(every))
        self._tracker = Tracker(estimator, track_ids, clock_of_images())
        self._settings = TrackingSettings()
        self._time = CaptureTime()
        self._results = ResultClasses(
            types.types[KEYPOINTS],
            types.types["cape_ros/msg/ObjectKeypoints"],
            types.types["cape_ros/msg/Keypoint"],
            types.types["sensor_msgs/msg/RegionOfInterest"],
            np.asarray,
        )

    def look(self, octets: bytes, recorded: int) -> list[tuple[Topic, bytes]]:
        """The messages that an image gives; none if it is not its turn, or it cannot be used.

        octets: the image's message in CDR. recorded: when [ns].
        """
        if not next(self._turn):
            return []
        self.images += 1
        try:
            message = self._read(octets)
            image = read_image(message, fast=True)
            stamp = message.header.stamp.sec + message.header.stamp.nanosec / 1e9
            taken = self._time.of(stamp, recorded / 1e9)
            objects = self._tracker.estimate(image, self.categories, self._settings, taken)
        except InvalidInput as error:
            self.faults += 1
            self.first_fault = self.first_fault or str(error)
            return []
        self.found.update({each.category for each in objects if not each.predicted})
        result = self._results.to_keypoint_array(
            objects, message.header, image.shape[:2], self._settings.trust.point_threshold
        )
        messages = [(self._keypoints, self._octets(result, KEYPOINTS))]
        if self._overlay in self.outputs:
            messages.append((self._overlay, self._drawn(image, objects, message.header)))
        return messages

    def _read(self, octets: bytes) -> Any:
        try:
            return self._types.deserialize_cdr(octets, self._kind)
        except Exception as error:  # the library raises anything of damaged octets
            raise InvalidInput.of("image", f"no {self._kind}: {error}") from error

    def _drawn(self, image: np.ndarray, objects: list[ObjectKeypoints], header: Any) -> bytes:
        drawn = draw(image, objects, self.categories, self._settings.trust.point_threshold)
        jpeg = to_jpeg(drawn, JPEG_QUALITY).ravel()
        message = self._types.types[COMPRESSED](header=header, format="jpeg", data=jpeg)
        return self._octets(message, COMPRESSED)

    def _octets(self, message: object, kind: str) -> bytes:
        return bytes(self._types.serialize_cdr(message, kind))


def _topic(name: str, kind: str, types: Typestore) -> Topic:
    return Topic(name, kind, types.generate_msgdef(kind, ros_version=2)[0])
