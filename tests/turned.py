"""A category's photograph as a camera sees it that has gone around it."""

from __future__ import annotations

import math

import cv2
import numpy as np

from cape_ros.media.motion import project
from cape_ros.perception.category import Category


def turned(category: Category, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Its image [H, W, 3] and keypoints [K, 2], after that many degrees about the vertical."""
    shot = category.shots[0]
    height, width = shot.image.shape[:2]
    focal, angle = 2.0 * width, math.radians(degrees)
    intrinsic = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    plane = np.array(  # x and y of the photograph, in a plane `focal` away, about the y axis
        [[math.cos(angle), 0, 0], [0, 1, 0], [math.sin(angle), 0, focal]]
    )
    homography = intrinsic @ plane @ np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    image = cv2.warpPerspective(shot.image, homography, (width, height))
    return image, project(homography, shot.keypoints).astype(np.float32)
