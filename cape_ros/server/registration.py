"""Merges a new registration into the registered category."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING

from cape_ros.core.errors import Conflict, Fault, InvalidInput
from cape_ros.core.plurals import counted
from cape_ros.perception.category import MOST_SHOTS, Category, not_registered

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


def merge(
    known: Mapping[str, Category],
    category: Category,
    mode: RegisterMode,
    base_version: int | None = None,
) -> Category:
    """The category to be stored; base_version as of `check_base`.

    Raises `Conflict`, and `InvalidInput` where the mode forbids it.
    """
    check_base(known, category.name, base_version)
    if mode == RegisterMode.CREATE and category.name in known:
        raise InvalidInput.of(
            "name",
            f"{category.name!r} is registered already; use REPLACE or ADD_SHOTS",
            "category_exists",
        )
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
        category = replace(before, shots=(*before.shots, *category.shots))
    return category


def extends(before: Category, category: Category) -> bool:
    """Whether a category is `before` with more shots: what is tracked stays what it is."""
    shots = category.shots[: len(before.shots)]
    return category.keypoint_names == before.keypoint_names and all(
        map(operator.is_, shots, before.shots)
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
    return words


def described(category: Category) -> str:
    """Name, version and counts of a category, such as `mug version 1: 4 keypoints, 1 shot`."""
    keypoints = counted(len(category.keypoint_names), "keypoint")
    shots = counted(len(category.shots), "shot")
    return f"{category.name} version {category.version}: {keypoints}, {shots}"
