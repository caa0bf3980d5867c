"""COCO keypoints: one JSON file for all images.

A keypoint that is labelled, seen or hidden (v of 1 or 2), has a place; one that is not (v = 0) is
not visible here. Both count pixels from the centre of the top-left one.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel

from cape_ros.perception.category import Category
from cape_ros.studio.formats.reading import (
    Coordinate,
    ImportedAnnotation,
    ImportResult,
    Skeleton,
    parse,
)
from cape_ros.studio.image_codec import to_png

FILE = "annotations.json"


class CocoImage(BaseModel):
    id: int
    file_name: str
    width: int | None = None
    height: int | None = None


class CocoCategory(BaseModel):
    """skeleton: pairs of numbers of keypoints, from 1."""

    id: int
    name: str
    keypoints: list[str] = []
    skeleton: list[tuple[int, int]] = []


class CocoAnnotation(BaseModel):
    image_id: int
    category_id: int
    keypoints: list[Coordinate] = []
    bbox: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None


class CocoFile(BaseModel):
    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]


def read(content: Any) -> ImportResult:
    """content: of the JSON file. Raises `InvalidInput`."""
    file = parse(CocoFile, content, "a COCO keypoints file")
    images = {image.id: image for image in file.images}
    kinds = {kind.id: kind for kind in file.categories}
    reading = ImportResult()
    for described in file.categories:
        edges = [(start - 1, end - 1) for start, end in described.skeleton]
        reading.skeletons[described.name] = Skeleton(described.keypoints, edges)
    for index, annotation in enumerate(file.annotations):
        where = f"annotations[{index}]"
        image, kind = images.get(annotation.image_id), kinds.get(annotation.category_id)
        if image is None or kind is None:
            reading.problems.append(f"{where}: its image or its category is not in the file")
        elif not kind.keypoints or len(annotation.keypoints) != 3 * len(kind.keypoints):
            count, expected = len(annotation.keypoints), 3 * len(kind.keypoints)
            reading.problems.append(f"{where}: {count} numbers where {expected} are keypoints")
        else:
            values = iter(annotation.keypoints)
            triples = zip(kind.keypoints, values, values, values, strict=False)
            points = {name: (x, y) for name, x, y, v in triples if v > 0}
            size = (image.width, image.height) if image.width and image.height else None
            name = PurePosixPath(image.file_name.replace("\\", "/")).name
            if points:
                reading.marked.append(
                    ImportedAnnotation(kind.name, name, points, annotation.bbox, size)
                )
    return reading


def write(category: Category) -> dict[str, bytes]:
    """The shots' images, and one JSON file."""
    files, images, annotations = {}, [], []
    for index, shot in enumerate(category.shots):
        name = f"shot_{index:03d}.png"
        files[name] = to_png(shot.image)
        height, width = shot.image.shape[:2]
        images.append({"id": index + 1, "file_name": name, "width": width, "height": height})
        keypoints: list[float] = []
        for (x, y), seen in zip(shot.keypoints.tolist(), shot.visible, strict=True):
            keypoints += [round(x, 3), round(y, 3), 2] if seen else [0, 0, 0]
        box = [round(value, 3) for value in shot.box]
        annotations.append(
            {
                "id": index + 1,
                "image_id": index + 1,
                "category_id": 1,
                "keypoints": keypoints,
                "num_keypoints": int(shot.visible.sum()),
                "bbox": box,
                "area": round(box[2] * box[3], 3),
                "iscrowd": 0,
            }
        )
    kind = {
        "id": 1,
        "name": category.name,
        "supercategory": "object",
        "keypoints": list(category.keypoint_names),
        "skeleton": [[start + 1, end + 1] for start, end in category.edges],
    }
    content = {"images": images, "annotations": annotations, "categories": [kind]}
    files[FILE] = json.dumps(content, indent=1).encode()
    return files
