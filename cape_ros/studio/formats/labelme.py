"""labelme: a JSON file for each image.

A keypoint is a shape of one point with its name as label; a rectangle around it has the category's
name. Shapes of one object share a group_id. What labelme has no place for stands in a field of its
own, which labelme keeps.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import defaultdict
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, Field

from cape_ros.perception.category import Category
from cape_ros.perception.geometry import Box
from cape_ros.studio.formats.reading import (
    Coordinate,
    ImportedAnnotation,
    ImportResult,
    Point,
    Skeleton,
    parse,
)
from cape_ros.studio.image_codec import to_png

HALF = 0.5  # labelme has (0, 0) at the corner of the image, this project at a pixel's centre


class LabelmeShape(BaseModel):
    label: str
    points: list[tuple[Coordinate, Coordinate]]
    group_id: int | None = None
    shape_type: str = "polygon"


class More(BaseModel):
    name: str
    keypoint_names: list[str] = []
    edges: list[tuple[int, int]] = []


class LabelmeFile(BaseModel):
    shapes: list[LabelmeShape]
    image: str = Field("", alias="imagePath")
    data: str | None = Field(None, alias="imageData")
    width: int | None = Field(None, alias="imageWidth")
    height: int | None = Field(None, alias="imageHeight")
    more: More | None = Field(None, alias="cape_ros")


def read(content: Any) -> ImportResult:
    """content: of the JSON file. Raises `InvalidInput`."""
    file = parse(LabelmeFile, content, "a labelme file")
    image = PurePosixPath(file.image.replace("\\", "/")).name or "image"
    reading = ImportResult()
    if file.data:
        try:
            reading.images[image] = base64.b64decode(file.data)
        except binascii.Error:
            reading.problems.append(f"{image}: imageData is not base64")
    if file.more:
        reading.skeletons[file.more.name] = Skeleton(file.more.keypoint_names, file.more.edges)
    groups: defaultdict[int | None, list[LabelmeShape]] = defaultdict(list)
    for shape in file.shapes:
        groups[shape.group_id].append(shape)
    size = (file.width, file.height) if file.width and file.height else None
    for shapes in groups.values():
        points: dict[str, Point] = {}
        boxes: list[tuple[str, Box]] = []
        for shape in shapes:
            if shape.shape_type == "point" and shape.points:
                x, y = shape.points[0]
                if shape.label in points:
                    reading.problems.append(f"{image}: {shape.label!r} is marked twice")
                points.setdefault(shape.label, (x - HALF, y - HALF))
            elif shape.shape_type == "rectangle" and len(shape.points) >= 2:
                boxes.append((shape.label, _box(shape.points)))
            else:
                kind = f"{shape.label!r} is a {shape.shape_type}"
                reading.problems.append(f"{image}: {kind}; points and rectangles are read")
        name = boxes[0][0] if boxes else file.more.name if file.more else PurePosixPath(image).stem
        if points:
            box = boxes[0][1] if boxes else None
            reading.marked.append(ImportedAnnotation(name, image, points, box, size))
    return reading


def write(category: Category) -> dict[str, bytes]:
    """The files of an export: for each shot an image and its JSON file."""
    files = {}
    for index, shot in enumerate(category.shots):
        name = f"shot_{index:03d}"
        x, y, width, height = shot.box
        shapes = [_shape(category.name, "rectangle", [[x, y], [x + width, y + height]])]
        shapes += [
            _shape(label, "point", [[px + HALF, py + HALF]])
            for label, (px, py), seen in zip(
                category.keypoint_names, shot.keypoints.tolist(), shot.visible, strict=True
            )
            if seen
        ]
        more = {
            "name": category.name,
            "keypoint_names": list(category.keypoint_names),
            "edges": [list(edge) for edge in category.edges],
        }
        content = {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": f"{name}.png",
            "imageData": None,
            "imageHeight": shot.image.shape[0],
            "imageWidth": shot.image.shape[1],
            "cape_ros": more,
        }
        files[f"{name}.png"] = to_png(shot.image)
        files[f"{name}.json"] = json.dumps(content, indent=2).encode()
    return files


def _box(points: list[Point]) -> Box:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def _shape(label: str, kind: str, points: list[list[float]]) -> dict[str, Any]:
    places = [[round(value, 3) for value in point] for point in points]
    return {"label": label, "points": places, "group_id": 1, "shape_type": kind, "flags": {}}
