"""Poses on a real RGB-D image against published ones: python benchmarks/ycb.py FRAMES MESHES

FRAMES: happypose_ros/test of https://github.com/agimus-project/happypose_ros, image 000629 of
YCB-Video; its tests publish the poses. MESHES: the folder ycb of
https://github.com/elpis-lab/YCB_Dataset, the 16k meshes with textures.

Each object is registered from one rendering, turned about the vertical of the image away from the
published orientation, with its keypoints given in metres; then once from the image itself, where
only depth and pose can be wrong. No object is declared symmetric: the prints tell their sides
apart. Published poses are of the centre of the mesh's bounding box.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from cape_ros.core.images import read_image, write_image
from cape_ros.lab.datasets.rendered.cameras import Camera, Pose, corners_of
from cape_ros.lab.datasets.rendered.catalogue import Entry
from cape_ros.lab.datasets.rendered.keypoints import keypoints_of
from cape_ros.lab.datasets.rendered.meshes import load_mesh
from cape_ros.lab.datasets.rendered.shading import Lighting
from cape_ros.lab.datasets.rendered.tracing import Body, Placed
from cape_ros.lab.datasets.rendered.views import InstanceTruth, take_picture, truth_of
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.space import Sight, SpaceEstimator
from cape_ros.perception.spatial import CameraModel, DepthImage, Shape, rigid
from cape_ros.perception.spatial import Pose as Estimate

IMAGE, SIZE = "000629.png", (480, 640)
MATRIX = [1066.778, 0.0, 312.9869, 0.0, 1067.487, 241.3109, 0.0, 0.0, 1.0]
CAMERA = Camera(SIZE, 1067.1, (MATRIX[2], MATRIX[5]))
MODEL = CameraModel.of(MATRIX, [], "plumb_bob")
DEPTH_UNIT = 1e-4  # [m]
PUBLISHED = {  # translation in metres, quaternion x, y, z, w
    "cracker_box": ((0.0552, -0.0913, 1.0283), (0.2279, 0.1563, 0.0245, 0.9607)),
    "mustard_bottle": ((0.0946, -0.0123, 0.8399), (-0.4171, 0.7404, -0.4506, -0.2730)),
    "power_drill": ((-0.1013, 0.0329, 0.9138), (0.2526, 0.4850, 0.7653, -0.3392)),
}
FROM_FILE = np.eye(3)[[2, 0, 1]]  # to the axes of a loaded mesh
TURNED = (-30, -15, 0, 15, 30)  # degrees
SEED = 1
ITSELF = "the image itself"
COLUMNS = "box", "found", "box, no depth"
NINETY = 10.645  # squared Mahalanobis distance of a pose


def rotation_of(quaternion: Sequence[float]) -> np.ndarray:
    x, y, z, w = np.array(quaternion) / np.linalg.norm(quaternion)
    angle = 2 * np.arctan2(np.linalg.norm((x, y, z)), w)
    return rigid.rotation_of(angle * np.array((x, y, z)) / np.linalg.norm((x, y, z)))


def load(meshes: Path, name: str) -> Placed:
    file = meshes / name / "textured.obj"
    translation, quaternion = PUBLISHED[name]
    pose = Pose(rotation_of(quaternion) @ FROM_FILE.T, np.array(translation))
    return Placed(Body(load_mesh(Entry(name, name, file, None, "", "", ""))), pose)


def register(
    name: str, points: np.ndarray, image: np.ndarray, truth: InstanceTruth
) -> tuple[Category, np.ndarray]:
    """With the keypoints that the image shows, and which ones they are."""
    (shown,) = np.nonzero(truth.visible)
    names = [f"point {index}" for index in shown]
    shot = SupportShot(image, truth.keypoints[shown], box=truth.box)
    shape = Shape.given(points[shown], len(shown))
    return Category(name, names, shots=[shot], shape=shape), shown


def render(placed: Placed, points: np.ndarray, degrees: float) -> tuple[np.ndarray, InstanceTruth]:
    """The object alone before grey, where it is in the image but turned."""
    turn = rigid.rotation_of(np.radians([0.0, degrees, 0.0]))
    turned = Placed(placed.body, Pose(turn @ placed.pose.rotation, placed.pose.translation))
    generator = np.random.default_rng(SEED)
    lighting = Lighting.draw(generator, np.array([0.0, -1.0, 0.0]))
    grey = np.full((*SIZE, 3), 128, np.uint8)
    picture = take_picture(CAMERA, [turned], [(0, points)], grey, generator, 0.0, lighting)
    return picture.pixels, picture.instances[0]


@dataclass(frozen=True)
class Errors:
    """Of the centre in cm, of the orientation in degrees, mean of the vertices in cm (ADD).

    inside: whether the published pose lies in the 90 % ellipsoid of the covariance.
    """

    centre: float
    degrees: float
    vertices: float
    inside: bool

    def __str__(self) -> str:
        figures = words(self.centre, self.degrees, self.vertices)
        return figures if self.inside else f"{figures} *"


def words(centre: float, degrees: float, vertices: float) -> str:
    return f"{centre:.1f} cm, {degrees:.1f} deg, {vertices:.1f} cm"


def compare(pose: Estimate, placed: Placed) -> Errors:
    moved = placed.pose.translation - pose.translation
    turned = rigid.vector_of(placed.pose.rotation @ pose.rotation.T)
    both = np.concatenate((moved, turned))
    vertices = placed.body.mesh.vertices.astype(np.float64)
    apart = np.linalg.norm(placed.pose.apply(vertices) - pose.apply(vertices), axis=1)
    return Errors(
        100 * float(np.linalg.norm(moved)),
        float(np.degrees(np.linalg.norm(turned))),
        100 * float(apart.mean()),
        bool(both @ np.linalg.solve(pose.covariance, both) < NINETY),
    )


def solve(
    found: ObjectKeypoints | None, category: Category, depth: DepthImage | None
) -> Estimate | str:
    """A pose, or why there is none."""
    if found is None:
        return "not found"
    sight = Sight(MODEL, 0.0, depth)
    (one,) = SpaceEstimator().estimate([found], {category.name: category}, sight)
    return one.pose or one.refusal


def summary(errors: Sequence[Errors]) -> str:
    if not errors:
        return "none"
    middle = np.median([(one.centre, one.degrees, one.vertices) for one in errors], axis=0)
    inside = sum(one.inside for one in errors)
    return f"{words(*middle.tolist())} of {len(errors)}, {inside} within"


def overlay(image: np.ndarray, placed: Placed, estimated: Estimate | None) -> np.ndarray:
    """The box around the mesh: green as published, magenta as estimated."""
    drawn: np.ndarray = image.copy()
    corners = corners_of(placed.body.mesh.extent.astype(np.float64))
    for pose, colour in ((placed.pose, (0, 255, 0)), (estimated, (255, 0, 255))):
        if pose is None:
            continue
        pixels = MODEL.project(pose.apply(corners)).round().astype(int)
        for first, second in itertools.combinations(range(8), 2):
            if np.isclose(corners[first], corners[second]).sum() == 2:  # they share an edge
                cv2.line(drawn, pixels[first], pixels[second], colour, 1, cv2.LINE_AA)
    return drawn


def main(
    frames: Annotated[Path, typer.Argument(help="The folder test of happypose_ros.")],
    meshes: Annotated[Path, typer.Argument(help="The folder ycb of YCB_Dataset.")],
    weights: str = "shipped",
    device: str = "auto",
    pictures: Annotated[Path | None, typer.Option(help="Folder for overlays.")] = None,
) -> None:
    """Poses on a real RGB-D image against published ones."""
    image = read_image(frames / "rgb" / IMAGE)
    raw = cv2.imread(str(frames / "depth" / IMAGE), cv2.IMREAD_UNCHANGED)
    if raw is None:
        raise typer.BadParameter(f"{frames} has no depth/{IMAGE}")
    depth = DepthImage.of(raw.astype(np.float32) * DEPTH_UNIT)
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    estimator = Estimator.load(weights, device)
    everything = [load(meshes, name) for name in PUBLISHED]
    table = Table("registered from", "keypoints", "error, px", "score", *COLUMNS)
    errors: dict[str, list[Errors]] = {column: [] for column in COLUMNS}
    for number, (name, placed) in enumerate(zip(PUBLISHED, everything, strict=True)):
        points = keypoints_of(placed.body, np.random.default_rng(SEED)).all
        truth = truth_of(CAMERA, everything, number, points)
        views = {f"rendering, {angle:+d} deg": render(placed, points, angle) for angle in TURNED}
        views[ITSELF] = image, truth
        table.add_section()
        for title, (shot, marked) in views.items():
            category, shown = register(name, points, shot, marked)
            estimator.register(category)
            (given,) = estimator.estimate(image, [ObjectRequest(category, truth.box)])
            found = next(iter(estimator.detect(image, [category], 1)[0]), None)
            estimator.forget(name)
            seen = truth.visible[shown]
            away = np.linalg.norm(given.keypoints - truth.keypoints[shown], axis=1)[seen]
            cells = [
                f"{name}: {title}",
                f"{seen.sum()} of {len(shown)}",
                f"{np.median(away):.1f}",
                f"{given.score:.2f}",
            ]
            for column, (one, image_depth) in zip(
                COLUMNS, ((given, depth), (found, depth), (given, None)), strict=True
            ):
                pose = solve(one, category, image_depth)
                error = pose if isinstance(pose, str) else compare(pose, placed)
                cells.append(str(error))
                if isinstance(error, Errors) and title != ITSELF:
                    errors[column].append(error)
                if pictures:
                    drawn = overlay(image, placed, None if isinstance(pose, str) else pose)
                    file = pictures / f"{name}, {title}, {column}.png"
                    write_image(file, np.hstack((shot, drawn)))
            table.add_row(*cells)
    table.add_section()
    table.add_row("median of the renderings", "", "", "", *map(summary, errors.values()))
    console = Console()
    console.print(table)
    console.print(
        "keypoints: visible in the image, of those registered; their median error in the box"
    )
    console.print("poses: error of the centre, of the orientation, mean of the vertices (ADD)")
    console.print("*: the published pose is not within the 90 % ellipsoid of the covariance")


if __name__ == "__main__":
    typer.run(main)
