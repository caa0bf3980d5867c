"""Cost and error of depth, lifting and pose, for each object: python benchmarks/spatial.py

Boxes and cups on a table before a simulated RGB-D camera with exact truth. Keypoints are as wrong
as their scores say; no network takes part. "node" is what the node adds to a result: the same with
tracks and their messages for every topic; it needs rclpy. Times are those of one processor, so that
a busy machine measures the same.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from rig.depth_camera import box_keypoints, camera, cup_keypoints, measure, view
from std_msgs.msg import Header

from cape_ros.perception.category import Category
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.space import ObjectInSpace, Sight, SpaceEstimator
from cape_ros.perception.spatial import (
    DepthImage,
    Places,
    Shape,
    estimate_pose,
    lift,
    locate,
    read_frames,
    rigid,
)
from cape_ros.perception.spatial.lifting import pixel_deviation
from cape_ros.ros import space_messages

SHAPES = {"box": box_keypoints(), "cup": cup_keypoints()}
NINETY = 6.251, 10.645  # squared Mahalanobis distances: points, poses
APART = 0.025  # [m] that a surface is behind another one
GRASP = {"origin": ["0", "3"], "x": "0->3", "z": "approach"}


def to_messages(objects: Sequence[ObjectInSpace]) -> None:
    header = Header(frame_id="camera")
    names = space_messages.frame_names("", "", objects)
    space_messages.to_keypoints_3d_array(objects, names, header)
    space_messages.to_transforms(objects, names, header)
    list(space_messages.to_frames(objects, header))
    space_messages.to_detections_3d(objects, header)
    space_messages.to_cloud(objects, header)


def run(kind: str, objects: int, score: float, depth: bool) -> dict[str, list[float]]:
    generator, model, figures = np.random.default_rng(1), camera(), defaultdict(list)
    names = tuple(map(str, range(len(SHAPES[kind]))))
    shape = Shape.given(SHAPES[kind], len(names))
    (grasp,) = frames = read_frames({"grasp": GRASP}, names)
    category, estimator = Category(kind, names, shape=shape, frames=frames), SpaceEstimator()
    for _ in range(objects):
        seen = view(kind, generator)
        scores = np.where(seen.visible, score, 0.05).astype(np.float32)
        deviation = pixel_deviation(np.full(len(names), score), seen.size)
        pixels = seen.pixels + generator.normal(size=(len(names), 2)) * deviation[:, None]
        image = measure(seen.depth, generator)
        began = time.thread_time()
        found = lift(pixels, scores, seen.size, model, DepthImage.of(image) if depth else None)
        lifted = time.thread_time()
        estimate = estimate_pose(shape, found)
        posed = time.thread_time()
        locate(grasp, Places.of(found, estimate, shape), names)
        ended = time.thread_time()
        for name, seconds in (
            ("lift", lifted - began),
            ("pose", posed - lifted),
            ("frame", ended - posed),
            ("all", ended - began),
        ):
            figures[f"{name}, ms"].append(1e3 * seconds)
        result = ObjectKeypoints(
            kind,
            1,
            seen.box,
            pixels.astype(np.float32),
            scores,
            scores,
            names,
            track_id=len(figures["all, ms"]),
        )
        sight = Sight(model, 0.1 * len(figures["all, ms"]), DepthImage.of(image) if depth else None)
        began = time.thread_time()
        to_messages(estimator.estimate([result], {kind: category}, sight))
        figures["node, ms"].append(1e3 * (time.thread_time() - began))
        if found.measured.any():
            chosen = found.measured & seen.visible
            error = (found.points - seen.points)[chosen]
            weights = np.linalg.inv(found.covariances[chosen])
            squared = (error[:, None] @ weights @ error[..., None])[:, 0, 0]
            x, y = np.rint(model.project(found.points[chosen])).astype(int).T
            table = np.abs(found.points[chosen, 2] - seen.table[y, x])
            figures["point, mm"] += (1e3 * np.linalg.norm(error, axis=1)).tolist()
            figures["point in its 90 % ellipsoid, %"] += (100.0 * (squared < NINETY[0])).tolist()
            figures["point with the table's depth, %"] += (
                100.0 * ((error[:, 2] > APART) & (table < error[:, 2]))
            ).tolist()
        figures["pose refused, %"].append(100.0 * (estimate.pose is None))
        if estimate.pose is not None:
            moved = seen.translation - estimate.pose.translation
            turned = rigid.vector_of(seen.rotation @ estimate.pose.rotation.T)
            both = np.concatenate((moved, turned))
            squared = both @ np.linalg.solve(estimate.pose.covariance, both)
            figures["pose, mm"].append(1e3 * float(np.linalg.norm(moved)))
            figures["pose, degrees"].append(float(np.degrees(np.linalg.norm(turned))))
            figures["pose in its 90 % ellipsoid, %"].append(100.0 * float(squared < NINETY[1]))
    return figures


def main(
    objects: Annotated[int, typer.Option(help="of each kind")] = 200,
    score: Annotated[float, typer.Option(help="of visible keypoints")] = 0.97,
) -> None:
    """Print medians, and the mean of what is in percent."""
    cv2.setNumThreads(2)
    columns = [(kind, depth) for kind in SHAPES for depth in (True, False)]
    results = [run(kind, objects, score, depth) for kind, depth in columns]
    table = Table("", *(f"{kind}, {'depth' if depth else 'rays'}" for kind, depth in columns))
    for name in dict.fromkeys(name for result in results for name in result):
        middle = np.mean if name.endswith("%") else np.median
        cells = [f"{middle(result[name]):.2f}" if name in result else "" for result in results]
        table.add_row(name, *cells)
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
