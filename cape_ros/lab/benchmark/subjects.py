"""Networks, images and categories to time, all from seeds. Weights are random where none are
shipped, which changes no time."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from cape_ros.model import CapeFormer, CapeFormerConfig, checkpoints, weights
from cape_ros.model.scores import Calibration
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.geometry import Box
from cape_ros.perception.objects import ObjectRequest

NETWORKS = ("resnet50", "mobilenet_v2", "shipped")
SIZES = ((640, 480), (1280, 720))  # width, height of images
SIZE = SIZES[0]
KEYPOINTS = 17


def network(name: str) -> tuple[CapeFormer, Calibration]:
    """One of `NETWORKS`: the released architecture, the same on a light backbone, or the weights
    that ship."""
    if name == "shipped":
        net, facts = checkpoints.load(weights.SHIPPED)
        return net, Calibration.from_facts(facts)
    torch.manual_seed(0)
    return CapeFormer(CapeFormerConfig(backbone=name)).eval(), Calibration()


def estimator(
    name: str,
    device: str,
    precision: str = "float32",
    keypoints: int = KEYPOINTS,
) -> Estimator:
    """Ready for the first frame of categories of up to so many keypoints."""
    made = Estimator(*network(name), device, precision)
    made.prepare(keypoints)
    return made


def image(width: int, height: int, seed: int = 0) -> np.ndarray:
    """An image as smooth as a photograph, which matters to a JPEG decoder."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 240, (height // 16, width // 16, 3), dtype=np.uint8)
    pixels = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(pixels + rng.integers(0, 16, pixels.shape, dtype=np.uint8))


def category(keypoints: int = KEYPOINTS, shots: int = 1, name: str = "thing") -> Category:
    """Shown in images of `SIZE`."""
    rng = np.random.default_rng(keypoints)
    width, height = SIZE
    seen = [image(width, height, seed) for seed in range(shots)]
    return Category(
        name,
        [f"k{index}" for index in range(keypoints)],
        shots=[
            SupportShot(each, rng.uniform((200, 150), (400, 350), (keypoints, 2))) for each in seen
        ],
    )


def boxes(count: int, width: int, height: int) -> list[Box]:
    """All different, each half as high as the image."""
    rng = np.random.default_rng(count)
    side = height / 2
    corners = rng.uniform((0, 0), (width - side, height - side), (count, 2))
    return [(float(x), float(y), side, side) for x, y in corners]


def requests(wanted: Category, count: int, size: tuple[int, int] = SIZE) -> list[ObjectRequest]:
    return [ObjectRequest(wanted, box) for box in boxes(count, *size)]
