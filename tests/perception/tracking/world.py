"""Objects that move in front of a camera, and an estimator that sees them as a network would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.detection.peaks import ALL_SIDES, Sides
from cape_ros.perception.geometry import Box, hull_box
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.tracking import Tracker, TrackingSettings, track_ids
from cape_ros.perception.trust import Trust

SHAPE = np.array([(-20, -15), (20, -18), (22, 15), (-18, 16), (0, -30)], np.float32)
SCORE = 0.9  # of an object that is seen
PERIOD = 0.1  # [s] between images


def category(name: str = "cup", symmetries: Sequence[Sequence[int]] = ()) -> Category:
    shot = SupportShot(np.zeros((80, 80, 3), np.uint8), SHAPE + 40)
    names = [f"point {index}" for index in range(len(SHAPE))]
    return Category(name, names, (), [shot], 1, symmetries)


@dataclass(eq=False)
class Thing:
    """An object: where its centre is at a time, its colour, and whether it can be seen."""

    place: Callable[[float], tuple[float, float]]
    name: str = "cup"
    colour: tuple[int, int, int] = (200, 60, 60)
    visible: Callable[[float], bool] = lambda time: True
    angle: Callable[[float], float] = lambda time: 0.0
    shape: np.ndarray = field(default_factory=lambda: SHAPE)

    @property
    def side(self) -> float:
        """Of its box."""
        return max(hull_box(self.shape)[2:])

    def points(self, time: float) -> np.ndarray:
        """[K, 2] float32."""
        c, s = np.cos(self.angle(time)), np.sin(self.angle(time))
        turned = self.shape @ np.array([[c, s], [-s, c]])
        return (turned + self.place(time)).astype(np.float32)


class World:
    """The estimator's two methods over things; later ones hide earlier ones behind them."""

    def __init__(self, *things: Thing, size: tuple[int, int] = (640, 480), noise: float = 0.0):
        self.things, self.size, self.noise = list(things), size, noise
        self.time = 0.0
        self.batches: list[int] = []
        self.searched: list[list[str]] = []
        self.sides: list[Sides] = []  # that were searched for
        self.spent = 0.0  # [s] by the clock of searches
        self.search_takes = 1.0
        self.order: np.ndarray | None = None  # in which the network mixes up what is symmetric
        self.random = np.random.default_rng(0)

    def image(self) -> np.ndarray:
        width, height = self.size
        image = np.full((height, width, 3), 128, np.uint8)
        for thing in self.things:
            if thing.visible(self.time):
                low, high = thing.points(self.time).min(axis=0), thing.points(self.time).max(axis=0)
                x1, y1, x2, y2 = np.clip([*(low - 4), *(high + 4)], 0, 10_000).astype(int)
                image[y1:y2, x1:x2] = thing.colour
        return image

    def seen(self, name: str) -> list[Thing]:
        """Those that are in view, and of which no later one covers the centre."""
        width, height = self.size
        return [
            thing
            for at, thing in enumerate(self.things)
            if thing.name == name
            and thing.visible(self.time)
            and 0 <= thing.place(self.time)[0] < width
            and 0 <= thing.place(self.time)[1] < height
            and not any(
                np.abs(np.subtract(other.place(self.time), thing.place(self.time))).max() < 15
                for other in self.things[at + 1 :]
                if other.visible(self.time)
            )
        ]

    def estimate(
        self, image: np.ndarray, requests: Sequence[ObjectRequest]
    ) -> list[ObjectKeypoints]:
        self.batches.append(len(requests))
        return [self._answer(str(request.category), request.box) for request in requests]

    def detect(
        self,
        image: np.ndarray,
        names: Sequence[str],
        most: int = 8,
        trust: Trust | None = None,
        known: Sequence[ObjectKeypoints] = (),
        sides: Sides = ALL_SIDES,
        between: Callable[[], None] | None = None,
    ) -> list[list[ObjectKeypoints]]:
        self.searched.append(list(names))
        self.sides.append(sides)
        self.spent += self.search_takes
        found = [
            [
                self._found(thing, (0.0, 0.0, *map(float, self.size)))
                for thing in self.seen(name)
                if sides[0] <= thing.side <= sides[1]
                and (trust or Trust()).presence_threshold <= SCORE
                and not any(
                    np.abs(one.keypoints - thing.points(self.time)).mean() < 8 for one in known
                )
            ][:most]
            for name in names
        ]
        if between:
            between()
        return found

    def _answer(self, name: str, box: Box) -> ObjectKeypoints:
        """Of the things in the box, the one nearest to its centre."""
        x, y, w, h = box
        centre = np.array([x + w / 2, y + h / 2])
        inside = [
            thing
            for thing in self.seen(name)
            if np.abs(np.subtract(thing.place(self.time), centre)).max() <= max(w, h) * 0.7
        ]
        if inside:
            nearest = min(
                inside, key=lambda one: np.linalg.norm(np.subtract(one.place(self.time), centre))
            )
            return self._found(nearest, box)
        points = np.array([x, y]) + np.random.default_rng(1).uniform(0, 40, SHAPE.shape)
        return self._object(name, box, points, 0.05)

    def _found(self, thing: Thing, box: Box) -> ObjectKeypoints:
        points = thing.points(self.time) + self.random.normal(0, self.noise, SHAPE.shape)
        if self.order is not None:
            points = points[self.order]
        return self._object(thing.name, box, points, SCORE)

    def _object(self, name: str, box: Box, points: np.ndarray, score: float) -> ObjectKeypoints:
        scores = np.full(len(SHAPE), score, np.float32)
        names = [f"point {index}" for index in range(len(SHAPE))]
        points = points.astype(np.float32)
        return ObjectKeypoints(name, 1, box, points, scores, scores, names)


class Camera:
    """A tracker that watches a world."""

    def __init__(
        self, world: World, *categories: Category, between: bool = False, **settings: Any
    ) -> None:
        """between: a search for more objects waits in `later`."""
        self.world = world
        self.categories = {each.name: each for each in categories or [category()]}
        self.settings = TrackingSettings(**settings)
        self.later: list[Callable[[], None]] = []  # searches between images
        self.between: Callable[[], None] = lambda: None
        self.elsewhere = False  # whether other cameras see objects
        self.tracker = Tracker(
            world,  # type: ignore[arg-type]
            track_ids(),
            lambda: world.spent,
            self.later.append if between else None,
            lambda: self.between(),
            lambda: self.elsewhere,
        )
        self.stamp = 100.0

    def look(self, seconds: float = PERIOD, stamp: float | None = None) -> list[ObjectKeypoints]:
        """The objects of the next image, `seconds` later."""
        self.world.time += seconds
        self.stamp = self.stamp + seconds if stamp is None else stamp
        image = self.world.image()
        return self.tracker.estimate(image, self.categories, self.settings, self.stamp)

    def numbers_of(self, objects: Sequence[ObjectKeypoints]) -> dict[int, int]:
        """Index of the thing -> track_id of the object that lies on it; only of objects seen."""
        numbers = {}
        for one in objects:
            away = [
                np.linalg.norm(one.keypoints - thing.points(self.world.time), axis=1).mean()
                for thing in self.world.things
            ]
            if not one.predicted and min(away) < 10:
                numbers[int(np.argmin(away))] = one.track_id
        return numbers
