"""Shapes and camera models as `category.yaml` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cape_ros.perception.spatial.camera_model import CameraModel
from cape_ros.perception.spatial.shape import Shape


def of_shape(shape: Shape) -> dict[str, Any]:
    """points: null where they are not known. variances: of those that are."""
    known = shape.known
    points = [point.tolist() if known[at] else None for at, point in enumerate(shape.points)]
    variances = [float(each) if known[at] else None for at, each in enumerate(shape.variances)]
    return {"points": points, "variances": variances, "metric": shape.metric}


def to_shape(content: dict[str, Any]) -> Shape:
    """Raises ValueError, TypeError or KeyError for what is none."""
    points = np.array([point or [np.nan] * 3 for point in content["points"]], np.float64)
    variances = [np.inf if each is None else float(each) for each in content["variances"]]
    shape = Shape(points.reshape(-1, 3), np.array(variances), bool(content["metric"]))
    if len(points) != len(variances) or not (shape.variances >= 0).all():
        raise ValueError("shape: each point has one variance, which is not negative")
    return shape


def of_camera(camera: CameraModel) -> dict[str, Any]:
    """As `to_camera` reads it."""
    return {
        "matrix": camera.matrix.ravel().tolist(),
        "distortion": camera.distortion.ravel().tolist(),
        "fisheye": camera.fisheye,
    }


def to_camera(content: dict[str, Any]) -> CameraModel:
    """Raises `InvalidInput`, ValueError, TypeError or KeyError for what is none."""
    lens = "equidistant" if content["fisheye"] else "rational_polynomial"
    return CameraModel.of(content["matrix"], content["distortion"], lens)
