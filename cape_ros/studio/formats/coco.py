"""COCO keypoints: one JSON file for all images.

A keypoint that is labelled, seen or hidden (v of 1 or 2), has a place; one that is not (v = 0) is
not visible here. Some programs write (0, 0) and v of 2 for a keypoint without a place; away from
the rest of its object it is taken for that. Both count pixels from the centre of the top-left one.
The format has no place for symmetries: fields for flipped images name keypoints that are not
interchangeable (left, right).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, StringConstraints

from cape_ros.core.plurals import counted
from cape_ros.perception.category import MOST_KEYPOINTS, Category
from cape_ros.perception.geometry import Box, hull_box
from cape_ros.studio.formats.reading import (
    ImportedAnnotation,
    ImportResult,
    Point,
    Skeleton,
    parse,
    parse_entries,
    plain_text,
    read_box,
    read_number,
    unique_names,
)
from cape_ros.studio.formats.shapes import NEAR, MarkedBox
from cape_ros.studio.image_codec import to_png

FILE = "annotations.json"


def read_id(value: Any) -> str:
    """Some programs write 7 in one place and "7" or 7.0 in another. Raises ValueError."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, (int, str)):
        raise ValueError(f"{str(value)[:40]!r} is no ID")
    return str(value)


def read_names(value: Any) -> Any:
    """Some programs write null, or numbers."""
    if not isinstance(value, list):
        return [] if value is None else value
    return [str(name) if type(name) is int else plain_text(name) for name in value]


def read_entries(value: Any) -> Any:
    """Some programs write the only entry without its list."""
    return [value] if isinstance(value, dict) else value


Id = Annotated[str, BeforeValidator(read_id)]
Names = Annotated[list[str], BeforeValidator(read_names)]
Entries = Annotated[list[Any], BeforeValidator(read_entries)]


class CocoImage(BaseModel):
    id: Id
    file_name: str
    width: Any = None
    height: Any = None

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) in pixels; None where they are not both said."""
        try:
            width, height = int(self.width), int(self.height)
        except (TypeError, ValueError, OverflowError):
            return None
        return (width, height) if width > 0 and height > 0 else None


class CocoCategory(BaseModel):
    """keypoints: their names; some programs write none. skeleton: pairs of numbers of keypoints.
    symmetries: this package's own, from 0."""

    id: Id
    name: Annotated[str, BeforeValidator(plain_text), StringConstraints(strip_whitespace=True)]
    keypoints: Names = []
    skeleton: Any = None
    symmetries: list[list[int]] = []

    @property
    def edges(self) -> Sequence[Any]:
        return self.skeleton if isinstance(self.skeleton, (list, tuple)) else ()

    @property
    def counts_from_zero(self) -> bool:
        return any(isinstance(edge, list) and 0 in edge for edge in self.edges)


class CocoAnnotation(BaseModel):
    image_id: Id
    category_id: Id
    keypoints: list[Any] | None = None
    bbox: Any = None
    attributes: dict[str, Any] | None = None


class CocoFile(BaseModel):
    images: Entries
    annotations: Entries
    categories: Entries


def read(content: Any) -> ImportResult:
    """content: of the JSON file. Raises `InvalidInput`."""
    file = parse(CocoFile, content, "a COCO keypoints file")
    reading = ImportResult()
    images = _by_id(parse_entries(CocoImage, file.images, "images", reading.problems), reading)
    kinds = _by_id(
        parse_entries(CocoCategory, file.categories, "categories", reading.problems), reading
    )
    entries = list(parse_entries(CocoAnnotation, file.annotations, "annotations", reading.problems))
    first = 0 if any(kind.counts_from_zero for kind in kinds.values()) else 1
    for key, kind in kinds.items():
        kind.keypoints = kind.keypoints or _numbers(key, entries)
        if kind.keypoints:
            reading.describe(kind.name, _skeleton(kind, first, reading.problems))
    without = 0
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
        box = _box(annotation, place, reading.problems)
        for name in _without_place(points, box):
            reading.problems.append(f"{place}: {name!r} is marked at (0, 0), away from its object")
            del points[name]
        if points:
            automatic = (annotation.attributes or {}).get("automatic") is True
            marked = ImportedAnnotation(
                named.name, image.file_name, points, box, image.size, automatic=automatic
            )
            reading.marked.append(marked)
        else:
            without += 1
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
    content = {
        "info": {"description": category.name},  # pycocotools asks for it
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [kind],
    }
    files[FILE] = json.dumps(content, indent=1).encode()
    return files


Entry = TypeVar("Entry", CocoImage, CocoCategory)


def _by_id(entries: Iterable[tuple[str, Entry]], reading: ImportResult) -> dict[str, Entry]:
    """Entries by ID; an ID that two different ones have stands for neither."""
    known: dict[str, Entry] = {}
    twice: set[str] = set()
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
    for edge in kind.edges:
        try:
            start, end = (names.index(at) if at in names else int(at) - first for at in edge)
        except (TypeError, ValueError, OverflowError):
            start = end = -1
        if all(0 <= index < len(names) for index in (start, end)):
            edges.append((start, end))
        else:
            said = ", ".join(map(str, edge)) if isinstance(edge, list) else edge
            problems.append(f"{kind.name}: edge {str(said)[:40]} names no keypoint")
    return Skeleton(names, edges, kind.symmetries)


def _numbers(category: str, entries: Iterable[tuple[str, CocoAnnotation]]) -> list[str]:
    """Names for keypoints that have none: 1, 2, 3, ..."""
    lengths = [len(_flat(one.keypoints)) for _, one in entries if one.category_id == category]
    return [str(number + 1) for number in range(min(max(lengths, default=0) // 3, MOST_KEYPOINTS))]


def _flat(values: Sequence[Any] | None) -> list[Any]:
    """The numbers, where each keypoint may be a list of its own."""
    return [
        number
        for value in values or ()
        for number in (value if isinstance(value, list) else [value])
    ]


def _points(
    given: Sequence[Any], kind: CocoCategory, place: str, problems: list[str]
) -> dict[str, Point]:
    """Those that are marked; one that has no place is a problem. Raises ValueError."""
    names, values = unique_names(kind.keypoints), _flat(given)
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


def _without_place(points: Mapping[str, Point], box: Box | None) -> list[str]:
    """Keypoints that are marked at (0, 0), while the object, its box or its other points, lies
    elsewhere."""
    unset = [name for name, place in points.items() if place == (0, 0)]
    others = [place for place in points.values() if place != (0, 0)]
    if unset and box is None and len(others) > 1:
        box = hull_box(np.array(others))
    near = box is None or MarkedBox("", box).distance((0, 0)) <= NEAR
    return [] if near else unset


def _box(annotation: CocoAnnotation, place: str, problems: list[str]) -> Box | None:
    if not annotation.bbox:
        return None
    try:
        return read_box(annotation.bbox, (annotation.attributes or {}).get("rotation"))
    except ValueError as error:
        problems.append(f"{place}.bbox: {error}")
        return None
