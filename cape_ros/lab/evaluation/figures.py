"""Figures A3 to A7 of the paper's supplementary, drawn with any weights and data.

Objects are drawn with a fixed seed, never selected by hand.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from cape_ros.core.errors import SourceError
from cape_ros.core.images import read_image, write_image
from cape_ros.lab.datasets.mp100 import Dataset, Instance
from cape_ros.lab.evaluation.pairs import SEED, labels
from cape_ros.lab.evaluation.pictures import answer_tile, beside, support_tile, titled
from cape_ros.perception.category import Category, SupportShot, name_like
from cape_ros.perception.drawing.panel import draw_similarity
from cape_ros.perception.estimator import Estimator, Inspection
from cape_ros.perception.geometry import Box
from cape_ros.perception.objects import ObjectRequest

QUERIES = 5  # of a support, side by side
MOST_ROWS = 8  # categories of a figure
MAPS = 6  # keypoints of a category whose maps are shown
SIDE = 256  # pixels of a tile: that of a crop
ANSWERS = (
    "Each row: one support with its keypoints, then what the network finds in five queries from "
    "this one shot (dots), with a line to the truth (crosses). "
)
MAPS_OF = "Each row: the support, the answer (dots; crosses: truth), then for each keypoint "
CAPTIONS = {
    "a3_answers": "A3. Qualitative results, 1-shot. " + ANSWERS + "Objects drawn by lot.",
    "a4_answers": "A4. Qualitative results, 1-shot. " + ANSWERS + "Another draw of objects.",
    "a5_encoder_attention": "A5. Encoder, support to query. "
    + MAPS_OF
    + "its attention to the query in the encoder's last layer, mean of the heads; each map from "
    "its least (dark) to its largest value. Ring: the final answer.",
    "a6_decoder_attention": "A6. Decoder, cross-attention. "
    + MAPS_OF
    + "its refinement's attention to the query in the decoder's last layer, mean of the heads; "
    "each map from its least (dark) to its largest value. Ring: the final answer.",
    "a7_similarity": "A7. Similarity and proposals. "
    + MAPS_OF
    + "how well each place of the query matches it: the logits that its proposal (ring) is the "
    "best of, from the least (dark) to the largest.",
}


def write_figures(estimator: Estimator, dataset: Dataset, folder: Path) -> list[Path]:
    """One PNG per figure, with its caption below; returns the files. Raises `SourceError`."""
    pictures = {}
    for name in ("a3_answers", "a4_answers"):
        rows = [_answers(estimator, dataset, key, name) for key in _rows(dataset)]
        pictures[name] = np.vstack(rows)
    seen = [_inspect(estimator, dataset, key) for key in _rows(dataset)]
    for name, which in (
        ("a5_encoder_attention", "encoder"),
        ("a6_decoder_attention", "decoder"),
        ("a7_similarity", "evidence"),
    ):
        rows = [_maps(*one, which) for one in seen]
        pictures[name] = np.vstack(rows)
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"{folder}: cannot be made: {error.strerror}") from error
    for name, pixels in pictures.items():
        path = folder / f"{name}.png"
        write_image(path, titled(pixels, CAPTIONS[name]))
        paths.append(path)
    return paths


def category_of(instance: Instance, name: str) -> Category:
    """An annotated object as a category that is known from this one shot; its keypoints have no
    names in the data, so they are numbered."""
    image = read_image(instance.image)
    low, high = (-0.5, -0.5), (image.shape[1] - 0.5, image.shape[0] - 0.5)
    points = instance.keypoints
    inside = np.logical_and(points >= low, points <= high).all(axis=1)
    shot = SupportShot(image, points, instance.visible & inside, whole(instance.box))
    names = [str(index + 1) for index in range(len(points))]
    return Category(name_like(name), names, (), (shot,))


def whole(box: Box) -> Box:
    """A clean box as it was before it was cleaned, so that cleaning it again gives the same."""
    x, y, width, height = box
    return x, y, width + 1, height + 1


def _rows(dataset: Dataset) -> list[int]:
    """Categories with enough objects, `MOST_ROWS` of them spread over the data."""
    keys = [key for key in dataset.categories if len(dataset.of_category(key)) > 1]
    if not keys:
        raise SourceError("no category has two objects: nothing to draw")
    step = max(1, len(keys) / MOST_ROWS)
    return [keys[int(at * step)] for at in range(min(MOST_ROWS, len(keys)))]


def _answers(estimator: Estimator, dataset: Dataset, key: int, draw: str) -> np.ndarray:
    objects = dataset.of_category(key)
    drawn = random.Random(f"{SEED}:{draw}:{key}").sample(objects, min(QUERIES + 1, len(objects)))
    support, queries = dataset.instances[drawn[0]], [dataset.instances[at] for at in drawn[1:]]
    name = labels(dataset)[key]
    category = category_of(support, name)
    tiles = [support_tile(support, SIDE, f"support: {name}")]
    for query in queries:
        request = ObjectRequest(category, whole(query.box))
        (prediction,) = estimator.estimate(read_image(query.image), [request])
        counted = query.visible & support.visible
        score = f"score {prediction.scores[counted].mean():.2f}" if counted.any() else ""
        tiles.append(answer_tile(query, prediction.keypoints, counted, SIDE, score))
    tiles += [np.full_like(tiles[0], 255)] * (QUERIES + 1 - len(tiles))
    return beside(tiles)


def _inspect(
    estimator: Estimator, dataset: Dataset, key: int
) -> tuple[Instance, Instance, Inspection, np.ndarray]:
    """Support, query, what the network made of them, and its answer in image pixels."""
    drawn = random.Random(f"{SEED}:maps:{key}").sample(dataset.of_category(key), 2)
    support, query = (dataset.instances[at] for at in drawn)
    request = ObjectRequest(category_of(support, labels(dataset)[key]), whole(query.box))
    image = read_image(query.image)
    (prediction,) = estimator.estimate(image, [request])
    return support, query, estimator.inspect(image, request), prediction.keypoints


def _maps(
    support: Instance, query: Instance, seen: Inspection, prediction: np.ndarray, which: str
) -> np.ndarray:
    counted = query.visible & support.visible
    tiles = [
        support_tile(support, SIDE),
        answer_tile(query, prediction, counted, SIDE, "answer and truth"),
    ]
    maps = getattr(seen, which)
    rings = seen.proposals if which == "evidence" else seen.points
    for index in _spread(np.flatnonzero(support.visible).tolist(), MAPS):
        if len(maps[index]):
            tile = draw_similarity(seen.crop, maps[index], rings[index], str(index + 1))
            tiles.append(cv2.resize(tile, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    tiles += [np.full_like(tiles[0], 255)] * (MAPS + 2 - len(tiles))
    return beside(tiles)


def _spread(items: Sequence[int], most: int) -> list[int]:
    """At most so many of them, first and last included."""
    if len(items) <= most:
        return list(items)
    return [items[at] for at in np.linspace(0, len(items) - 1, most).round().astype(int)]
