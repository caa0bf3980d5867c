"""A camera that moves around one object on a table, starting at the view that is registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator

from cape_ros.lab.datasets.rendered.cameras import (
    Camera,
    Pose,
    angle_between,
    looking_from,
    side,
)
from cape_ros.lab.datasets.rendered.scenes import NOISE, SIZE
from cape_ros.lab.datasets.rendered.shading import Lighting, up_in_camera
from cape_ros.lab.datasets.rendered.table import Standing, table_top
from cape_ros.lab.datasets.rendered.tracing import Body, Placed
from cape_ros.lab.datasets.rendered.views import Picture, take_picture

LAST = 90  # degrees that the camera has gone around the object at the end


@dataclass(frozen=True, eq=False)
class OrbitFrame:
    """angle: degrees between the first frame's direction of view and this one's."""

    picture: Picture
    angle: float


def render_orbit(
    body: Body,
    points: np.ndarray,
    start: tuple[float, float],
    frames: int,
    generator: Generator,
    photographs: Sequence[np.ndarray],
    others: Sequence[Body] = (),
) -> list[OrbitFrame]:
    """Frames from 0 to 90 degrees around the vertical; table, lights and other things stand still.

    points: [K, 3] metres. start: azimuth and elevation of the first frame, degrees.
    """
    camera = Camera.of_view(SIZE, 45)
    azimuth, elevation = start
    direction = 1 if generator.random() < 0.5 else -1
    distance = body.mesh.diagonal * camera.focal / generator.uniform(190, 260)
    subject = Standing(body, 0, (0.0, 0.0))
    things = [subject, *_around(subject, others, generator)]
    top = table_top(4.5 * body.mesh.diagonal, generator, photographs)
    rotation = looking_from(side(azimuth, elevation))
    light = Lighting.draw(generator, up_in_camera(rotation))
    fixed = rotation.T @ light.towards
    panorama = _panorama(photographs, generator)
    shown, first = [], None
    for turned in np.linspace(0, LAST, frames):
        sway = 3 * np.sin(np.radians(4 * turned))  # degrees: a hand that moves a camera
        towards = side(azimuth + direction * turned, elevation + sway)
        rotation = looking_from(towards, float(0.5 * sway))
        table = Pose(rotation, np.array([0, 0, distance * (1 + 0.01 * sway)]))
        table = replace(table, translation=table.translation - rotation @ _middle(subject))
        placed = [one.seen_by(table) for one in things]
        picture = take_picture(
            camera,
            [*placed, Placed(top, table, ground=True)],
            [(0, points)],
            _part(panorama, direction * turned),
            generator,
            NOISE,
            replace(light, towards=rotation @ fixed),
        )
        here = picture.instances[0].pose.from_side
        first = here if first is None else first
        shown.append(OrbitFrame(picture, angle_between(first, here)))
    return shown


def _middle(subject: Standing) -> np.ndarray:
    return np.array([*subject.ground, float(subject.body.mesh.extent[2]) / 2])


def _around(subject: Standing, others: Sequence[Body], generator: Generator) -> list[Standing]:
    """Smaller things around the object, beside where the camera passes."""
    things = []
    for at, other in enumerate(others[:3]):
        scale = 0.5 * subject.body.mesh.diagonal / other.mesh.diagonal
        angle = np.radians(120 * at + generator.uniform(-40, 40))
        away = 1.1 * (subject.radius + scale * other.mesh.diagonal / 2)
        ground = (float(away * np.cos(angle)), float(away * np.sin(angle)))
        things.append(Standing(other, float(generator.uniform(0, 360)), ground, float(scale)))
    return things


def _panorama(photographs: Sequence[np.ndarray], generator: Generator) -> np.ndarray:
    """[H, 3 W, 3] uint8: a photograph and its mirror image, twice the image's height."""
    height, width = SIZE
    if not photographs:
        return np.full((height, 3 * width, 3), 128, np.uint8)
    photograph = photographs[int(generator.integers(len(photographs)))]
    wide = cv2.resize(photograph, (3 * width // 2, height), interpolation=cv2.INTER_LINEAR)
    return np.concatenate([wide, wide[:, ::-1]], axis=1)


def _part(panorama: np.ndarray, turned: float) -> np.ndarray:
    """[H, W, 3]: what lies behind the object when the camera has gone so far around it."""
    height, width = SIZE
    left = round((turned + LAST) / (2 * LAST) * (panorama.shape[1] - width))
    return panorama[:height, left : left + width]
