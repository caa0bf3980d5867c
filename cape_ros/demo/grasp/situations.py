"""Where objects stand and from where the camera looks, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cape_ros.demo.grasp.objects import SimulatedObject

MIDDLE = np.array([0.5, 0.0, 0.04])  # [m] of where objects stand
REACH = 0.08, 0.15  # [m] to both sides of the middle, in x and y
DISTANCE = 0.7  # [m] of the camera
ELEVATION = np.radians(45)  # of the camera in the shot that registers the object
ELEVATIONS = np.radians((37, 53))
AZIMUTHS = np.radians((-35, 35))  # of the camera; 0 = opposite to the arm
APART = 0.06  # [m] between two objects
TRIES = 200


@dataclass(frozen=True)
class Placement:
    """Where an object stands: [m] in the arm's frame. yaw: [rad], 0 = front to x > 0."""

    x: float
    y: float
    yaw: float = 0.0


@dataclass(frozen=True, eq=False)
class Situation:
    """placements: by name. camera: [3] its place. lamp: azimuth in rad and brightness."""

    placements: dict[str, Placement]
    camera: np.ndarray
    lamp: tuple[float, float] = (np.radians(-70), 1.0)


def camera_place(azimuth: float, elevation: float) -> np.ndarray:
    """[3] metres, in the arm's frame."""
    flat = np.cos(elevation)
    direction = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])
    return np.asarray(MIDDLE + DISTANCE * direction)


def registered(one: SimulatedObject, side: float = 0.0) -> Situation:
    """How the object stands in a shot that registers it. side: [rad] that it is turned from its
    front to the camera."""
    placement = Placement(MIDDLE[0], MIDDLE[1], side)
    return Situation({one.name: placement}, camera_place(0, ELEVATION))


def sides(count: int, widest: float) -> list[float]:
    """[rad] of the shots that register an object: its front, then others in turn to the left and
    the right, evenly up to `widest`."""
    steps = [widest * (number // 2 + 1) / (count // 2) for number in range(count - 1)]
    return [0.0, *(step * (-1) ** number for number, step in enumerate(steps))]


def drawn(
    one: SimulatedObject,
    others: Sequence[SimulatedObject],
    widest: float,
    generator: np.random.Generator,
) -> Situation:
    """widest: [rad] around the vertical, between the sides that the camera sees here and in the
    shot. others: that stand on the table too."""
    azimuth, elevation = generator.uniform(*AZIMUTHS), generator.uniform(*ELEVATIONS)
    camera = camera_place(azimuth, elevation)
    x, y = MIDDLE[:2] + generator.uniform(-1, 1, 2) * REACH
    side = float(np.arctan2(camera[1] - y, camera[0] - x))
    placements = {one.name: Placement(x, y, side - generator.uniform(-widest, widest))}
    radii = {each.name: each.radius for each in (one, *others)}
    for other in others:
        for _ in range(TRIES):
            at = MIDDLE[:2] + generator.uniform(-1, 1, 2) * (REACH[0] + 0.1, REACH[1] + 0.1)
            gaps = [
                np.hypot(at[0] - each.x, at[1] - each.y) - radii[name] - other.radius
                for name, each in placements.items()
            ]
            if min(gaps) >= APART:
                placements[other.name] = Placement(at[0], at[1], generator.uniform(-np.pi, np.pi))
                break
    lamp = float(generator.uniform(-np.pi, np.pi)), float(generator.uniform(0.6, 1.2))
    return Situation(placements, camera, lamp)


def view_of(rotation: np.ndarray, translation: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """[3] direction from an object to the camera, in the object's axes."""
    direction = (camera - translation) @ rotation
    return np.asarray(direction / np.linalg.norm(direction))
