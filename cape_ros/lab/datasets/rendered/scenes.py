"""Scenes with several instances of one object among others, seen from a known angle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from cape_ros.lab.datasets.rendered.cameras import (
    Camera,
    Pose,
    angle_between,
    corners_of,
    looking_from,
    place,
    side,
)
from cape_ros.lab.datasets.rendered.table import (
    Standing,
    about_vertical,
    apart,
    table_top,
)
from cape_ros.lab.datasets.rendered.tracing import Body, Placed
from cape_ros.lab.datasets.rendered.views import (
    Picture,
    cut_background,
    standing,
    take_picture,
)

SIZE = (480, 640)  # height, width
SMALLEST, LARGEST = 40, 320  # pixels of an instance's longer side
BANDS = ((0, 20), (0, 20), (20, 45), (0, 20), (45, 75), (75, 90))  # degrees, in turn
MOST_INSTANCES, MOST_OTHERS = 6, 4
TRIES = 60  # places for an instance
OVERLAP = 0.2
NOISE = 0.5  # of what training sees
ELEVATIONS = (-5.0, 70.0)  # degrees of a camera


@dataclass(frozen=True, eq=False)
class Scene:
    """picture: with the truth of every instance. angles: degrees from the registered view, of each.
    band: degrees, that they were drawn from. table: on a table, or free before a photograph.
    """

    picture: Picture
    angles: tuple[float, ...]
    band: tuple[int, int]
    table: bool


def registered_view(
    body: Body,
    points: np.ndarray,
    towards: np.ndarray,
    generator: Generator,
    photographs: Sequence[np.ndarray],
) -> Picture:
    """The one picture that a person annotates: the object alone, large, upright."""
    camera = Camera.of_view(SIZE, 45)
    middle = ((SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2)
    pose = place(camera, looking_from(towards), middle, 260, corners_of(body.mesh.extent))
    background = cut_background(photographs, SIZE, generator)
    return take_picture(camera, [Placed(body, pose)], [(0, points)], background, generator, NOISE)


def render_scene(
    body: Body,
    points: np.ndarray,
    registered: np.ndarray,
    band: tuple[int, int],
    generator: Generator,
    photographs: Sequence[np.ndarray],
    others: Sequence[Body],
) -> Scene:
    """0 to 6 instances whose sides lie at angles of the band from the registered one [3].

    points: [K, 3] metres. others: distractors. Fewer instances, where there is no place for more.
    """
    camera = Camera.of_view(SIZE, 50)
    wanted = int(generator.integers(MOST_INSTANCES + 1))
    strange = [others[int(at)] for at in generator.permutation(len(others))[:MOST_OTHERS]]
    strange = strange[: int(generator.integers(len(strange) + 1))]
    on_table = bool(generator.random() < 0.5)
    arrange = _on_table if on_table else _floating
    placed, instances = arrange(
        camera, body, registered, band, wanted, strange, generator, photographs
    )
    background = cut_background(photographs, SIZE, generator)
    wanted_truth = [(at, points) for at in instances]
    picture = take_picture(camera, placed, wanted_truth, background, generator, NOISE)
    angles = [angle_between(one.pose.from_side, registered) for one in picture.instances]
    return Scene(picture, tuple(angles), band, on_table)


def side_at(
    registered: np.ndarray, band: tuple[int, int], generator: Generator
) -> np.ndarray | None:
    """A direction [3] at an angle of the band from the registered one, from where cameras look;
    None if none was found."""
    first = np.cross(registered, side(0, 90))
    first /= np.linalg.norm(first)
    second = np.cross(registered, first)
    for _ in range(TRIES):
        angle, bearing = np.radians(generator.uniform(*band)), generator.uniform(0, 2 * np.pi)
        turned = np.cos(bearing) * first + np.sin(bearing) * second
        towards: np.ndarray = np.cos(angle) * registered + np.sin(angle) * turned
        elevation = np.degrees(np.arcsin(np.clip(towards[2], -1, 1)))
        if ELEVATIONS[0] <= elevation <= ELEVATIONS[1]:
            return towards
    return None


def _floating(
    camera: Camera,
    body: Body,
    registered: np.ndarray,
    band: tuple[int, int],
    wanted: int,
    strange: Sequence[Body],
    generator: Generator,
    photographs: Sequence[np.ndarray],
) -> tuple[list[Placed], list[int]]:
    """Instances anywhere in the image, a little rotated; distractors in the same way."""
    placed: list[Placed] = []
    extents = sorted((_extent(generator) for _ in range(wanted)), reverse=True)
    for extent in extents:  # large ones first, while there is place for them
        towards = side_at(registered, band, generator)
        for _ in range(TRIES if towards is not None else 0):
            assert towards is not None
            middle = generator.uniform(0, 1, 2) * camera.size[::-1]
            rotation = looking_from(towards, generator.uniform(-20, 20))
            # The object's middle lies beside the optical axis: its own ray looks from that side.
            rotation = _about_axis_to(camera, middle) @ rotation
            where = (float(middle[0]), float(middle[1]))
            pose = place(camera, rotation, where, extent, corners_of(body.mesh.extent))
            if apart(camera, one := Placed(body, pose), placed, OVERLAP / 2):
                placed.append(one)
                break
    count = len(placed)
    for other in strange:
        for _ in range(TRIES):
            middle = generator.uniform(0, 1, 2) * camera.size[::-1]
            depth = body.mesh.diagonal * generator.uniform(3, 8)
            one = standing(camera, other, generator, middle, _extent(generator), depth)
            if apart(camera, one, placed, OVERLAP):
                placed.append(one)
                break
    return placed, list(range(count))


def _on_table(
    camera: Camera,
    body: Body,
    registered: np.ndarray,
    band: tuple[int, int],
    wanted: int,
    strange: Sequence[Body],
    generator: Generator,
    photographs: Sequence[np.ndarray],
) -> tuple[list[Placed], list[int]]:
    """Instances that stand on a table, each rotated so that its side fits the band."""
    towards = side_at(registered, band, generator)
    elevation = 25.0 if towards is None else float(np.degrees(np.arcsin(towards[2])))
    elevation = float(np.clip(elevation, 8, 65))
    diagonal = body.mesh.diagonal
    distance = diagonal * camera.focal / _extent(generator)
    table = Pose(looking_from(side(0, elevation)), np.array([0, 0, distance]))
    eye = -table.rotation.T @ table.translation
    placed: list[Placed] = []
    reach = 0.55 * distance
    for at in range(wanted + len(strange)):
        other = body if at < wanted else strange[at - wanted]
        scale = generator.uniform(0.85, 1.15) * diagonal / other.mesh.diagonal
        for _ in range(TRIES):
            ground = generator.uniform(-reach, reach, 2)
            one = Standing(other, 0, (float(ground[0]), float(ground[1])), float(scale))
            view = eye - table.to_object(one.seen_by(table).pose.translation)
            yaw = generator.uniform(-180, 180)
            if at < wanted:
                found = _yaw_for(view, registered, band, generator)
                if found is None:
                    break
                yaw = found
            seen = replace(one, yaw=float(yaw)).seen_by(table)
            if apart(camera, seen, placed, OVERLAP):
                placed.append(seen)
                break
    instances = [at for at, one in enumerate(placed) if one.body is body]
    top = table_top(2.6 * reach, generator, photographs)
    return [*placed, Placed(top, table, ground=True)], instances


def _yaw_for(
    view: np.ndarray, registered: np.ndarray, band: tuple[int, int], generator: Generator
) -> float | None:
    """Degrees that an object turns so that a camera in this direction [3] of the table's frame sees
    it at an angle of the band; None if no turn does."""
    unit = view / np.linalg.norm(view)
    for yaw in generator.permutation(np.arange(-180.0, 180.0, 3.0)):
        if band[0] <= angle_between(about_vertical(-yaw) @ unit, registered) <= band[1]:
            return float(yaw)
    return None


def _about_axis_to(camera: Camera, middle: np.ndarray) -> np.ndarray:
    """The rotation [3, 3] that turns the optical axis into the ray of a pixel, the shortest way."""
    ray = camera.rays(middle)
    ray = ray / np.linalg.norm(ray)
    axis = np.cross([0, 0, 1.0], ray)
    sine, cosine = float(np.linalg.norm(axis)), float(ray[2])
    if sine < 1e-9:
        return np.eye(3)
    x, y, z = axis / sine
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn: np.ndarray = np.eye(3) + sine * cross + (1 - cosine) * cross @ cross
    return turn


def _extent(generator: Generator) -> float:
    """Small ones as often as large ones."""
    return float(np.exp(generator.uniform(np.log(SMALLEST), np.log(LARGEST))))
