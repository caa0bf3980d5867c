"""A mug of primitives."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from cape_ros.demo.grasp.objects import SimulatedObject
from cape_ros.demo.grasp.simulator import mujoco

RADIUS, HEIGHT, WALL = 0.036, 0.085, 0.004  # [m] of the mug
STAVES = 24
MASS = 0.25  # [kg]
CERAMIC = (0.86, 0.84, 0.78, 1.0)
BAND = (0.16, 0.30, 0.52, 1.0)
PRINT = (0.72, 0.16, 0.12, 1.0)


def mug() -> SimulatedObject:
    """The front is printed on; the handle is at y > 0, to the right of who looks at the front."""
    reach = RADIUS + 0.028
    keypoints = {
        "rim_left": (0.0, -RADIUS, HEIGHT),
        "rim_right": (0.0, RADIUS, HEIGHT),
        "rim_front": (RADIUS, 0.0, HEIGHT),
        "rim_back": (-RADIUS, 0.0, HEIGHT),
        "handle_top": (0.0, reach - 0.006, 0.066),
        "handle_bottom": (0.0, reach - 0.006, 0.026),
        "print": (RADIUS + 0.002, 0.0, 0.048),
        "foot_front": (RADIUS, 0.0, 0.0),
        "foot_left": (0.0, -RADIUS, 0.0),
    }
    edges = ((0, 2), (2, 1), (1, 3), (3, 0), (1, 4), (4, 5), (2, 6), (6, 7), (0, 8))
    # One finger inside, one outside, opposite the handle.
    grasp = {"origin": ["rim_left"], "x": "rim_right->rim_left", "z": "down"}
    return SimulatedObject(
        "mug", reach, _build, keypoints, edges, {"grasp": grasp}, opening=0.05, depth=0.012
    )


def box(body: Any, *, yaw: float = 0.0, **fields: Any) -> None:
    """Adds a box that is turned about z."""
    quat = (np.cos(yaw / 2), 0, 0, np.sin(yaw / 2))
    body.add_geom(type=mujoco().mjtGeom.mjGEOM_BOX, quat=quat, **fields)


def _build(body: Any) -> None:
    volume = 2 * np.pi * RADIUS * HEIGHT * WALL + np.pi * RADIUS**2 * WALL + 6e-6
    density = MASS / volume
    middle, width = RADIUS - WALL / 2, np.pi * RADIUS / STAVES * 1.02
    # The mug stands on its floor: each stave on the table would cost four contacts.
    for low, high, colour in ((0.001, 0.016, BAND), (0.016, HEIGHT, CERAMIC)):
        for angle in np.arange(STAVES) * 2 * np.pi / STAVES:
            box(
                body,
                size=(WALL / 2, width, (high - low) / 2),
                pos=(middle * np.cos(angle), middle * np.sin(angle), (low + high) / 2),
                yaw=angle,
                rgba=colour,
                density=density,
            )
    body.add_geom(
        type=mujoco().mjtGeom.mjGEOM_CYLINDER,
        size=(RADIUS - WALL, WALL / 2, 0),
        pos=(0, 0, WALL / 2),
        rgba=CERAMIC,
        density=density,
    )
    corners = [(RADIUS - 0.002, 0.070), (RADIUS + 0.018, 0.068), (RADIUS + 0.024, 0.058)]
    corners += [(RADIUS + 0.024, 0.034), (RADIUS + 0.018, 0.024), (RADIUS - 0.002, 0.022)]
    for (y, z), (to_y, to_z) in pairwise(corners):
        body.add_geom(
            type=mujoco().mjtGeom.mjGEOM_CAPSULE,
            size=(0.0045, 0, 0),
            fromto=(0, y, z, 0, to_y, to_z),
            rgba=CERAMIC,
            density=density,
        )
    # Staves as thin as ink, on the outside: a disc would stick out of the curved wall.
    for angle in np.radians((-15, 0, 15)):
        high = 0.014 if angle == 0 else 0.009
        box(
            body,
            size=(0.0006, np.pi * RADIUS / STAVES * 1.03, high),
            pos=((RADIUS) * np.cos(angle), (RADIUS) * np.sin(angle), 0.048),
            yaw=angle,
            rgba=PRINT,
            density=0,
            contype=0,
            conaffinity=0,
        )
