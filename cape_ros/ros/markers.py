"""Results as markers for RViz: points, skeleton and name of every object.

With a camera_info the markers lie on the rays of the keypoints at a depth of one metre, in the
camera's optical frame. Without one they lie in the plane z = 0 of that frame, one millimetre a
pixel: a visualisation only, without any direction in space.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from cape_ros.perception.category import Category
from cape_ros.perception.drawing.overlay import keypoint_color
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.spatial import CameraModel

LIFETIME = Duration(sec=0, nanosec=500_000_000)  # then what is not seen any more disappears
METRES_PER_PIXEL = 0.001


def to_markers(
    objects: Sequence[ObjectKeypoints],
    categories: Mapping[str, Category],
    header: Any,
    trusted: float,
    model: CameraModel | None = None,
) -> MarkerArray:
    """model: of the camera, if it is calibrated."""
    markers: list[Marker] = []
    for number, one in enumerate(objects):
        category = categories.get(one.category)
        points = to_space(one.keypoints, model)
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
    return MarkerArray(markers=markers)


def to_space(pixels: np.ndarray, model: CameraModel | None) -> np.ndarray:
    """Points [K, 2] in pixels as [K, 3] metres in the optical frame; NaN without a ray."""
    if model is None:
        flat = pixels * METRES_PER_PIXEL
        return np.column_stack([flat, np.zeros(len(flat))])
    rays = model.rays(pixels)
    return np.column_stack([rays, np.ones(len(rays))])


def _point(xyz: np.ndarray) -> Point:
    x, y, z = xyz.tolist()
    return Point(x=x, y=y, z=z)


def _color(index: int) -> ColorRGBA:
    red, green, blue = keypoint_color(index)
    return ColorRGBA(r=red / 255, g=green / 255, b=blue / 255, a=1.0)
