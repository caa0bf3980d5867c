"""Results as markers for RViz: points, skeleton and name of every object.

Where there is depth the markers lie where the keypoints are, in the camera's optical frame, with an
ellipsoid that holds each one with 90 %. With a camera_info alone they lie on the rays of the
keypoints at a depth of one metre. Without one they lie in the plane z = 0 of that frame, one
millimetre a pixel: a visualisation only, without any direction in space.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from cape_ros.perception.category import MOST_KEYPOINTS, Category
from cape_ros.perception.drawing.overlay import keypoint_color
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.space import ObjectInSpace
from cape_ros.perception.spatial import CameraModel, rigid

LIFETIME = Duration(sec=0, nanosec=500_000_000)  # then what is not seen any more disappears
METRES_PER_PIXEL = 0.001
NINETY = 2.5  # standard deviations: the 90 % ellipsoid of three dimensions


def to_markers(
    objects: Sequence[ObjectKeypoints],
    categories: Mapping[str, Category],
    header: Any,
    trusted: float,
    model: CameraModel | None = None,
    spaces: Sequence[ObjectInSpace] = (),
) -> MarkerArray:
    """model: of the camera, if it is calibrated. spaces: what is known of the objects in space."""
    markers: list[Marker] = []
    known = {id(space.found): space for space in spaces}
    for number, one in enumerate(objects):
        category = categories.get(one.category)
        points, space = to_space(one.keypoints, model), known.get(id(one))
        if space is not None:
            points = _placed(space, points)
        seen = (one.scores >= max(trusted, 1e-6)) & np.isfinite(points).all(axis=1)
        if category is None or not seen.any():
            continue
        size = 0.02 * float(np.ptp(points[seen], axis=0).max()) or METRES_PER_PIXEL
        edges = [edge for edge in category.edges if seen[edge[0]] and seen[edge[1]]]
        shown = np.flatnonzero(seen).tolist()

        def marker(
            what: str, kind: int, width: float, number: int = number, name: str = one.category
        ) -> Marker:
            made = Marker(header=header, ns=f"{name}/{what}", id=number, type=kind)
            made.action, made.lifetime = Marker.ADD, LIFETIME
            made.pose.orientation.w = 1.0
            made.scale.x = made.scale.y = made.scale.z = width
            made.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
            return made

        dots = marker("keypoints", Marker.SPHERE_LIST, size)
        dots.points = [_point(points[index]) for index in shown]
        dots.colors = [_color(index) for index in shown]
        markers.append(dots)
        if edges:
            lines = marker("skeleton", Marker.LINE_LIST, size / 2)
            lines.points = [_point(points[end]) for edge in edges for end in edge]
            lines.colors = [_color(end) for edge in edges for end in edge]
            markers.append(lines)
        text = marker("name", Marker.TEXT_VIEW_FACING, 4 * size)
        text.text = one.category if one.track_id < 0 else f"{one.category} {one.track_id}"
        text.pose.position = _point(points[seen].mean(axis=0))
        text.pose.position.y = float(points[seen, 1].min()) - 3 * size  # above: y points down
        markers.append(text)
        if space is not None:
            for index in np.flatnonzero(space.lifted.measured & seen).tolist():
                ball = marker("uncertainty", Marker.SPHERE, 1.0, MOST_KEYPOINTS * number + index)
                _shape(ball, space.lifted.points[index], space.lifted.covariances[index])
                ball.color = _color(index)
                ball.color.a = 0.3
                markers.append(ball)
    return MarkerArray(markers=markers)


def to_space(pixels: np.ndarray, model: CameraModel | None) -> np.ndarray:
    """Points [K, 2] in pixels as [K, 3] metres in the optical frame; NaN without a ray."""
    if model is None:
        flat = pixels * METRES_PER_PIXEL
        return np.column_stack([flat, np.zeros(len(flat))])
    rays = model.rays(pixels)
    return np.column_stack([rays, np.ones(len(rays))])


def _placed(space: ObjectInSpace, rays: np.ndarray) -> np.ndarray:
    """[K, 3]: where keypoints are, by depth or pose; the others at the depth of their object."""
    places = space.places.points
    there = np.isfinite(places).all(axis=1)
    if not there.any():
        return rays
    return np.where(there[:, None], places, rays * np.median(places[there, 2]))


def _shape(ball: Marker, place: np.ndarray, covariance: np.ndarray) -> None:
    variances, axes = np.linalg.eigh(covariance)
    axes = axes * np.sign(np.linalg.det(axes))
    ball.pose.position = _point(place)
    turn = ball.pose.orientation
    turn.x, turn.y, turn.z, turn.w = rigid.quaternion(axes).tolist()
    width = 2 * NINETY * np.sqrt(np.maximum(variances, 1e-10))
    ball.scale.x, ball.scale.y, ball.scale.z = width.tolist()


def _point(xyz: np.ndarray) -> Point:
    x, y, z = xyz.tolist()
    return Point(x=x, y=y, z=z)


def _color(index: int) -> ColorRGBA:
    red, green, blue = keypoint_color(index)
    return ColorRGBA(r=red / 255, g=green / 255, b=blue / 255, a=1.0)
