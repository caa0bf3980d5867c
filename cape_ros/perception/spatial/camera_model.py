"""The rays of a calibrated camera, for the lens models of sensor_msgs/CameraInfo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cape_ros.core.errors import InvalidInput

PINHOLE = ("plumb_bob", "rational_polynomial")  # OpenCV tells them apart by their number
FISHEYE = ("equidistant", "fisheye", "kannala_brandt4")
COUNTS = {True: (4,), False: (4, 5, 8, 12, 14)}  # of coefficients, by whether it is a fisheye
PRECISE = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-9)
LONGEST = 1e6  # [pixels] focal length
STEEPEST = 50.0  # tangent of the largest angle from the axis whose ray is given: 88.9 degrees


@dataclass(frozen=True, eq=False)
class CameraModel:
    """A pinhole or fisheye camera.

    matrix: [3, 3], of the pixels of the image as it comes. distortion: coefficients as OpenCV has
    them, none for a rectified image.
    """

    matrix: np.ndarray
    distortion: np.ndarray
    fisheye: bool = False

    @classmethod
    def of(
        cls,
        k: Sequence[float],
        d: Sequence[float],
        model: str,
        *,
        binning: tuple[int, int] = (1, 1),
        offset: tuple[int, int] = (0, 0),
    ) -> CameraModel:
        """From a calibration of the full sensor.

        k: [9], row by row. d: coefficients of the lens `model`; none for a rectified image.
        binning: pixels of the sensor in one of the image (x, y). offset: the pixel of the sensor
        that the image begins at (x, y). Raises `InvalidInput` for coefficients that the model does
        not have.
        """
        matrix = np.array(k, np.float64).reshape(3, 3)
        matrix[:2, 2] -= offset
        matrix[:2] /= np.maximum(binning, 1)[:, None]
        if not ((np.abs(matrix) < LONGEST).all() and matrix[0, 0] >= 1 and matrix[1, 1] >= 1):
            raise InvalidInput.of("k", "has no focal length: the camera is not calibrated")
        fisheye = model in FISHEYE
        return cls(matrix, _coefficients(d, model, fisheye), fisheye)

    @property
    def focal(self) -> float:
        """Pixels per unit of a ray on the optical axis, the mean of x and y."""
        return float(self.matrix[0, 0] + self.matrix[1, 1]) / 2

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points [K, 3] of the optical frame as [K, 2] pixels; NaN where they are not ahead."""
        places = np.asarray(points, np.float64).reshape(-1, 1, 3)
        pixels: np.ndarray
        if not len(places):
            return np.empty((0, 2))
        ahead = places[:, 0, 2] > 1e-9
        places = np.where(ahead[:, None, None], places, (0.0, 0.0, 1.0))
        if not self.distortion.size:
            pixels = places[:, 0, :2] / places[:, 0, 2:] * np.diag(self.matrix)[:2]
            pixels += self.matrix[:2, 2]
        else:
            project = cv2.fisheye.projectPoints if self.fisheye else cv2.projectPoints
            still = np.zeros(3)
            pixels = project(places, still, still, self.matrix, self.distortion)[0][:, 0]
        pixels[~ahead] = np.nan
        return pixels

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Points [K, 2] in pixels as [K, 2] x / z and y / z of their directions; NaN where the lens
        model has no direction ahead for a pixel."""
        rays: np.ndarray
        points = np.asarray(pixels, np.float64).reshape(-1, 1, 2)
        if not len(points):
            return np.empty((0, 2))
        if not self.distortion.size:
            rays = (points[:, 0] - self.matrix[:2, 2]) / np.diag(self.matrix)[:2]
        elif self.fisheye:
            rays = cv2.fisheye.undistortPoints(points, self.matrix, self.distortion)[:, 0]
        else:
            rays = cv2.undistortPointsIter(
                points, self.matrix, self.distortion, np.eye(3), np.eye(3), PRECISE
            )[:, 0]
        rays[~(np.abs(rays) < STEEPEST).all(axis=1)] = np.nan
        return rays


def _coefficients(d: Sequence[float], model: str, fisheye: bool) -> np.ndarray:
    """As many as OpenCV takes; some drivers add zeros. Raises `InvalidInput`."""
    given = np.trim_zeros(np.array(d, np.float64), "b")
    if not given.size:
        return given
    if not fisheye and model not in PINHOLE:
        known = ", ".join((*PINHOLE, *FISHEYE))
        raise InvalidInput.of("distortion_model", f"{model!r} is not one of {known}")
    if not np.isfinite(given).all():
        raise InvalidInput.of("d", "holds NaN or infinity")
    counts = COUNTS[fisheye]
    if len(d) not in counts and given.size not in counts and given.size > counts[0]:
        allowed = ", ".join(map(str, counts))
        raise InvalidInput.of("d", f"{len(d)} coefficients; {model} has {allowed}")
    count = next((count for count in counts if count >= given.size), None)
    if count is None:
        raise InvalidInput.of("d", f"{len(d)} coefficients; {model} has {counts[-1]}")
    return np.pad(given, (0, count - given.size))
