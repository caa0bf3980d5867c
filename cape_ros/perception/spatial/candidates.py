"""Poses to begin with: from three keypoints each, so that some are made of right ones only."""

from __future__ import annotations

import itertools
from contextlib import suppress
from functools import lru_cache

import cv2
import numpy as np

from cape_ros.perception.spatial import rigid
from cape_ros.perception.spatial.evidence import Evidence

MOST_TRIPLES = 40
FEWEST_TRIPLES = 12  # of which one has no wrong keypoint, with 99 % if a third is wrong
TRIED = 200  # triples from which the widest are taken
SEED = 5

Poses = tuple[np.ndarray, np.ndarray]  # rotations [C, 3, 3], translations [C, 3]


@lru_cache(maxsize=128)
def _triples(count: int) -> np.ndarray:
    """[T, 3]: indices below `count`."""
    if count <= 10:
        return np.array(list(itertools.combinations(range(count), 3)), np.intp).reshape(-1, 3)
    generator = np.random.default_rng(SEED)
    return generator.permuted(np.tile(np.arange(count), (TRIED, 1)), axis=1)[:, :3]


def widest_triples(points: np.ndarray, most: int = MOST_TRIPLES) -> np.ndarray:
    """[T, 3]: triples of points [N, 3] that span the largest triangles, each point among them."""
    triples = _triples(len(points))
    corners = points[triples]
    across = rigid.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(across, axis=1)
    return triples[np.argsort(-area)[:most]]


def from_depth(evidence: Evidence, most: int = MOST_TRIPLES) -> Poses:
    """Of keypoints that all have depth, at least three."""
    triples = widest_triples(evidence.shape, most)
    source, target = evidence.shape[triples], evidence.targets[triples]
    rotations = _axes(target) @ _axes(source).transpose(0, 2, 1)
    middle = (rotations @ source.mean(axis=1)[..., None])[..., 0]
    return rotations, target.mean(axis=1) - middle


def _axes(triangles: np.ndarray) -> np.ndarray:
    """[T, 3, 3]: orthonormal axes, as columns, of triangles [T, 3, 3]."""
    first = triangles[:, 1] - triangles[:, 0]
    normal = rigid.cross(first, triangles[:, 2] - triangles[:, 0])
    first = first / np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return np.stack((first, rigid.cross(normal, first), normal), axis=2)


def from_rays(evidence: Evidence, most: int = MOST_TRIPLES) -> Poses:
    """Of keypoints of which depth is not used, at least four: all of them, and triples, of which
    each gives up to four."""
    rays = evidence.targets[:, :2] / evidence.targets[:, 2:]
    eye = np.eye(3)
    vectors: list[np.ndarray] = []
    translations: list[np.ndarray] = []
    with suppress(cv2.error):  # of numbers that no object has
        found, turns, shifts, _ = cv2.solvePnPGeneric(
            evidence.shape, rays, eye, None, flags=cv2.SOLVEPNP_SQPNP
        )
        vectors, translations = list(turns[:found]), list(shifts[:found])
    for triple in widest_triples(evidence.shape, min(most, MOST_TRIPLES // 2)):
        found, turns, shifts = cv2.solveP3P(
            evidence.shape[triple], rays[triple], eye, None, flags=cv2.SOLVEPNP_AP3P
        )
        vectors += turns[:found]
        translations += shifts[:found]
    rotations = np.array([rigid.rotation_of(vector) for vector in vectors]).reshape(-1, 3, 3)
    return rotations, np.array(translations).reshape(-1, 3)


def tilted_back(evidence: Evidence, pose: rigid.Pose) -> Poses:
    """The other pose from which a flat object looks alike: its normal on the other side of the
    line of sight (Schweighofer and Pinz 2006)."""
    middle = evidence.shape.mean(axis=0)
    normal = pose.rotation @ np.linalg.svd(evidence.shape - middle)[2][2]
    centre = pose.rotation @ middle + pose.translation
    sight = centre / np.linalg.norm(centre)
    across = rigid.cross(normal, sight)
    sine = float(np.linalg.norm(across))
    axis = across / max(sine, 1e-12)
    angle = 2 * float(np.arctan2(sine, normal @ sight))
    rotation = rigid.rotation_of(axis * angle) @ pose.rotation
    return rotation[None], (centre - rotation @ middle)[None]
