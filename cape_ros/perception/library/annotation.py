"""Annotation files: JSON with the keypoints of one photograph.

    {"name": "mug",
     "keypoints": [{"name": "rim", "x": 310.5, "y": 120}, {"name": "handle", "visible": false}],
     "edges": [[0, 1]],
     "symmetries": [],
     "box": [60, 40, 480, 340],
     "keypoints_3d": [[0.04, 0, 0.09], null],
     "frames": {"grasp": {"origin": ["rim"], "x": "rim->handle", "z": "approach"}}}

x, y and the box (x, y, width, height) are pixels of the photograph; the centre of its top-left
pixel is (0, 0). keypoints_3d are metres in any frame of the object, null where they are not
known; frames are named frames by keypoints (perception/spatial/frames.py). Everything but
`keypoints` may be absent; so may x and y of a keypoint that is not visible. "image" (a path,
relative to the file) or "frame" (a number, from 0) says what is annotated, for readers that are not
given the image beside it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cape_ros.core.errors import Fault, InvalidInput, SourceError
from cape_ros.core.files import read_text
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.spatial.frames import FrameDefinition, read_frames
from cape_ros.perception.spatial.shape import Shape

FIELDS = (
    *("name", "keypoints", "edges", "symmetries", "box", "image", "frame"),
    *("keypoints_3d", "frames"),
)
UNKNOWN = [float("nan")] * 3
FIELDS_OF_A_KEYPOINT = ("name", "x", "y", "visible")


@dataclass(frozen=True, eq=False)
class Annotation:
    """The content of an annotation file; `category` checks the numbers against an image.

    keypoints: [K, 2] float64 pixels, 0 where absent. visible: [K] bool. box: as written.
    image: the photograph meant, if the file names one. frame: the frame of a video meant.
    """

    name: str | None
    keypoint_names: tuple[str, ...]
    keypoints: np.ndarray
    visible: np.ndarray
    edges: tuple[tuple[int, int], ...] = ()
    symmetries: tuple[tuple[int, ...], ...] = ()
    box: tuple[float, ...] | None = None
    image: Path | None = None
    frame: int | None = None
    shape: Shape | None = None
    frames: tuple[FrameDefinition, ...] = ()

    def category(self, image: np.ndarray, name: str | None = None) -> Category:
        """The category with this one shot. image: [H, W, 3] uint8 RGB. name: instead of its own.

        Raises `InvalidInput` that names every fault by its field in the file.
        """
        chosen = name if name is not None else self.name
        if chosen is None:
            raise InvalidInput.of("name", "is missing; give the category a name", "missing")
        shot = SupportShot(image, self.keypoints, self.visible, self.box)
        try:
            return Category(
                chosen,
                self.keypoint_names,
                self.edges,
                (shot,),
                symmetries=self.symmetries,
                shape=self.shape,
                frames=self.frames,
            )
        except InvalidInput as error:
            faults = [fault.at(_field_in_file(fault.field)) for fault in error.faults]
            raise InvalidInput(faults) from error


def read_annotation(path: Path) -> Annotation:
    """Read an annotation. Raises `SourceError` for a file that is not there or is no JSON, and
    `InvalidInput` that names every field at fault."""
    try:
        content = json.loads(read_text(path), parse_int=_whole_number)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path}: not a JSON file: {error}") from error
    if not isinstance(content, dict):
        raise SourceError(f"{path}: holds no JSON object; an annotation begins with {{")
    reader = _Reader(content)
    name = reader.optional(content, "name", "name", str, "text")
    names, points, visible = reader.keypoints()
    edges, symmetries = reader.edges(), reader.symmetries()
    box = reader.box()
    image = reader.optional(content, "image", "image", str, "a path")
    frame = reader.optional(content, "frame", "frame", int, "a whole number")
    if frame is not None and frame < 0:
        reader.faults.append(Fault("frame", f"{frame} is not a frame of a video; the first is 0"))
    if image is not None and frame is not None:
        reader.faults.append(Fault("frame", "is given beside image; one of them is meant"))
    shape, frames = reader.shape(len(names)), reader.frames(names)
    if reader.faults:
        raise InvalidInput(reader.faults)
    return Annotation(
        name,
        names,
        points,
        visible,
        edges,
        symmetries,
        box,
        path.parent / image if image else None,
        frame,
        shape,
        frames,
    )


class _Reader:
    """Takes an annotation apart and keeps every fault it meets."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content
        self.faults = [
            Fault(str(field), f"is none of {', '.join(FIELDS)}", "unknown_field")
            for field in content
            if field not in FIELDS
        ]

    def optional(
        self,
        content: dict[str, Any],
        key: str,
        field: str,
        kind: type | tuple[type, ...],
        what: str,
    ) -> Any:
        """The value of a key, None if it is absent, null, or of another kind."""
        value = content.get(key)
        # To Python `true` is a number too, to the person who wrote it it is not.
        if value is None or (isinstance(value, kind) and isinstance(value, bool) == (kind is bool)):
            return value
        self.faults.append(Fault(field, f"{value!r} is not {what}", "wrong_type"))
        return None

    def keypoints(self) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
        """Names, places [K, 2] and visibility [K]."""
        entries = self._list("keypoints")
        if not entries and "keypoints" not in {fault.field for fault in self.faults}:
            reason = "has none; give at least one name, x and y"
            self.faults.append(Fault("keypoints", reason, "missing"))
        names, points, visible = [], [], []
        for index, entry in enumerate(entries):
            where = f"keypoints[{index}]"
            if not isinstance(entry, dict):
                self.faults.append(Fault(where, f"{entry!r} is not an object with name, x and y"))
                continue
            self.faults += [
                Fault(f"{where}.{key}", f"is none of {', '.join(FIELDS_OF_A_KEYPOINT)}")
                for key in entry
                if key not in FIELDS_OF_A_KEYPOINT
            ]
            name = self.optional(entry, "name", f"{where}.name", str, "text")
            if "name" not in entry:
                self.faults.append(Fault(f"{where}.name", "is missing", "missing"))
            seen = self.optional(entry, "visible", f"{where}.visible", bool, "true or false")
            names.append(name or "")
            visible.append(seen is not False)
            points.append([self._place(entry, axis, where, visible[-1]) for axis in ("x", "y")])
        return tuple(names), np.array(points, float).reshape(-1, 2), np.array(visible, bool)

    def edges(self) -> tuple[tuple[int, int], ...]:
        edges = []
        for index, edge in enumerate(self._list("edges")):
            if not isinstance(edge, list) or [type(end) for end in edge] != [int, int]:
                self.faults.append(
                    Fault(f"edges[{index}]", f"{edge!r} is not a pair of keypoint numbers")
                )
                continue
            edges.append((edge[0], edge[1]))
        return tuple(edges)

    def symmetries(self) -> tuple[tuple[int, ...], ...]:
        orders = []
        for index, order in enumerate(self._list("symmetries")):
            if not isinstance(order, list) or any(type(at) is not int for at in order):
                reason = f"{order!r} is not a list of keypoint numbers"
                self.faults.append(Fault(f"symmetries[{index}]", reason, "wrong_type"))
                continue
            orders.append(tuple(order))
        return tuple(orders)

    def box(self) -> tuple[float, ...] | None:
        sides = self._list("box") if self._content.get("box") is not None else None
        if sides is None:
            return None
        if len(sides) != 4 or not all(type(side) in (int, float) for side in sides):
            if "box" not in {fault.field for fault in self.faults}:
                self.faults.append(Fault("box", f"{sides!r} is not [x, y, width, height]"))
            return None
        return tuple(map(float, sides))

    def shape(self, count: int) -> Shape | None:
        points = self._list("keypoints_3d")
        if not points:
            return None
        try:
            return Shape.given([UNKNOWN if point is None else point for point in points], count)
        except InvalidInput as error:
            self.faults += error.faults
            return None

    def frames(self, keypoint_names: tuple[str, ...]) -> tuple[FrameDefinition, ...]:
        try:
            return read_frames(self._content.get("frames") or {}, keypoint_names)
        except InvalidInput as error:
            self.faults += error.faults
            return ()

    def _place(self, keypoint: dict[str, Any], axis: str, where: str, visible: bool) -> float:
        if visible and keypoint.get(axis) is None:
            self.faults.append(Fault(f"{where}.{axis}", "is missing", "missing"))
        number = self.optional(keypoint, axis, f"{where}.{axis}", (int, float), "a number")
        return float(number or 0)

    def _list(self, key: str) -> list[Any]:
        value = self.optional(self._content, key, key, list, "a list")
        return value or []


def _whole_number(digits: str) -> int | float:
    """The number; as a float, which may be infinite, where no integer of an array holds it."""
    return int(digits) if len(digits) < 19 else float(digits)


def _field_in_file(field: str) -> str:
    """A field as `Category` names it, as the file does."""
    field = re.sub(r"^shots\[0\]\.", "", field)
    return re.sub(r"^keypoint_names(\[\d+\])?$", lambda m: f"keypoints{m[1] or ''}.name", field)
