"""One grasp: the node looks, the arm takes; and why it failed if it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cape_ros.demo.grasp.objects import GraspFrame, SimulatedObject
from cape_ros.perception.spatial.rigid import rotation_from

FRAME = "grasp"
LARGEST_DEVIATION = 0.01  # [m] standard deviation of the frame's position up to which it is taken
SETTLED = 6  # images in a row with a frame, after which it is taken
MOST_IMAGES = 25
WRONG = 0.015  # [m] from the true place that a failed grasp is blamed on the frame
CAUSES = ("not found", "wrong object", "wrong keypoint", "wrong depth", "planner")


@dataclass(frozen=True, eq=False)
class Sighting:
    """What one result says of an object. frame: None if it has none that can be used; reason: why.

    pixels: [K, 2] the keypoints in the image, None if the object is not found. score: of it.
    """

    frame: GraspFrame | None
    reason: str
    pixels: np.ndarray | None = None
    score: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """Of one grasp. cause: why it failed, "" if it did not; reason: in words.

    score: of the object that was taken for it, 0 if there was none.
    view: [degrees] between the sides seen here and in the nearest registered shot. pixels,
    millimetres: how far the frame's keypoints in the image, and its origin, are off; None if not
    found.
    """

    object: str
    lifted: bool
    cause: str
    reason: str
    score: float
    view: float
    pixels: float | None = None
    millimetres: float | None = None


def sighting(one: SimulatedObject, flat: Any, space: Any) -> Sighting:
    """Of the best object of the category. flat, space: results of the same image."""
    seen = [each for each in flat.objects if each.category == one.name and not each.predicted]
    if not seen:
        return Sighting(None, f"no {one.name} in the image")
    best = max(seen, key=lambda each: each.score)
    pixels = np.array([(each.x, each.y) for each in best.keypoints])
    for each in space.objects:
        if each.category == one.name and each.track_id == best.track_id:
            for frame in each.frames:
                if frame.name == FRAME:
                    return _usable(frame, pixels, best.score)
    return Sighting(None, "no frame in the result", pixels, best.score)


def _usable(frame: Any, pixels: np.ndarray, score: float) -> Sighting:
    if frame.refusal:
        return Sighting(None, frame.refusal, pixels, score)
    covariance = np.asarray(frame.pose.covariance).reshape(6, 6)
    deviation = float(np.sqrt(np.linalg.eigvalsh(covariance[:3, :3]).max()))
    if not deviation <= LARGEST_DEVIATION:
        return Sighting(None, f"known to {1e3 * deviation:.0f} mm only", pixels, score)
    place, turn = frame.pose.pose.position, frame.pose.pose.orientation
    rotation = rotation_from(np.array((turn.x, turn.y, turn.z, turn.w)))
    taken = GraspFrame(np.array((place.x, place.y, place.z)), rotation)
    return Sighting(taken, "", pixels, score)


def settle(look: Callable[[], Sighting]) -> Sighting:
    """The sighting to act on: the last of `SETTLED` in a row with a frame, else the last one.

    look: takes an image.
    """
    row, seen = 0, look()
    for _ in range(MOST_IMAGES - 1):
        row = row + 1 if seen.frame is not None else 0
        if row == SETTLED:
            break
        seen = look()
    return seen


def blame(
    one: SimulatedObject, seen: Sighting, pixels: np.ndarray, points: np.ndarray, metre: float
) -> tuple[str, float | None, float | None]:
    """Why a grasp failed, and both errors of the frame's origin, as `Outcome` has them.

    pixels: [K, 2] and points: [K, 3] the true keypoints. metre: [pixels] at the object.
    """
    if seen.pixels is None:
        return "not found", None, None
    origin = [list(one.keypoints).index(name) for name in one.frames[FRAME]["origin"]]
    flat = float(np.linalg.norm(seen.pixels[origin] - pixels[origin], axis=1).max())
    if flat > 2 * one.radius * metre:
        return "wrong object", flat, None
    if seen.frame is None:
        return ("wrong keypoint" if flat > WRONG * metre else "wrong depth"), flat, None
    off = float(np.linalg.norm(seen.frame.position - points[origin].mean(axis=0)))
    if flat > WRONG * metre:
        return "wrong keypoint", flat, 1e3 * off
    return ("wrong depth" if off > WRONG else "planner"), flat, 1e3 * off
