"""labelme: a JSON file for each image.

A keypoint is a shape of one point with its name as label; a rectangle around it has the category's
name. Shapes of one object share a group_id, or lie in its rectangle. What labelme has no place for
stands in a field of its own, which labelme keeps.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import Category
from cape_ros.perception.geometry import Box
from cape_ros.studio.formats.reading import (
    Coordinate,
    ImportedAnnotation,
    ImportResult,
    Point,
    Skeleton,
    parse,
    parse_entries,
    plain_text,
    read_box,
)
from cape_ros.studio.formats.shapes import MarkedBox, MarkedPoint, Shapes
from cape_ros.studio.image_codec import to_png

HALF = 0.5  # labelme has (0, 0) at the corner of the image, this project at a pixel's centre


ADDRESS = re.compile(r"^data:[^,]{0,99},")  # of a page, before the image itself

# An oriented rectangle has its four corners; two programs call it differently.
BOXES = {"rectangle": 2, "rotation": 4, "oriented_rectangle": 4}


def read_label(value: Any) -> Any:
    """Some programs write numbers as labels."""
    return str(value) if type(value) in (int, float) else plain_text(value)


def read_place(value: Any) -> Any:
    """Some programs write whether it is seen as a third number."""
    return value[:2] if isinstance(value, list) else value


Label = Annotated[str, BeforeValidator(read_label)]
Place = Annotated[tuple[Coordinate, Coordinate], BeforeValidator(read_place)]


class LabelmeShape(BaseModel):
    label: Label
    points: list[Place]
    group_id: int | str | None = None
    shape_type: str = "polygon"

    @property
    def group(self) -> str | None:
        """As text: some programs write 1 for one shape and "1" for another."""
        return None if self.group_id in (None, "") else str(self.group_id)


class More(BaseModel):
    name: str
    keypoint_names: list[str] = []
    edges: list[tuple[int, int]] = []
    symmetries: list[list[int]] = []
    automatic: bool = False


class LabelmeFile(BaseModel):
    shapes: list[Any]
    image: str | None = Field(None, alias="imagePath")
    data: str | None = Field(None, alias="imageData")
    width: int | None = Field(None, alias="imageWidth")
    height: int | None = Field(None, alias="imageHeight")
    more: More | None = Field(None, alias="cape_ros")


def read(content: Any) -> ImportResult:
    """content: of the JSON file. Raises `InvalidInput`."""
    file = parse(LabelmeFile, content, "a labelme file")
    image = file.image or "image"
    reading = ImportResult()
    if file.data:
        try:
            reading.images[image] = base64.b64decode(ADDRESS.sub("", file.data))
        except ValueError:
            reading.problems.append(f"{image}: imageData is not base64")
    if more := file.more:
        skeleton = Skeleton(more.keypoint_names, more.edges, more.symmetries)
        reading.describe(more.name, skeleton)
    shapes = Shapes()
    others: Counter[str] = Counter()
    for place, shape in parse_entries(LabelmeShape, file.shapes, "shapes", reading.problems):
        # Keyboards that complete words add a blank; own names may begin or end with one.
        label = shape.label if more and shape.label in more.keypoint_names else shape.label.strip()
        if shape.shape_type == "point" and len(shape.points) == 1:
            x, y = shape.points[0]
            point = MarkedPoint(label, (x - HALF, y - HALF), shape.group)
            shapes.points.append(point)
        elif len(shape.points) >= BOXES.get(shape.shape_type, sys.maxsize):
            try:
                box = _box(shape.points)
                shapes.boxes.append(MarkedBox(label, box, shape.group))
            except ValueError as error:
                reading.problems.append(f"{place}: {error}")
        else:
            others[f"{shape.label!r} is a {shape.shape_type}"] += 1
    reading.problems += [
        f"{image}: {count} x {what}; points and rectangles are read"
        for what, count in others.items()
    ]
    size = (file.width, file.height) if file.width and file.height else None
    try:
        objects = shapes.bring_together(reading.problems)
    except ValueError as error:
        raise InvalidInput.of("shapes", str(error)) from error
    for made in objects:
        category = made.label or (more.name if more else "")
        around = made.box.box if made.box else None
        automatic = bool(more and more.automatic)
        marked = ImportedAnnotation(category, image, made.points, around, size, automatic=automatic)
        reading.marked.append(marked)
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
            "symmetries": [list(symmetry) for symmetry in category.symmetries],
            "automatic": shot.automatic,
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


def _box(points: Sequence[Point]) -> Box:
    """Raises ValueError for one without an area."""
    xs, ys = zip(*points, strict=True)
    return read_box((min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)))


def _shape(label: str, kind: str, points: list[list[float]]) -> dict[str, Any]:
    places = [[round(value, 3) for value in point] for point in points]
    return {"label": label, "points": places, "group_id": 1, "shape_type": kind, "flags": {}}
