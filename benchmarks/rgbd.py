"""What the network finds of an object, in metres: python benchmarks/rgbd.py

Household objects (or, with `--mug`, the mug of the demo) before a simulated RGB-D camera with the
noise of a real one. One image with depth registers an object, or several from other sides; then it
stands in random places among three others, turned, under another light, seen from elsewhere, with
its box given. Errors are those of single images, by exact truth.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rig.libero import objects

from cape_ros.demo.grasp.clutter import clutter
from cape_ros.demo.grasp.depth_camera import DepthCamera, Shot
from cape_ros.demo.grasp.mug import mug
from cape_ros.demo.grasp.objects import SimulatedObject
from cape_ros.demo.grasp.scene import Scene
from cape_ros.demo.grasp.situations import MIDDLE, Situation, drawn, registered, sides
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.geometry import Box
from cape_ros.perception.objects import ObjectRequest
from cape_ros.perception.shapes import with_shape
from cape_ros.perception.space import Sight, SpaceEstimator
from cape_ros.perception.spatial import DepthImage, rigid

MARGIN = 0.1  # of the longer side of the keypoints' hull
NINETY = 6.251  # squared Mahalanobis distance
APART = 0.025  # [m] that a surface is behind another one
CLICK = 1.0  # [pixels] standard deviation of a person's click


class Bench:
    """The simulated world, and the estimators that look at it."""

    def __init__(self, things: list[SimulatedObject], weights: str, seed: int) -> None:
        self.others = clutter()
        self.generator = np.random.default_rng(seed)
        self.scene = Scene([*things, *self.others])
        self.camera = DepthCamera(self.scene, self.generator)
        self.estimator = Estimator.load(weights, "cpu")
        self.space = SpaceEstimator()

    def arrange(self, situation: Situation) -> Shot:
        self.camera.look("camera", situation.camera, MIDDLE)
        self.scene.light(*situation.lamp)
        self.scene.reset(situation.placements)
        self.scene.step(0.2)
        return self.camera.shoot()

    def register(self, thing: SimulatedObject, images: int, widest: float) -> Category:
        """From its front first, and from other sides up to `widest` [degrees]."""
        shape, shots = None, list[SupportShot]()
        for side in sides(images, np.radians(widest)):
            shots.append(self.photograph(thing, side))
            category = Category(thing.name, list(thing.keypoints), thing.edges, shots)
            category = with_shape(category, shape, shots[-1:])
            shape = category.shape
        self.estimator.register(category)
        return category

    def photograph(self, thing: SimulatedObject, side: float) -> SupportShot:
        shot = self.arrange(registered(thing, side))
        pixels, visible = self.camera.pixels(self.scene.points(thing.name), shot)
        pixels = pixels + self.generator.normal(0, CLICK, pixels.shape)
        return SupportShot(
            shot.image,
            pixels,
            visible,
            around(pixels[visible]),
            camera=self.camera.model,
            depth=DepthImage.of(shot.depth),
        )

    def measure(
        self, thing: SimulatedObject, category: Category, count: int, widest: float
    ) -> dict[str, list[float]]:
        """Errors in so many situations. widest: [degrees] from the registered side."""
        figures = defaultdict[str, list[float]](list)
        for number in range(count):
            shot = self.arrange(drawn(thing, self.others, np.radians(widest), self.generator))
            points = self.scene.points(thing.name)
            pixels, visible = self.camera.pixels(points, shot)
            if not visible.any():
                continue
            request = ObjectRequest(thing.name, around(pixels[visible]))
            answers = self.estimator.estimate(shot.image, [request])
            sight = Sight(self.camera.model, float(number), DepthImage.of(shot.depth))
            (seen,) = self.space.estimate(answers, {thing.name: category}, sight)
            truth = (points - shot.camera.translation) @ shot.camera.rotation
            table = behind(shot, pixels)
            chosen = visible & seen.lifted.measured
            error = seen.points[chosen] - truth[chosen]
            figures["point, mm"] += (1e3 * np.linalg.norm(error, axis=1)).tolist()
            weights = np.linalg.inv(seen.covariances[chosen])
            squared = (error[:, None] @ weights @ error[..., None])[:, 0, 0]
            figures["point in its 90 % ellipsoid, %"] += (100.0 * (squared < NINETY)).tolist()
            depth = error[:, 2]
            near_table = np.abs(seen.points[chosen, 2] - table[chosen]) < depth
            figures["point with the background's depth, %"] += (
                100.0 * ((depth > APART) & near_table)
            ).tolist()
            figures["no pose, %"].append(100.0 * (seen.pose is None))
            if seen.pose is None or category.shape is None:
                continue
            rotation, translation = self.scene.pose(thing.name)
            known = category.shape.known
            of_shape = rigid_fit(category.shape.points[known], thing.points[known])
            turned = shot.camera.rotation.T @ rotation @ of_shape[0]
            moved = shot.camera.rotation.T @ (
                rotation @ of_shape[1] + translation - shot.camera.translation
            )
            middle = category.shape.points[known].mean(axis=0)
            away = seen.pose.rotation @ middle + seen.pose.translation - turned @ middle - moved
            figures["pose, mm"].append(1e3 * float(np.linalg.norm(away)))
            angle = rigid.angle_between(seen.pose.rotation, turned)
            figures["pose, degrees"].append(float(np.degrees(angle)))
        return figures


def around(pixels: np.ndarray) -> Box:
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    margin = MARGIN * float((high - low).max())
    x, y, width, height = (*(low - margin).tolist(), *(high - low + 2 * margin).tolist())
    return x, y, width, height


def behind(shot: Shot, pixels: np.ndarray) -> np.ndarray:
    """[K] metres: the farthest depth beside each pixel [K, 2]."""
    height, width = shot.exact.shape
    x, y = np.rint(pixels).astype(int).T
    steps = np.arange(-8, 9)
    rows = np.clip(y[:, None, None] + steps[:, None], 0, height - 1)
    columns = np.clip(x[:, None, None] + steps[None, :], 0, width - 1)
    farthest: np.ndarray = shot.exact[rows, columns].max(axis=(1, 2))
    return farthest


def rigid_fit(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation [3, 3] and translation [3] that take points [K, 3] to others (Kabsch 1976)."""
    middle, other = source.mean(axis=0), target.mean(axis=0)
    u, _, vt = np.linalg.svd((source - middle).T @ (target - other))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    rotation = vt.T @ flip @ u.T
    return rotation, other - rotation @ middle


def main(
    count: Annotated[int, typer.Option(help="Situations of each object.")] = 25,
    widest: Annotated[float, typer.Option(help="Degrees around the vertical.")] = 30.0,
    images: Annotated[int, typer.Option(help="That register an object, over these sides.")] = 1,
    only_mug: Annotated[bool, typer.Option("--mug", help="Instead of household objects.")] = False,
    weights: str = "shipped",
    seed: int = 1,
) -> None:
    """What the network finds of an object, in metres."""
    things = [mug()] if only_mug else objects()
    bench = Bench(list(things), weights, seed)
    found = {
        thing.name: bench.measure(thing, bench.register(thing, images, widest), count, widest)
        for thing in track(things, "measuring", transient=True)
    }
    bench.camera.close()
    names = list(dict.fromkeys(name for each in found.values() for name in each))
    table = Table("median, or mean of what is in %", *names)
    every = {name: [v for each in found.values() for v in each[name]] for name in names}
    for what, figures in {**found, "all": every}.items():
        middle = [np.mean if name.endswith("%") else np.median for name in names]
        cells = [f"{of(figures[name]):.1f}" for of, name in zip(middle, names, strict=True)]
        table.add_row(what, *cells)
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
