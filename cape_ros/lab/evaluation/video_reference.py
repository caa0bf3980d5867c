"""Ground truth of a video: labels, or optical flow from an annotated frame."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.files import read_text
from cape_ros.media.truth import Truth

FLOW = "optical flow"
LABELS = "labels"
THERE_AND_BACK = 1.0  # pixels: a point that flow does not find its way back to is lost
WINDOW = (21, 21)  # pixels that flow compares


@dataclass(frozen=True, eq=False)
class Labels:
    """A labelled video: frame -> track -> the truth of one object."""

    names: tuple[str, ...]
    frames: dict[int, dict[int, Truth]]

    def first_whole(self) -> tuple[int, int]:
        """(frame, track) of the first object that shows the most keypoints: what is registered."""
        shown = {
            (frame, track): int(truth.visible.sum())
            for frame, tracks in sorted(self.frames.items())
            for track, truth in tracks.items()
        }
        return max(shown, key=lambda at: shown[at])


def read_labels(path: Path) -> Labels:
    """Read {"names": [...], "labels": [{"frame", "track", "keypoints": [[x, y, flag], ...]}]};
    a flag above 0 means visible. Raises `SourceError`, `InvalidInput`."""
    try:
        content = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"{path}: not a JSON file that can be read: {error}") from error
    try:
        names = tuple(str(name) for name in content["names"])
        frames: dict[int, dict[int, Truth]] = {}
        for label in content["labels"]:
            points = np.array(label["keypoints"], float).reshape(len(names), 3)
            visible = points[:, 2] > 0
            if not np.isfinite(points[visible]).all():
                raise ValueError(f"frame {label['frame']}: a visible keypoint that is no number")
            if visible.any():
                truth = Truth(np.where(visible[:, None], points[:, :2], np.nan), visible)
                frames.setdefault(int(label["frame"]), {})[int(label.get("track", 0))] = truth
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidInput.of(str(path), f"not labels of a video: {error!r}") from error
    if not frames:
        raise InvalidInput.of(str(path), "labels no visible keypoint")
    return Labels(names, frames)


class Flow:
    """Follows points [K, 2] from the image that they were marked on; a lost one stays lost.

    Pyramidal Lucas-Kanade, forwards and backwards: a reference for small motion only.
    """

    def __init__(self, image: np.ndarray, points: np.ndarray, visible: np.ndarray):
        self._before = _grey(image)
        self._points = np.where(visible[:, None], points, np.nan).astype(np.float32)

    def next(self, image: np.ndarray) -> Truth:
        """Where the points are in the image that follows."""
        now = _grey(image)
        known = np.flatnonzero(np.isfinite(self._points).all(axis=1))
        after = np.full_like(self._points, np.nan)
        if len(known):
            start = self._points[known, None]
            end, there, _ = cv2.calcOpticalFlowPyrLK(
                self._before, now, start, np.empty_like(start), winSize=WINDOW
            )
            back, again, _ = cv2.calcOpticalFlowPyrLK(
                now, self._before, end, np.empty_like(end), winSize=WINDOW
            )
            near = np.linalg.norm(back - start, axis=-1)[:, 0] < THERE_AND_BACK
            kept = there[:, 0].astype(bool) & again[:, 0].astype(bool) & near
            after[known[kept]] = end[kept, 0]
        self._before, self._points = now, after
        return Truth(after.astype(float), np.isfinite(after[:, 0]))


def _grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
