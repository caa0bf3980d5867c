"""What can stand on the table, and where a gripper takes hold of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class SimulatedObject:
    """An object on the table. Its frame lies in the middle of its foot: x to its front, z up.

    keypoints: by name, [m] in its frame. frames: as in an annotation file, with one `grasp`.
    opening: [m] of the gripper before the grasp. depth: [m] that the fingertips' middle goes
    beyond the frame's origin, along z. radius: [m] of what it covers on the table.
    build: adds its geometry to a body of an `MjSpec`.
    """

    name: str
    radius: float
    build: Callable[[Any], None]
    keypoints: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    edges: tuple[tuple[int, int], ...] = ()
    frames: Mapping[str, Any] = field(default_factory=dict)
    opening: float = 0.085
    depth: float = 0.0

    @property
    def points(self) -> np.ndarray:
        """[K, 3] metres, in its frame."""
        return np.array(list(self.keypoints.values()))


@dataclass(frozen=True, eq=False)
class GraspFrame:
    """Where the gripper takes hold, in the arm's frame: [3] and [3, 3]. x: from one finger to the
    other, z: the approach."""

    position: np.ndarray
    rotation: np.ndarray
