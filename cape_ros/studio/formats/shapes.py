"""Which points and which box are one object, where a file has them as shapes of their own."""

from __future__ import annotations

import os.path
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from cape_ros.core.plurals import counted
from cape_ros.perception.geometry import Box
from cape_ros.studio.formats.reading import ImportedAnnotation, Point

MOST_SHAPES = 1000  # of an image; each point is compared with each box
NEAR = 0.1  # of a box's longer side: a person draws it, and points on the rim fall beside it
LEAST_INSIDE = 0.5  # share of an object's points in the box that is taken for its own

Group = Hashable | None


@dataclass(frozen=True, eq=False)
class MarkedPoint:
    """A keypoint that stands alone. group: what the shapes of its object share, if anything."""

    name: str
    place: Point
    group: Group = None


@dataclass(frozen=True, eq=False)
class MarkedBox:
    label: str
    box: Box
    group: Group = None

    @property
    def area(self) -> float:
        return self.box[2] * self.box[3]

    def distance(self, point: Point) -> float:
        """From a point to the box, as a part of its longer side; 0 inside."""
        x, y, width, height = self.box
        away = (
            max(low - at, at - low - side, 0.0)
            for at, low, side in ((point[0], x, width), (point[1], y, height))
        )
        return max(away) / max(width, height)

    def inside(self, points: Iterable[Point]) -> float:
        """The share of points in the box."""
        within = [self.distance(point) <= NEAR for point in points]
        return sum(within) / len(within)


@dataclass
class MarkedObject:
    """label: its category, "" where the file does not name it."""

    label: str
    points: dict[str, Point]
    group: Group = None
    box: MarkedBox | None = None

    def take(self, box: MarkedBox, left: list[MarkedBox]) -> None:
        self.box = box
        self.label = self.label or box.label
        left.remove(box)


@dataclass
class Shapes:
    """The shapes of one image. objects: what the file itself keeps together."""

    points: list[MarkedPoint] = field(default_factory=list)
    boxes: list[MarkedBox] = field(default_factory=list)
    objects: list[MarkedObject] = field(default_factory=list)

    def bring_together(self, problems: list[str]) -> list[MarkedObject]:
        """Every object with its points, and with its box where that is certain.

        Shapes of one group are one object, whatever their labels are. Without a group a box
        belongs to the object whose points lie in it; no box belongs to two. Raises ValueError for
        more shapes than an image has.
        """
        if (count := len(self.points) + len(self.boxes) + len(self.objects)) > MOST_SHAPES:
            raise ValueError(f"{count} shapes are more than {MOST_SHAPES}")
        left = list(self.boxes)
        for made in self.objects:
            self._take_grouped(made, left)
        self._take_ungrouped(self.objects, left)
        loose = self._join(left, problems)
        for made in loose:
            if made.box is None:
                self._take_grouped(made, left)
        self._take_ungrouped(loose, left)
        if left:
            labels = ", ".join(dict.fromkeys(box.label or "?" for box in left))
            boxes = counted(len(left), "box", "boxes")
            belong = "belongs" if len(left) == 1 else "belong"
            problems.append(f"{boxes} ({labels[:80]}) {belong} to no object with points")
        return [*self.objects, *loose]

    def _join(self, left: list[MarkedBox], problems: list[str]) -> list[MarkedObject]:
        """Points of one group are an object. Of those without a group the ones in one box are,
        and so are the ones in none."""
        free = [box for box in left if box.group is None]
        objects: dict[Hashable, MarkedObject] = {}
        for point in self.points:
            box = None
            if point.group is None and len(free) > 1:
                box = min(free, key=lambda box: (box.distance(point.place), box.area))
                box = box if box.distance(point.place) <= NEAR else None
            key = (point.group, id(box))
            if key not in objects:
                objects[key] = MarkedObject("", {}, point.group)
                if box is not None:
                    objects[key].take(box, left)
            points = objects[key].points
            if point.name in points:
                problems.append(f"{point.name!r} is marked twice on an object; the first counts")
            points.setdefault(point.name, point.place)
        return list(objects.values())

    @staticmethod
    def _take_grouped(made: MarkedObject, left: list[MarkedBox]) -> None:
        """The box of the object's group; of several the one with its label that fits best."""
        grouped = [box for box in left if made.group is not None and box.group == made.group]
        if grouped:
            points = made.points.values()
            made.take(
                min(
                    grouped,
                    key=lambda box: (box.label != made.label, -box.inside(points), box.area),
                ),
                left,
            )

    @staticmethod
    def _take_ungrouped(objects: Sequence[MarkedObject], left: list[MarkedBox]) -> None:
        """One-to-one: first where most points lie inside, of those the smallest boxes."""
        pairs = []
        for number, made in enumerate(objects):
            for box in left if made.box is None else ():
                inside = box.inside(made.points.values())
                alike = made.label in ("", box.label) and None in (made.group, box.group)
                if alike and inside >= LEAST_INSIDE:
                    pairs.append((-inside, box.area, number, box))
        for _, _, number, box in sorted(pairs, key=lambda pair: pair[:3]):
            if objects[number].box is None and box in left:
                objects[number].take(box, left)


def name_objects(marked: Sequence[ImportedAnnotation]) -> list[ImportedAnnotation]:
    """A category for objects that their file does not name: those with a keypoint in common are
    one. It is called as their images are, without what differs; as its keypoint, if it has but
    one."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while (parent := parents.setdefault(name, name)) != name:
            name = parents[name] = parents[parent]
        return name

    unnamed = [one for one in marked if not one.category]
    for one in unnamed:
        first = root(next(iter(one.points)))
        for name in one.points:
            parents[root(name)] = first
    groups: defaultdict[str, list[ImportedAnnotation]] = defaultdict(list)
    for one in unnamed:
        groups[root(next(iter(one.points)))].append(one)
    taken = {one.category for one in marked}
    names: dict[str, str] = {}
    for key, group in groups.items():
        name, number = _name(group), 1
        names[key] = name
        while names[key] in taken:
            number += 1
            names[key] = f"{name}_{number}"
        taken.add(names[key])
    return [
        one if one.category else replace(one, category=names[root(next(iter(one.points)))])
        for one in marked
    ]


def _name(group: Sequence[ImportedAnnotation]) -> str:
    keypoints = {name for one in group for name in one.points}
    if len(keypoints) == 1:
        return keypoints.pop()
    stems = {os.path.splitext(os.path.basename(one.image))[0] for one in group}
    common = os.path.commonprefix([*stems])  # noqa: RUF071 - of names, not of paths
    return (common if len(stems) == 1 else common.rstrip("0123456789 _-.(")) or "object"
