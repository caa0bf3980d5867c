"""Pictures of pairs: the support with its keypoints, the query with ground truth and prediction."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw

from cape_ros.core.images import read_image
from cape_ros.lab.datasets.mp100 import Dataset, Instance
from cape_ros.lab.evaluation.pairs import Pair
from cape_ros.lab.evaluation.protocol import compared
from cape_ros.perception.drawing.font import load_font, writable
from cape_ros.perception.drawing.instances import Color
from cape_ros.perception.drawing.overlay import DARK, WHITE, Pen, keypoint_color
from cape_ros.perception.geometry import Crop, crop_image

SIDE = 320  # pixels of a tile
NAMED = 12  # keypoints; the numbers of more would cover the picture
GUTTER = 4
QUALITY = 82  # of a JPEG


def crop_of(instance: Instance, side: int = SIDE) -> tuple[np.ndarray, Crop]:
    """What the network is shown of an instance, at another size: [side, side, 3] uint8."""
    crop = Crop.of_box(instance.box, (side, side))
    return crop_image(read_image(instance.image), crop), crop


def support_tile(instance: Instance, side: int = SIDE, words: str = "support") -> np.ndarray:
    """The visible keypoints of a support, numbered."""
    pixels, crop = crop_of(instance, side)
    pen, points = Pen(pixels), crop.to_crop(instance.keypoints)
    for index in np.flatnonzero(instance.visible).tolist():
        pen.dot(points[index], keypoint_color(index), _radius(len(points), side))
    _number(pen, points, instance.visible)
    pen.footnote(words)
    return pixels


def answer_tile(
    instance: Instance,
    predicted: np.ndarray,
    counted: np.ndarray,
    side: int = SIDE,
    words: str = "",
) -> np.ndarray:
    """The query's crop with an answer [K, 2] in image pixels; counted: see `mark_answer`."""
    pixels, crop = crop_of(instance, side)
    mark_answer(pixels, crop.to_crop(instance.keypoints), crop.to_crop(predicted), counted, words)
    return pixels


def mark_answer(
    pixels: np.ndarray, truth: np.ndarray, answer: np.ndarray, counted: np.ndarray, words: str
) -> None:
    """A dot for each answer [K, 2], a line from there to the truth [K, 2], a cross.

    counted: [K] bool, the keypoints that are judged; others are not drawn.
    """
    pen, radius = Pen(pixels), _radius(len(truth), pixels.shape[0])
    shown = np.flatnonzero(counted).tolist()
    for index in shown:
        _line(pixels, truth[index], answer[index], keypoint_color(index))
    for index in shown:
        _cross(pixels, truth[index], keypoint_color(index), 1.5 * radius)
    for index in shown:
        pen.dot(answer[index], keypoint_color(index), radius)
    _number(pen, answer, counted)
    if words:
        pen.footnote(words)


def pair_picture(dataset: Dataset, pair: Pair, predicted: np.ndarray, words: str) -> np.ndarray:
    """The pair's last support beside its query: [SIDE, 2 * SIDE + GUTTER, 3] uint8."""
    support, query = dataset.instances[pair[-2]], dataset.instances[pair[-1]]
    more = len(pair) - 2
    tiles = [
        support_tile(support, words=f"support, {more} more" if more else "support"),
        answer_tile(query, predicted, compared(dataset, pair), words=words),
    ]
    return beside(tiles)


def beside(tiles: Sequence[np.ndarray]) -> np.ndarray:
    """Tiles of one height in a row, a white gutter between them."""
    gutter = np.full((tiles[0].shape[0], GUTTER, 3), 255, np.uint8)
    parts = [part for tile in tiles for part in (tile, gutter)]
    return np.hstack(parts[:-1])


def jpeg(pixels: np.ndarray) -> bytes:
    _, content = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    return content.tobytes()


def _radius(count: int, side: int) -> float:
    return side / (80 if count <= NAMED else 130)


def _number(pen: Pen, points: np.ndarray, shown: np.ndarray) -> None:
    if len(points) <= NAMED:
        names = [str(index + 1) for index in range(len(points))]
        pen.names(points, shown.astype(np.float32), names)


def _line(pixels: np.ndarray, start: np.ndarray, end: np.ndarray, color: Color) -> None:
    ends = np.rint(np.stack((start, end)) * 16).astype(np.int32)
    for shade, width in ((DARK, 3), (color, 1)):
        cv2.polylines(pixels, [ends], False, shade, width, cv2.LINE_AA, 4)


def _cross(pixels: np.ndarray, point: np.ndarray, color: Color, reach: float) -> None:
    """White with the keypoint's colour inside, unlike any dot."""
    arms = np.array([[[-1, -1], [1, 1]], [[-1, 1], [1, -1]]]) * reach + point
    fixed = np.rint(arms * 16).astype(np.int32)
    for shade, width in ((DARK, 5), (WHITE, 3), (color, 1)):
        cv2.polylines(pixels, list(fixed), False, shade, width, cv2.LINE_AA, 4)


def titled(pixels: np.ndarray, words: str) -> np.ndarray:
    """A caption on white below a picture [H, W, 3], broken into lines that fit."""
    size = max(15, pixels.shape[1] // 95)
    font = load_font(size)
    words = writable(words, font)
    margin, spacing = size, round(1.4 * size)
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) > pixels.shape[1] - 2 * margin and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    strip = Image.new("RGB", (pixels.shape[1], spacing * len(lines) + 2 * margin), "white")
    pen = ImageDraw.Draw(strip)
    for row, line in enumerate(lines):
        pen.text((margin, margin + row * spacing), line, (40, 40, 40), font)
    return np.vstack([pixels, np.asarray(strip)])
