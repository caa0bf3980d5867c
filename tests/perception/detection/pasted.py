"""Scenes with known truth: objects of photographs, cut out and placed on a cloth."""

from __future__ import annotations

import cv2
import numpy as np

from cape_ros.perception.category import Category
from cape_ros.perception.objects import ObjectKeypoints

SIZE = (640, 480)


def cloth() -> np.ndarray:
    """[480, 640, 3] uint8 RGB, with folds that resemble nothing."""
    rng = np.random.default_rng(3)
    folds = rng.normal(0, 1, (SIZE[1], SIZE[0], 3))
    folds = cv2.GaussianBlur(folds, (0, 0), 12) * 600 + cv2.GaussianBlur(folds, (0, 0), 2) * 20
    return np.clip(folds + np.array((90, 110, 100)), 0, 255).astype(np.uint8)


def place(
    scene: np.ndarray, category: Category, middle: tuple[float, float], size: float, degrees: float
) -> np.ndarray:
    """Paste a category's object into the scene; returns its keypoints [K, 2] there.

    size: pixels of the longer side of its keypoints' hull before it is rotated.
    """
    shot = category.shots[0]
    points = np.asarray(shot.keypoints, np.float32)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    center = (low + high) / 2
    matrix = cv2.getRotationMatrix2D(tuple(map(float, center)), degrees, size / extent)
    matrix[:, 2] += np.subtract(middle, center)
    mask = np.zeros(shot.image.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(points.astype(np.int32)), 255)
    reach = int(0.25 * extent) | 1
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    moved, seen = (cv2.warpAffine(each, matrix, SIZE) for each in (shot.image, mask))
    scene[seen > 127] = moved[seen > 127]
    placed: np.ndarray = points @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2]
    return placed


def is_at(found: ObjectKeypoints, placed: np.ndarray) -> bool:
    """Whether most of an object's keypoints lie where they were placed."""
    away = np.linalg.norm(found.keypoints - placed, axis=1)
    return bool(np.median(away) < 0.15 * np.ptp(placed, axis=0).max())
