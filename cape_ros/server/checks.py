"""Validation of a single-image request."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.core.plurals import counted
from cape_ros.perception.category import Category, image_faults
from cape_ros.perception.geometry import Box, box_faults
from cape_ros.server.activation import name_faults


def check(
    known: Mapping[str, Category],
    image: np.ndarray,
    names: Sequence[str] | None,
    boxes: Sequence[Box] | None,
) -> Sequence[str]:
    """The names that are meant. Raises `InvalidInput` that lists every fault of every field."""
    faults = image_faults(image)
    # An unknown size bounds nothing: the other fields are checked all the same.
    height, width = (math.inf, math.inf) if faults else image.shape[:2]
    faults += name_faults(known, names or ())
    for index, box in enumerate(boxes or ()):
        faults += box_faults(box, width, height, f"boxes[{index}]")
    if boxes is not None and names is None:
        reason = "are not named; give the category of each box"
        faults.append(Fault("categories", reason, "missing"))
    elif boxes is not None and names is not None and len(boxes) != len(names):
        given = counted(len(boxes), "box", "boxes")
        wanted = counted(len(names), "category", "categories")
        faults.append(Fault("boxes", f"{given} for {wanted}"))
    if faults:
        raise InvalidInput(faults)
    return tuple(known) if names is None else names


def check_one(image: np.ndarray, box: Box | None) -> None:
    """Raises `InvalidInput` that lists every fault."""
    faults = image_faults(image)
    if box is not None:
        height, width = (math.inf, math.inf) if faults else image.shape[:2]
        faults += box_faults(box, width, height)
    if faults:
        raise InvalidInput(faults)
