"""Copies of one photographed object that move over another photograph and cross, with the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from cape_ros.media.photographs import photographs
from cape_ros.media.truth import Truth
from cape_ros.perception.category import Category, SupportShot

WIDTH, HEIGHT = 640, 480
SIDE = 130.0  # pixels of an object's longer side
SOFT = 0.06  # of the object's size: its edge fades into the background
NOISE = 4.0  # grey levels, standard deviation, of each image

Place = tuple[float, float, float]  # x, y in pixels, angle in degrees
Path = Callable[[float], Place]


@dataclass(frozen=True, eq=False)
class Instance:
    """path: where it is at a time [s]. hue: added to its hue, in OpenCV's half degrees."""

    path: Path
    hue: int = 0


class Scene:
    """Later instances lie in front of earlier ones."""

    def __init__(self, *instances: Instance, noise: float = NOISE, seed: int = 0) -> None:
        self.instances = instances
        self.noise, self._random = noise, np.random.default_rng(seed)
        coffee, _, other, _ = photographs()
        shot = coffee.shots[0]
        x, y, w, h = shot.box
        self._scale = SIDE / max(w, h)
        self._centre = np.array([x + w / 2, y + h / 2])
        self._pixels = shot.image
        self._mask = _ellipse(shot.image.shape[:2], self._centre, (w, h))
        self._points = shot.keypoints.astype(np.float64)
        self._ground = cv2.GaussianBlur(cv2.resize(other.shots[0].image, (WIDTH, HEIGHT)), None, 1)
        self._layers = [_recoloured(self._pixels, each.hue) for each in instances]
        self._coffee = coffee

    @property
    def category(self) -> Category:
        """The object alone on plain ground, upright, registered from one shot."""
        alone = Scene(Instance(lambda time: (WIDTH / 2, HEIGHT / 2, 0.0)), noise=0.0)
        image, (truth,) = alone.at(0.0)
        shot = SupportShot(image, truth.keypoints)
        return Category("coffee", self._coffee.keypoint_names, self._coffee.edges, [shot])

    def at(self, time: float) -> tuple[np.ndarray, list[Truth]]:
        """The image [H, W, 3] uint8 RGB at a time, and the truth of each instance in it; a point
        that another one covers is not visible."""
        image = self._ground.astype(np.float32)
        truths: list[Truth] = []
        for instance, pixels in zip(self.instances, self._layers, strict=True):
            matrix = self._matrix(*instance.path(time))
            mask = cv2.warpAffine(self._mask, matrix, (WIDTH, HEIGHT))[..., None]
            image += mask * (cv2.warpAffine(pixels, matrix, (WIDTH, HEIGHT)) - image)
            truths = [_covered(truth, mask[..., 0]) for truth in truths]
            points = self._points @ matrix[:, :2].T + matrix[:, 2]
            truths.append(Truth.inside(points, WIDTH, HEIGHT))
        image += self._random.normal(0, self.noise, image.shape)
        return np.clip(image, 0, 255).astype(np.uint8), truths

    def frames(self, count: int, rate: float) -> Iterator[tuple[float, np.ndarray, list[Truth]]]:
        """(stamp [s], image, truths) of so many frames."""
        for index in range(count):
            yield (index / rate, *self.at(index / rate))

    def _matrix(self, x: float, y: float, angle: float) -> np.ndarray:
        matrix = cv2.getRotationMatrix2D(tuple(self._centre), angle, self._scale)
        matrix[:, 2] += (x, y) - self._centre
        return matrix


def crossing() -> Scene:
    """Three instances of one object; their paths cross in pairs, one behind the other."""

    def swing(x: float, y: float, dx: float, dy: float, period: float, phase: float) -> Path:
        def path(time: float) -> Place:
            at = np.sin(2 * np.pi * time / period + phase)
            return x + dx * at, y + dy * at, 25 * at

        return path

    return Scene(
        Instance(swing(320, 130, 220, 0, 12, -1.5)),
        Instance(swing(320, 250, 210, 60, 9, 1.5)),
        Instance(swing(330, 240, 60, -150, 10, 0.5)),
    )


def _ellipse(size: tuple[int, int], centre: np.ndarray, sides: tuple[float, float]) -> np.ndarray:
    height, width = size
    y, x = np.mgrid[:height, :width]
    away = np.hypot((x - centre[0]) / (0.56 * sides[0]), (y - centre[1]) / (0.56 * sides[1]))
    mask: np.ndarray = np.clip((1 - away) / SOFT, 0, 1).astype(np.float32)
    return mask


def _recoloured(pixels: np.ndarray, hue: int) -> np.ndarray:
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + hue) % 180
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)


def _covered(truth: Truth, mask: np.ndarray) -> Truth:
    at = np.clip(np.rint(truth.keypoints), 0, (WIDTH - 1, HEIGHT - 1)).astype(int)
    return Truth(truth.keypoints, truth.visible & (mask[at[:, 1], at[:, 0]] < 0.5))
