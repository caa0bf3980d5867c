"""Objects that are only in the way."""

from __future__ import annotations

from typing import Any

import numpy as np

from cape_ros.demo.grasp.mug import box
from cape_ros.demo.grasp.objects import SimulatedObject
from cape_ros.demo.grasp.simulator import mujoco


def clutter() -> list[SimulatedObject]:
    """Three objects that nothing registers."""
    return [
        SimulatedObject("carton", 0.045, _carton),
        SimulatedObject("can", 0.033, _can),
        SimulatedObject("bowl", 0.055, _bowl),
    ]


def _carton(body: Any) -> None:
    box(body, size=(0.025, 0.035, 0.05), pos=(0, 0, 0.05), rgba=(0.2, 0.5, 0.3, 1), mass=0.2)
    label: dict[str, Any] = {"rgba": (0.9, 0.85, 0.5, 1), "mass": 0, "contype": 0, "conaffinity": 0}
    box(body, size=(0.0255, 0.022, 0.02), pos=(0, 0, 0.055), **label)


def _can(body: Any) -> None:
    cylinder = mujoco().mjtGeom.mjGEOM_CYLINDER
    body.add_geom(
        type=cylinder, size=(0.033, 0.045, 0), pos=(0, 0, 0.045), rgba=(0.7, 0.7, 0.72, 1), mass=0.3
    )
    band: dict[str, Any] = {"rgba": (0.75, 0.3, 0.1, 1), "mass": 0, "contype": 0, "conaffinity": 0}
    body.add_geom(type=cylinder, size=(0.0335, 0.028, 0), pos=(0, 0, 0.045), **band)


def _bowl(body: Any) -> None:
    colour = (0.35, 0.4, 0.65, 1)
    body.add_geom(
        type=mujoco().mjtGeom.mjGEOM_CYLINDER,
        size=(0.032, 0.003, 0),
        pos=(0, 0, 0.003),
        rgba=colour,
        mass=0.1,
    )
    staves = 20
    for angle in np.arange(staves) * 2 * np.pi / staves:
        out = np.array((np.cos(angle), np.sin(angle), 0.0))
        body.add_geom(
            type=mujoco().mjtGeom.mjGEOM_CAPSULE,
            size=(0.0075, 0, 0),
            fromto=(*(0.03 * out + (0, 0, 0.01)), *(0.047 * out + (0, 0, 0.042))),
            rgba=colour,
            mass=0.01,
        )
