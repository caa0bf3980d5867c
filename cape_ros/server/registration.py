"""Merges a new registration into the registered category."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from cape_ros.core.errors import Conflict, Fault, InvalidInput
from cape_ros.core.plurals import counted
from cape_ros.perception.category import MOST_SHOTS, Category, SupportShot, not_registered
from cape_ros.perception.shapes import with_shape
from cape_ros.perception.spatial import Shape

if TYPE_CHECKING:  # a client that registers needs no PyTorch
    from cape_ros.model.cross_check import CrossCheck

MOST_NAMED = 3  # doubtful points in one answer


class RegisterMode(IntEnum):
    """CREATE refuses a name that exists, REPLACE overwrites, ADD_SHOTS needs one."""

    CREATE = 0
    REPLACE = 1
    ADD_SHOTS = 2


def find(known: Mapping[str, Category], name: str) -> Category:
    """The category of this name. Raises `InvalidInput` if there is none."""
    if category := known.get(name):
        return category
    raise InvalidInput.of("name", not_registered(known, name), "unknown_category")


def check_base(known: Mapping[str, Category], name: str, base_version: int | None) -> None:
    """Raises `Conflict` if the category is not at the version that a change of it is based on.

    base_version: None = any version.
    """
    category = known.get(name)
    present = category.version if category else None
    if base_version is None or base_version == present:
        return
    now = f"is version {present} by now" if present else "is not registered any more"
    reason = f"{name} {now}; this change is based on version {base_version}"
    raise Conflict([Fault("base_version", reason, "conflict")], present)


def check_new(known: Mapping[str, Category], name: str) -> None:
    """Raises `InvalidInput` if there is a category of this name."""
    if name in known:
        reason = f"{name!r} is registered already; use REPLACE or ADD_SHOTS"
        raise InvalidInput.of("name", reason, "category_exists")


def merge(
    known: Mapping[str, Category],
    category: Category,
    mode: RegisterMode,
    base_version: int | None = None,
) -> Category:
    """The category to be stored; base_version as of `check_base`.

    What a change of a category leaves empty of its shape and its frames stays as it is, as long as
    the keypoints are the same, and for a shape one of the shots.

    Raises `Conflict`, and `InvalidInput` where the mode forbids it.
    """
    check_base(known, category.name, base_version)
    if mode == RegisterMode.CREATE:
        check_new(known, category.name)
    if mode == RegisterMode.ADD_SHOTS:
        before = find(known, category.name)
        if category.keypoint_names != before.keypoint_names:
            raise InvalidInput.of(
                "keypoint_names",
                f"differ from those of {before.name!r} that is registered",
                "differs",
            )
        if category.edges and category.edges != before.edges:
            raise InvalidInput.of(
                "edges",
                f"differ from those of {before.name!r}; leave them out or use REPLACE",
                "differs",
            )
        if category.symmetries and category.symmetries != before.symmetries:
            raise InvalidInput.of(
                "symmetries",
                f"differ from those of {before.name!r}; leave them out or use REPLACE",
                "differs",
            )
        count = len(before.shots) + len(category.shots)
        if count > MOST_SHOTS:
            reason = f"{count} with those that are registered are more than {MOST_SHOTS}"
            raise InvalidInput.of("shots", reason, "too_large")
        added = category.shots
        category = replace(
            before,
            shots=(*before.shots, *added),
            shape=_given_shape(category, before),
            frames=category.frames or before.frames,
        )
        return with_shape(category, before.shape, added)
    return _with_what_is_known(category, known.get(category.name))


def _with_what_is_known(category: Category, before: Category | None) -> Category:
    """A new category, or one that replaces another."""
    if before is None or category.keypoint_names != before.keypoint_names:
        return with_shape(category, None, category.shots)
    earlier = {_fingerprint(shot): shot for shot in before.shots}
    same = [earlier.get(_fingerprint(shot)) for shot in category.shots]
    shots = [
        shot if old is None or shot.camera or not old.camera else replace(shot, camera=old.camera)
        for shot, old in zip(category.shots, same, strict=True)
    ]
    new = [
        shot
        for shot, old in zip(shots, same, strict=True)
        if old is None or shot.depth is not None or (shot.camera and not old.camera)
    ]
    shape = _given_shape(category, before)
    frames = category.frames or before.frames
    same_object = len(new) < len(shots) or shape is not category.shape
    category = replace(category, shots=shots, shape=shape, frames=frames)
    return with_shape(category, before.shape if same_object else None, new)


def _given_shape(category: Category, before: Category) -> Shape | None:
    """None also of the shape that is known: who sends back what they got has measured nothing."""
    shape, known = category.shape, before.shape
    if shape is None or known is None:
        return shape
    return None if np.array_equal(shape.points, known.points, equal_nan=True) else shape


def _fingerprint(shot: SupportShot) -> tuple[tuple[int, ...], int]:
    return shot.image.shape, zlib.crc32(np.ascontiguousarray(shot.image).data)


def is_same_object(before: Category, category: Category) -> bool:
    """Whether a change keeps the keypoints, the edges, and every shot that a person made: what is
    tracked stays what it is."""
    kept = set(category.shots)
    return (
        category.keypoint_names == before.keypoint_names
        and category.edges == before.edges
        and any(shot in kept for shot in before.shots)
        and all(shot.automatic or shot in kept for shot in before.shots)
    )


def summary(category: Category, check: CrossCheck) -> str:
    """One sentence on a registered category and the cross-check of its shots."""
    words = described(category)
    if check.judged:
        points = counted(check.judged, "point is", "points are")
        words += f"; {check.right} of {points} found from the other shots"
    if check.doubtful:
        named = [
            f"{category.keypoint_names[keypoint]!r} of shot {shot + 1}"
            for shot, keypoint in check.doubtful[:MOST_NAMED]
        ]
        more = ", ..." if len(check.doubtful) > MOST_NAMED else ""
        words += f"; look again at {', '.join(named)}{more}"
    if category.shape is not None:
        count = int(category.shape.known.sum())
        words += f"; its shape has {counted(count, 'keypoint')}"
        words += "" if category.shape.metric else " and no scale"
    return words


def described(category: Category) -> str:
    """Name, version and counts of a category, such as `mug version 1: 4 keypoints, 1 shot`."""
    keypoints = counted(len(category.keypoint_names), "keypoint")
    shots = counted(len(category.shots), "shot")
    return f"{category.name} version {category.version}: {keypoints}, {shots}"
