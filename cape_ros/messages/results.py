"""What the estimator found, as a cape_ros/KeypointArray."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cape_ros.perception.geometry import Box
from cape_ros.perception.objects import ObjectKeypoints

NONE = np.empty(0, np.float32)


@dataclass(frozen=True)
class ResultClasses:
    """The classes of the messages in a result: rclpy's, or those of a library without ROS.

    floats: a field float32[] of an array [N] float32, as they take it.
    """

    array: Any
    object: Any
    keypoint: Any
    region: Any
    floats: Callable[[np.ndarray], Any] = np.ndarray.tolist

    def to_keypoint_array(
        self,
        objects: Sequence[ObjectKeypoints],
        header: Any,
        size: tuple[int, int],
        trusted: float,
    ) -> Any:
        """size: (height, width) of the image. trusted: from which score on a keypoint is called
        VISIBLE; below, it is UNKNOWN."""
        height, width = size
        return self.array(
            header=header,
            objects=[self._object(found, trusted) for found in objects],
            image_width=width,
            image_height=height,
        )

    def to_region(self, box: Box) -> Any:
        """The pixels that a box touches; a region begins inside its image, and may reach out of
        it."""
        x, y, width, height = box
        left, top = max(0, int(np.floor(x))), max(0, int(np.floor(y)))
        return self.region(
            x_offset=left,
            y_offset=top,
            width=max(0, int(np.ceil(x + width)) - left),
            height=max(0, int(np.ceil(y + height)) - top),
            do_rectify=False,
        )

    def _object(self, found: ObjectKeypoints, trusted: float) -> Any:
        seen, unknown = self.keypoint.VISIBLE, self.keypoint.UNKNOWN
        return self.object(
            category=found.category,
            category_version=found.category_version,
            track_id=found.track_id,
            detection_id=found.detection_id,
            box=self.to_region(found.box),
            score=found.score,
            keypoints=[
                self.keypoint(
                    x=x, y=y, score=score, visibility=seen if score >= trusted else unknown
                )
                for (x, y), score in zip(
                    found.keypoints.tolist(), found.scores.tolist(), strict=True
                )
            ],
            keypoint_names=list(found.keypoint_names),
            predicted=found.predicted,
            age=found.age,
            velocities=self.floats(NONE if found.velocities is None else found.velocities.ravel()),
        )
