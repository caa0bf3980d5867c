"""An estimator that a test steers, in place of a network."""

from __future__ import annotations

import threading

import numpy as np
import torch

from cape_ros.errors import InvalidInput
from cape_ros.model import KeypointTokens
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest

IMAGE = np.zeros((48, 64, 3), np.uint8)


class SteeredEstimator:
    """Answers when the test lets it; sees an object only in boxes that hold (32, 24)."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.threads: set[int] = set()
        self.batches: list[int] = []
        self.asked: set[str] = set()
        self.visible = True
        self.only: set[str] | None = None  # the categories that are in view, None = all
        self.took = 0.0  # seconds for each crop, by the clock below
        self.now = 0.0
        self.fail: Exception | None = None
        self.known: dict[str, Category] = {}

    def encode(self, category: Category) -> KeypointTokens:
        self.threads.add(threading.get_ident())
        if self.fail:
            raise self.fail
        return KeypointTokens(torch.zeros(1, 1, 1), torch.ones(1, 1, dtype=torch.bool))

    def register(self, category: Category, tokens: KeypointTokens | None = None) -> None:
        self.known[category.name] = category

    def forget(self, name: str) -> None:
        del self.known[name]

    def estimate(self, image: np.ndarray, requests: list[ObjectRequest]) -> list[ObjectKeypoints]:
        self.threads.add(threading.get_ident())
        self.entered.release()
        assert self.gate.wait(10)
        if self.fail:
            raise self.fail
        self.batches.append(len(requests))
        self.now += self.took * len(requests)
        self.asked |= {request.category for request in requests}
        found = []
        for request in requests:
            if request.category not in self.known:
                raise InvalidInput.of("requests[0].category", "is not registered")
            category = self.known[request.category]
            x, y, w, h = request.box
            visible = self.visible and (self.only is None or category.name in self.only)
            hit = visible and x <= 32 <= x + w and y <= 24 <= y + h
            count = len(category.keypoint_names)
            points = np.array([(24, 16), (40, 16), (40, 32), (24, 32)], np.float32)[:count]
            scores = np.full(count, 0.9 if hit else 0.05, np.float32)
            found.append(
                ObjectKeypoints(category.name, category.version, request.box, points, scores)
            )
        return found


def category(name: str = "cup", keypoints: int = 4) -> Category:
    points = np.array([(24, 16), (40, 16), (40, 32), (24, 32)], np.float32)[:keypoints]
    names = ["a", "b", "c", "d"][:keypoints]
    return Category(name=name, keypoint_names=names, shots=[SupportShot(IMAGE, points)])
