"""COCO keypoints: one JSON file for all images.

A keypoint that is labelled, seen or hidden (v of 1 or 2), has a place; one that is not (v = 0) is
not visible here. Both count pixels from the centre of the top-left one. The format has no place for
symmetries: fields for flipped images name keypoints that are not interchangeable (left, right).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from cape_ros.core.plurals import counted
from cape_ros.perception.category import Category
from cape_ros.perception.geometry import Box
from cape_ros.studio.formats.reading import (
    ImportedAnnotation,
    ImportResult,
    Point,
    Skeleton,
    parse,
    parse_entries,
    read_box,
    read_number,
    unique_names,
)
from cape_ros.studio.image_codec import to_png

FILE = "annotations.json"


class CocoImage(BaseModel):
    id: int | str
    file_name: str
    width: int | None = None
    height: int | None = None


class CocoCategory(BaseModel):
    """skeleton: pairs of numbers of keypoints. symmetries: this package's own, from 0."""

    id: int | str
    name: str
    keypoints: list[str] = []
    skeleton: list[tuple[int, int]] | None = None
    symmetries: list[list[int]] = []


class CocoAnnotation(BaseModel):
    image_id: int | str
    category_id: int | str
    keypoints: list[Any] | None = None
    bbox: Any = None
    attributes: dict[str, Any] | None = None


class CocoFile(BaseModel):
    images: list[Any]
    annotations: list[Any]
    categories: list[Any]


def read(content: Any) -> ImportResult:
    """content: of the JSON file. Raises `InvalidInput`."""
    file = parse(CocoFile, content, "a COCO keypoints file")
    reading = ImportResult()
    images = _by_id(parse_entries(CocoImage, file.images, "images", reading.problems), reading)
    kinds = _by_id(
        parse_entries(CocoCategory, file.categories, "categories", reading.problems), reading
    )
    first = 0 if any(0 in edge for kind in kinds.values() for edge in kind.skeleton or ()) else 1
    for kind in kinds.values():
        if kind.keypoints:
            reading.describe(kind.name, _skeleton(kind, first, reading.problems))
    without = 0
    entries = parse_entries(CocoAnnotation, file.annotations, "annotations", reading.problems)
    for place, annotation in entries:
        if not annotation.keypoints:
            without += 1
            continue
        image, named = images.get(annotation.image_id), kinds.get(annotation.category_id)
        if image is None or named is None:
            reading.problems.append(f"{place}: its image or its category is not in the file")
            continue
        try:
            points = _points(annotation.keypoints, named, place, reading.problems)
        except ValueError as error:
            reading.problems.append(f"{place}: {error}")
            continue
        size = (image.width, image.height) if image.width and image.height else None
        box = _box(annotation, place, reading.problems)
        if points:
            automatic = (annotation.attributes or {}).get("automatic") is True
            marked = ImportedAnnotation(
                named.name, image.file_name, points, box, size, automatic=automatic
            )
            reading.marked.append(marked)
    if without:
        reading.problems.append(
            f"{counted(without, 'annotation has', 'annotations have')} no keypoints"
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
                **({"attributes": {"automatic": True}} if shot.automatic else {}),
            }
        )
    kind = {
        "id": 1,
        "name": category.name,
        "supercategory": "object",
        "keypoints": list(category.keypoint_names),
        "skeleton": [[start + 1, end + 1] for start, end in category.edges],
        "symmetries": [list(symmetry) for symmetry in category.symmetries],
    }
    content = {"images": images, "annotations": annotations, "categories": [kind]}
    files[FILE] = json.dumps(content, indent=1).encode()
    return files


Entry = TypeVar("Entry", CocoImage, CocoCategory)


def _by_id(entries: Iterable[tuple[str, Entry]], reading: ImportResult) -> dict[int | str, Entry]:
    """Entries by ID; an ID that two different ones have stands for neither."""
    known: dict[int | str, Entry] = {}
    twice: set[int | str] = set()
    for place, entry in entries:
        if known.setdefault(entry.id, entry) != entry:
            reading.problems.append(f"{place}: its ID {entry.id} is another's too; both left out")
            twice.add(entry.id)
    return {key: entry for key, entry in known.items() if key not in twice}


def _skeleton(kind: CocoCategory, first: int, problems: list[str]) -> Skeleton:
    """first: the number of the first keypoint; COCO says 1, some programs write 0."""
    names = unique_names(kind.keypoints)
    for given, name in zip(kind.keypoints, names, strict=True):
        if given != name:
            problems.append(f"{kind.name}: more than one keypoint is {given!r}; one is {name!r}")
    edges = []
    for start, end in kind.skeleton or ():
        edge = start - first, end - first
        if all(0 <= index < len(names) for index in edge):
            edges.append(edge)
        else:
            problems.append(f"{kind.name}: edge {start}, {end} names no keypoint")
    return Skeleton(names, edges, kind.symmetries)


def _points(
    values: Sequence[Any], kind: CocoCategory, place: str, problems: list[str]
) -> dict[str, Point]:
    """Those that are marked; one that has no place is a problem. Raises ValueError."""
    names = unique_names(kind.keypoints)
    if len(values) != 3 * len(names):
        raise ValueError(f"{counted(len(values), 'number')} where {3 * len(names)} are keypoints")
    points = {}
    for name, x, y, visibility in zip(names, values[::3], values[1::3], values[2::3], strict=True):
        try:
            if read_number(visibility) > 0:
                points[name] = read_number(x), read_number(y)
        except ValueError as error:
            problems.append(f"{place}: keypoint {name!r}: {error}")
    return points


def _box(annotation: CocoAnnotation, place: str, problems: list[str]) -> Box | None:
    if not annotation.bbox:
        return None
    try:
        return read_box(annotation.bbox, (annotation.attributes or {}).get("rotation"))
    except ValueError as error:
        problems.append(f"{place}.bbox: {error}")
        return None
