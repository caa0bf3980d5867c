"""The parsed content of an annotation file, before its images are resolved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ValidationError

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.perception.category import name_like
from cape_ros.perception.geometry import Box

Point = tuple[float, float]
Model = TypeVar("Model", bound=BaseModel)
LARGEST = 1e6  # a number that no pixel of an image has


@dataclass(frozen=True)
class Skeleton:
    """keypoint_names: in order, each once. edges: pairs of indices. symmetries: permutations of
    them; what is none is left out."""

    keypoint_names: Sequence[str] = ()
    edges: Sequence[tuple[int, int]] = ()
    symmetries: Sequence[Sequence[int]] = ()

    def __post_init__(self) -> None:
        own = range(len(self.keypoint_names))
        orders = [tuple(order) for order in self.symmetries if sorted(order) == list(own)]
        object.__setattr__(self, "symmetries", tuple(orders))

    def merged(self, other: Skeleton) -> Skeleton:
        """The keypoints and edges of both; keypoints of the same name are the same."""
        names = list(dict.fromkeys((*self.keypoint_names, *other.keypoint_names)))
        edges = dict.fromkeys(self.edges)
        count = len(other.keypoint_names)
        for edge in other.edges:
            if all(0 <= end < count for end in edge):
                start, end = (names.index(other.keypoint_names[index]) for index in edge)
                edges[start, end] = None
        symmetries = dict.fromkeys(symmetry_among(names, self, each) for each in self.symmetries)
        for each in other.symmetries:
            symmetries[symmetry_among(names, other, each)] = None
        return Skeleton(names, list(edges), list(symmetries))


def symmetry_among(
    names: Sequence[str], skeleton: Skeleton, symmetry: Sequence[int]
) -> tuple[int, ...]:
    """A symmetry of a skeleton as a permutation of more keypoints: the others stay."""
    own = skeleton.keypoint_names
    moved = {own[at]: own[to] for at, to in enumerate(symmetry)}
    return tuple(names.index(moved.get(name, name)) for name in names)


@dataclass(frozen=True)
class ImportedAnnotation:
    """An object in an image.

    image: as the file names it, with "/" between folders. points: pixels by name, those that are
    seen. box: (x, y, width, height). size: (width, height) of the image, as the file says.
    folder: the one in the zip file that the annotations lie in, "" for its root. automatic: as of
    a shot.
    """

    category: str
    image: str
    points: Mapping[str, Point]
    box: Box | None = None
    size: tuple[int, int] | None = None
    folder: str = ""
    automatic: bool = False


@dataclass
class ImportResult:
    """skeletons: of the categories that the file describes. images: files that came with it, by
    path. problems: what was left out, and why."""

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
        order = list(names)
        symmetries = [symmetry_among(order, described, each) for each in described.symmetries]
        return Skeleton(order, edges, symmetries)

    def describe(self, category: str, skeleton: Skeleton) -> None:
        """Add what a file says of a category to what others said."""
        known = self.skeletons.get(category)
        if known != skeleton:
            self.skeletons[category] = known.merged(skeleton) if known else skeleton

    def give_plain_names(self) -> None:
        """The categories' names as this package allows them: a "wine glass" is a wine_glass."""
        given = dict.fromkeys((*(one.category for one in self.marked), *self.skeletons))
        plain: dict[str, str] = {}
        for name in sorted(given, key=lambda name: name_like(name) != name):  # kept ones first
            number, candidate = 1, name_like(name)
            while candidate in plain.values():
                number += 1
                candidate = f"{name_like(name)[:60]}_{number}"
            plain[name] = candidate
        self.marked = [replace(one, category=plain[one.category]) for one in self.marked]
        self.skeletons = {plain[name]: skeleton for name, skeleton in self.skeletons.items()}

    def add(self, other: ImportResult) -> None:
        self.marked += other.marked
        for category, skeleton in other.skeletons.items():
            self.describe(category, skeleton)
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


def parse_entries(
    model: type[Model], entries: Sequence[Any], where: str, problems: list[str]
) -> Iterator[tuple[str, Model]]:
    """Each entry of a list with its place, `annotations[3]`; one that is not as this format has
    it is a problem, and the others are read."""
    for index, entry in enumerate(entries):
        place = f"{where}[{index}]"
        try:
            yield place, model.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            at = field_name((place, *first["loc"]))
            problems.append(f"{at}: {first['msg']}")


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


def read_box(values: Any, degrees: Any = 0) -> Box:
    """The box (x, y, width, height) around one that is rotated about its centre, clockwise as
    seen. Raises ValueError for what is none, and for one without an area."""
    if not isinstance(values, (list, tuple)) or len(values) != 4:
        raise ValueError(f"{str(values)[:40]!r} is no box x, y, width, height")
    x, y, width, height = map(read_number, values)
    angle = math.radians(read_number(degrees or 0))
    if width <= 0 or height <= 0:
        raise ValueError(f"a box of {width:g} x {height:g} pixels has no area")
    if not angle:
        return x, y, width, height
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    around = width * cos + height * sin, width * sin + height * cos
    return tuple(
        np.round((x + (width - around[0]) / 2, y + (height - around[1]) / 2, *around), 6).tolist()
    )


def plain_text(value: Any) -> Any:
    """Text without the letters that nobody sees, which come with copied labels: blanks that keep
    words together become blanks, others (zero width, control) go."""
    if not isinstance(value, str) or value.isprintable():
        return value
    shown = (" " if letter.isspace() else letter * letter.isprintable() for letter in value)
    return "".join(shown)


def unique_names(names: Sequence[str]) -> list[str]:
    """The names, where the second "leg" is "leg_2"."""
    unique: dict[str, None] = {}
    for name in names:
        number, candidate = 1, name
        while candidate in unique or (candidate != name and candidate in names):
            number += 1
            candidate = f"{name}_{number}"
        unique[candidate] = None
    return list(unique)
