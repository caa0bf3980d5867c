"""Builds categories from a parsed annotation file and its images."""

from __future__ import annotations

from collections.abc import Sequence

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.core.images import decode
from cape_ros.perception.category import MOST_SHOTS, Category, SupportShot
from cape_ros.perception.library.category_folder import MOST_PIXELS
from cape_ros.studio.formats.fitting import fit
from cape_ros.studio.formats.reading import ImportedAnnotation, ImportResult


def to_categories(reading: ImportResult) -> list[Category]:
    """Each category of the file with those of its shots that can be used; the others are added to
    the problems. Raises `InvalidInput` with every fault of a category that has no such shot."""
    categories, faults = [], list[Fault]()
    for name in dict.fromkeys(marked.category for marked in reading.marked):
        try:
            categories.append(_to_category(reading, name))
        except InvalidInput as error:
            faults += [fault.at(f"{name}: {fault.field}") for fault in error.faults]
    if faults:
        raise InvalidInput(faults)
    return categories


def _to_category(reading: ImportResult, name: str) -> Category:
    skeleton, more = reading.skeleton(name), 0
    shots, faults = list[SupportShot](), list[Fault]()
    for marked in reading.marked:
        if marked.category == name:
            try:
                shot = _to_shot(reading, marked, skeleton.keypoint_names)
            except InvalidInput as error:
                faults += error.faults
                continue
            if len(shots) < MOST_SHOTS:
                shots.append(shot)
            else:
                more += 1
    if not shots:
        raise InvalidInput(faults)
    names, edges = skeleton.keypoint_names, skeleton.edges
    category = Category(name, names, edges, shots, symmetries=skeleton.symmetries)
    reading.problems += [f"{name}: {fault}" for fault in faults]
    if more:
        reading.problems.append(f"{name}: only {MOST_SHOTS} shots are taken")
    return category


def _to_shot(
    reading: ImportResult, marked: ImportedAnnotation, names: Sequence[str]
) -> SupportShot:
    if marked.image not in reading.images:
        reason = "is not in the file; put the images into a zip file with the annotations"
        raise InvalidInput.of(marked.image, reason, "missing")
    pixels = decode(reading.images[marked.image], marked.image, MOST_PIXELS).pixels
    height, width = pixels.shape[:2]
    marked = fit(marked, width, height, reading.problems)
    points = [marked.points.get(name, (0.0, 0.0)) for name in names]
    seen = [name in marked.points for name in names]
    shot = SupportShot(pixels, points, seen, marked.box, marked.automatic)
    if shot.faults:
        raise InvalidInput(fault.at(f"{marked.image}: {fault.field}") for fault in shot.faults)
    return shot
