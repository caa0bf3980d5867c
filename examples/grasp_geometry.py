"""The geometry of a grasp, without ROS: keypoints, a depth image and a lens become a pose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cape_ros.core.errors import InvalidInput
from cape_ros.messages.camera_info import to_model

DEPTH_TYPES = {"16UC1": ("u2", 0.001), "32FC1": ("f4", 1.0)}  # and metres per unit


class NoGrasp(Exception):
    """Why there is none now; later there may be one."""


@dataclass(frozen=True)
class Grasp:
    """All in one unit, pixels or metres, and in the axes of an image: x right, y down, z away."""

    center: np.ndarray  # [3] between the fingers
    opening: np.ndarray  # [3] from the first finger to the second
    orientation: tuple[float, float, float, float]  # x, y, z, w


def finger_pixels(
    objects: Iterable[Any], category: str, fingers: Sequence[str], least_score: float
) -> np.ndarray:
    """[2, 2] pixels: x, y of both fingers, on the best object of the category.

    objects: cape_ros/ObjectKeypoints messages. Raises `NoGrasp`.
    """
    found = [candidate for candidate in objects if candidate.category == category]
    if not found:
        raise NoGrasp(f"no {category} in the image")
    best = max(found, key=lambda candidate: candidate.score)
    named = dict(zip(best.keypoint_names, best.keypoints, strict=False))
    if missing := [finger for finger in fingers if finger not in named]:
        raise NoGrasp(f"{category} has no keypoint {missing[0]!r}, only {', '.join(named)}")
    keypoints = [named[finger] for finger in fingers]
    for finger, keypoint in zip(fingers, keypoints, strict=True):
        if not keypoint.score >= least_score:
            raise NoGrasp(f"{finger} scores {keypoint.score:.2f}, less than {least_score:.2f}")
    return np.array([(keypoint.x, keypoint.y) for keypoint in keypoints], np.float64)


def grasp_between(fingers: np.ndarray) -> Grasp:
    """fingers: [2, 3]. The x axis of the grasp points from the first to the second finger, its z
    axis, the approach, is as near to the camera's line of sight as that allows.

    Raises `NoGrasp` if the fingers lie in one line with the camera, or in one place.
    """
    opening = fingers[1] - fingers[0]
    across = math.hypot(opening[0], opening[1])
    if not 1e-6 * max(1.0, abs(opening[2])) < across < math.inf:  # nor is NaN
        raise NoGrasp("both fingers are in one place of the image")
    yaw, pitch = math.atan2(opening[1], opening[0]) / 2, -math.atan2(opening[2], across) / 2
    orientation = (
        -math.sin(yaw) * math.sin(pitch),
        math.cos(yaw) * math.sin(pitch),
        math.sin(yaw) * math.cos(pitch),
        math.cos(yaw) * math.cos(pitch),
    )
    return Grasp(fingers.mean(0), opening, orientation)


def depth_at(image: Any, x: float, y: float, window: int) -> float:
    """Metres: the median of the measured depths among window x window pixels around x, y.

    Raises `NoGrasp` if fewer than half of them are measured: 0, NaN and infinity are not.
    """
    kind, metres = DEPTH_TYPES.get(image.encoding, ("", 0.0))
    if not kind:
        raise NoGrasp(f"depth is {image.encoding!r}, not one of {', '.join(DEPTH_TYPES)}")
    dtype = np.dtype(kind).newbyteorder(">" if image.is_bigendian else "<")
    data = np.frombuffer(image.data, np.uint8)
    if image.step < image.width * dtype.itemsize or data.size < image.height * image.step:
        raise NoGrasp(f"depth has {data.size} bytes, too few for {image.width} x {image.height}")
    rows = data[: image.height * image.step].reshape(image.height, image.step)
    depth = rows[:, : image.width * dtype.itemsize].view(dtype)
    if not (-0.5 <= x < image.width - 0.5 and -0.5 <= y < image.height - 0.5):
        raise NoGrasp(f"({x:.0f}, {y:.0f}) is outside the depth image")
    left, top = round(x) - window // 2, round(y) - window // 2
    patch = depth[max(0, top) : top + window, max(0, left) : left + window]
    measured = patch[np.isfinite(patch) & (patch > 0)]
    if 2 * measured.size < patch.size:
        raise NoGrasp(
            f"depth is missing at ({x:.0f}, {y:.0f}): {measured.size} of {patch.size} pixels"
        )
    return float(np.median(measured)) * metres


def to_metres(
    pixels: np.ndarray, depth: Any, info: Any, window: int, rectified: bool
) -> np.ndarray:
    """[N, 2] pixels to [N, 3] metres in the camera's optical frame. Raises `NoGrasp`.

    rectified: whether the image is, so that P of the CameraInfo holds and not K and D.
    """
    try:  # depth that is not aligned has another size than the camera_info says
        model = to_model(info, rectified, (depth.width, depth.height))
    except InvalidInput as error:
        raise NoGrasp(f"camera_info: {error}") from error
    rays = model.rays(pixels)
    if not np.isfinite(rays).all():
        raise NoGrasp("the lens has no direction for a finger's pixel")
    z = np.array([[depth_at(depth, x, y, window)] for x, y in pixels])
    return np.hstack((rays * z, z))
