"""The parsed content of an annotation file, before its images are resolved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.perception.geometry import Box

Point = tuple[float, float]
Model = TypeVar("Model", bound=BaseModel)
LARGEST = 1e6  # a number that no pixel of an image has


@dataclass(frozen=True)
class Skeleton:
    """keypoint_names: in order. edges: pairs of indices."""

    keypoint_names: Sequence[str] = ()
    edges: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True)
class ImportedAnnotation:
    """An object in an image. points: by name, those that are seen. size: (width, height) of the
    image, as the file says."""

    category: str
    image: str
    points: Mapping[str, Point]
    box: Box | None = None
    size: tuple[int, int] | None = None


@dataclass
class ImportResult:
    """skeletons: of the categories that the file describes. images: files that came with it, by
    name. problems: what was left out, and why."""

    marked: list[ImportedAnnotation] = field(default_factory=list)
    skeletons: dict[str, Skeleton] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def skeleton(self, category: str) -> Skeleton:
        """The skeleton that the file describes; names that it does not describe are appended, and
        an edge to an unnamed keypoint is left out."""
        described = self.skeletons.get(category, Skeleton())
        names = dict.fromkeys(described.keypoint_names)
        for marked in self.marked:
            if marked.category == category:
                names.update(dict.fromkeys(marked.points))
        edges = [edge for edge in described.edges if all(0 <= end < len(names) for end in edge)]
        return Skeleton(list(names), edges)

    def add(self, other: ImportResult) -> None:
        self.marked += other.marked
        self.skeletons.update(other.skeletons)
        self.images.update(other.images)
        self.problems += other.problems


def parse(model: type[Model], content: Any, what: str) -> Model:
    """Raises `InvalidInput` with the fields that are not as this format has them."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InvalidInput(
            Fault(field_name(each["loc"]) or what, f"{each['msg']}, for {what}")
            for each in error.errors()[:20]
        ) from error


def field_name(place: Iterable[str | int]) -> str:
    """A field in this package's notation: `shots[0].keypoints`."""
    name = ""
    for part in place:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def read_number(value: Any) -> float:
    """Raises ValueError for what is no coordinate."""
    try:
        number = float(value)
    except (TypeError, OverflowError):
        number = math.nan
    if not (math.isfinite(number) and abs(number) <= LARGEST):
        raise ValueError(f"{str(value)[:40]!r} is no coordinate")
    return number


Coordinate = Annotated[float, BeforeValidator(read_number)]
