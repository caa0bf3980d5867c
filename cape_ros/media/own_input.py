"""The category to register for a user's video or camera: an annotation, or detected corners."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.images import read_image
from cape_ros.core.plurals import counted
from cape_ros.media.sources import video_frame
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.library.annotation import read_annotation

CORNERS = 6
FEWEST_CORNERS = 3


def annotated(
    file: Path, first: np.ndarray, video: Path | None, fallback_name: str
) -> tuple[Category, str]:
    """The category of an annotation file, and a sentence on what was annotated.

    first: the first image of the video or camera, [H, W, 3] uint8 RGB; annotated is that one if the
    file does not name an image or a frame. Raises `InvalidInput`, `SourceError`.
    """
    annotation = read_annotation(file)
    if annotation.image is not None:
        image, which = read_image(annotation.image), str(annotation.image)
    elif annotation.frame is not None:
        if video is None:
            raise InvalidInput.of("frame", "a camera has no numbered frames; give an image")
        image, which = video_frame(video, annotation.frame), f"frame {annotation.frame}"
    else:
        image, which = first, "the first frame"
    category = annotation.category(image, annotation.name or fallback_name)
    return category, f"Registered are the keypoints of {file}, marked on {which}."


def corners(first: np.ndarray, name: str) -> tuple[Category, str]:
    """Distinctive corners around the middle of an image, to register without an annotation.

    Raises `SourceError` if there are hardly any.
    """
    height, width = first.shape[:2]
    middle = np.zeros((height, width), np.uint8)
    middle[height // 5 : height - height // 5, width // 5 : width - width // 5] = 255
    detected = cv2.goodFeaturesToTrack(
        cv2.cvtColor(first, cv2.COLOR_RGB2GRAY), CORNERS, 0.05, min(height, width) / 8, mask=middle
    )
    points = np.empty((0, 2)) if detected is None else detected.reshape(-1, 2)
    if len(points) < FEWEST_CORNERS:
        shown = counted(len(points), "distinctive corner")
        raise SourceError(
            f"the first frame shows {shown} around its middle, "
            "too few to register; mark keypoints yourself and give them with --keypoints"
        )
    names = [f"p{index + 1}" for index in range(len(points))]
    category = Category(name, names, (), (SupportShot(first, points),))
    return category, (
        f"Registered are {len(points)} corners of the first frame, chosen automatically; mark your "
        "own keypoints with --keypoints FILE."
    )
