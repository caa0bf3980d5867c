"""Whether the shots of a category show one rigid object from different sides, by their annotations
alone: seen by affine cameras, the layouts of a rigid object have rank 3 (Tomasi and Kanade, 1992;
fitted by alternating least squares here, since not every shot shows every keypoint).
"""

from __future__ import annotations

import numpy as np

TOLERANCE = 0.02  # of the box's longer side: clicks, and the perspective of near objects
LEAST_FREEDOM = 2  # degrees of freedom, by which the layouts could contradict
STEPS = 60
RIDGE = 1e-6  # for what the layouts leave open, such as the depth of a flat object


def differ_by_view(points: np.ndarray, known: np.ndarray) -> bool:
    """Whether layouts differ, and a change of the view explains it. points: [S, K, 2] in parts of
    the longer side of each box. known: [S, K] bool."""
    return rigid_residual(points, known) <= TOLERANCE < difference(points, known)


def rigid_residual(points: np.ndarray, known: np.ndarray) -> float:
    """Standard deviation of coordinates [S, K, 2] from those of a rigid object; inf if too few are
    known [S, K] to tell."""
    shared = known.sum(axis=0) > 1
    points, known = points[:, shared], known[:, shared]
    shots, count = known.shape
    freedom = 2 * known.sum() - 8 * shots - 3 * count + 12
    if shots < 2 or freedom < LEAST_FREEDOM:
        return float("inf")
    weight = known.astype(float)
    points = np.where(known[..., None], points, 0.0)
    middle = points.sum(axis=1) / weight.sum(axis=1).clip(1)[:, None]
    flat = (points - middle[:, None]) * weight[..., None]
    # Rows of the object: x, y and z of its points in some affine frame, and 1.
    shape = np.ones((count, 4))
    shape[:, :3] = np.linalg.svd(flat.transpose(0, 2, 1).reshape(-1, count))[2][:3].T
    for _ in range(STEPS):
        normal = np.einsum("sk,ki,kj->sij", weight, shape, shape) + RIDGE * np.eye(4)
        cameras = np.linalg.solve(normal, np.einsum("sk,ki,skc->sic", weight, shape, points))
        axes, place = cameras[:, :3], cameras[:, 3]
        normal = np.einsum("sk,sic,sjc->kij", weight, axes, axes) + RIDGE * np.eye(3)
        right = np.einsum("sk,sic,skc->ki", weight, axes, points - place[:, None])
        shape[:, :3] = np.linalg.solve(normal, right[..., None])[..., 0]
    left = (points - np.einsum("ki,sic->skc", shape, cameras)) * weight[..., None]
    return float(np.sqrt((left**2).sum() / freedom))


def difference(points: np.ndarray, known: np.ndarray) -> float:
    """Standard deviation of a layout [K, 2] from the most similar other one, which may be rotated,
    scaled and shifted; the mean over those that share three known points with another, else 0."""
    nearest = []
    for one in range(len(points)):
        away = [
            _apart(*points[[one, other]][:, shared])
            for other in range(len(points))
            if other != one and (shared := known[one] & known[other]).sum() > 2
        ]
        nearest += [min(away)] if away else []
    return float(np.mean(nearest)) if nearest else 0.0


def _apart(layout: np.ndarray, other: np.ndarray) -> float:
    """Of layouts [N, 2], N > 2."""
    one, two = ((each - each.mean(axis=0)) @ (1, 1j) for each in (layout, other))
    scale = two.conj() @ one / max(np.linalg.norm(two) ** 2, RIDGE)
    return float(np.linalg.norm(one - scale * two) / np.sqrt(2 * len(one) - 4))
