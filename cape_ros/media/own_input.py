"""What to register for a video or a camera of the user's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from cape_ros.core.images import read_image
from cape_ros.errors import InvalidInput, SourceError
from cape_ros.media.photographs import Marks
from cape_ros.media.sources import video_frame
from cape_ros.media.truth import Truth
from cape_ros.perception.annotation import read_annotation
from cape_ros.perception.category import Category, SupportShot

VIDEOS = (Path(__file__).parents[2] / "../shared/data/video").resolve()  # beside a checkout
FLIES, ROBOT = VIDEOS / "flies.mp4", VIDEOS / "robot.mp4"
CORNERS = 6
FEWEST_CORNERS = 3

ROBOT_MARKS = Marks(
    {
        "link_low": (140, 182),
        "link_high": (207, 149),
        "spool_left": (267, 112),
        "spool_right": (367, 132),
        "lever_top": (256, 217),
        "lever_left": (202, 268),
        "lever_right": (303, 288),
    },
    (
        ("link_low", "link_high"),
        ("link_high", "spool_left"),
        ("spool_left", "spool_right"),
        ("lever_top", "lever_left"),
        ("lever_top", "lever_right"),
        ("lever_left", "lever_right"),
    ),
)
FLY_EDGES = (
    *(("head", "thorax"), ("thorax", "abdomen"), ("head", "eyeL"), ("head", "eyeR")),
    *(("thorax", "wingL"), ("thorax", "wingR"), ("thorax", "forelegL4"), ("thorax", "forelegR4")),
    *(("thorax", "midlegL4"), ("thorax", "midlegR4")),
    *(("thorax", "hindlegL4"), ("thorax", "hindlegR4")),
)


def annotated(
    file: Path, first: np.ndarray, video: Path | None, fallback_name: str
) -> tuple[Category, str]:
    """What an annotation file asks for, and in a sentence what that is.

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


def known_video(video: Path, first: np.ndarray) -> tuple[Category, str] | None:
    """Marks of the demo's own, for the two videos that may lie beside the checkout."""
    if video.resolve() == ROBOT:
        return ROBOT_MARKS.category("robot", first), "Registered are marks of the demo's own."
    if video.resolve() == FLIES and FLIES.with_suffix(".json").is_file():
        names, truths = _fly_labels()
        fly = next(truth for truth in truths(0) if truth.visible.all())
        shown = {name: (x, y) for name, (x, y) in zip(names, fly.keypoints.tolist(), strict=True)}
        return Marks(shown, FLY_EDGES).category("fly", first), (
            "Registered is the fly of frame 0 that shows every labelled keypoint. Truth is the "
            "labels, of whichever of the two flies the answer fits best."
        )
    return None


def known_truths(video: Path) -> Callable[[int], tuple[Truth, ...]] | None:
    """Where the keypoints of a known video are, by frame; None if nobody has labelled it."""
    if video.resolve() == FLIES and FLIES.with_suffix(".json").is_file():
        return _fly_labels()[1]
    return None


def corners(first: np.ndarray, name: str) -> tuple[Category, str]:
    """Distinctive corners around the middle of an image, for want of anything better.

    Raises `SourceError` if there are hardly any.
    """
    height, width = first.shape[:2]
    middle = np.zeros((height, width), np.uint8)
    middle[height // 5 : height - height // 5, width // 5 : width - width // 5] = 255
    found = cv2.goodFeaturesToTrack(
        cv2.cvtColor(first, cv2.COLOR_RGB2GRAY), CORNERS, 0.05, min(height, width) / 8, mask=middle
    )
    points = np.empty((0, 2)) if found is None else found.reshape(-1, 2)
    if len(points) < FEWEST_CORNERS:
        raise SourceError(
            f"the first frame shows {len(points)} distinctive corners around its middle, too few "
            "to register; mark keypoints yourself and give them with --keypoints"
        )
    names = [f"p{index + 1}" for index in range(len(points))]
    category = Category(name, names, (), (SupportShot(first, points),))
    return category, (
        f"Registered are {len(points)} corners of the first frame, chosen automatically; mark your "
        "own keypoints with --keypoints FILE."
    )


def _fly_labels() -> tuple[list[str], Callable[[int], tuple[Truth, ...]]]:
    content = json.loads(FLIES.with_suffix(".json").read_text(encoding="utf-8"))
    by_frame: dict[int, tuple[Truth, ...]] = {}
    for label in content["labels"]:
        points = np.array(label["keypoints"], float)
        visible = points[:, 2] > 0
        truth = Truth(np.where(visible[:, None], points[:, :2], np.nan), visible)
        by_frame[label["frame"]] = (*by_frame.get(label["frame"], ()), truth)
    return content["names"], lambda index: by_frame.get(index, ())
