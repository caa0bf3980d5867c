"""A shape from images alone: shots of one still object from several sides, without scale."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from cape_ros.perception.spatial import rigid
from cape_ros.perception.spatial.shape import Shape

FEWEST = 6  # keypoints that two shots share
DEVIATION = 0.01  # of the object's size: a person's keypoints
LEAST_TURN = 0.1  # [rad] between two shots of a pair to begin with
VAGUE = 0.15  # of the shape's size: standard deviation of the median keypoint
MOST_SHOTS = 12  # that are used, of all sides: the time grows with their cube
STARTS = 10  # pairs of shots to begin with
ADJUSTED = 3  # of these, the best
STEPS = 40
CONVERGED = 1e-6  # of the cost, by which a last step lowers it
PRIOR = 1e-6  # holds what no image says: the place, the turn and the scale of all together


def shape_from_motion(rays: list[np.ndarray]) -> Shape | None:
    """Of keypoints in at least two shots; None if the shots do not determine it.

    rays: [K, 2] x / z and y / z in each shot's optical frame, NaN = not visible. Its frame lies in
    the middle of the keypoints, parallel to the first shot of the best pair; its unit is its own
    size, the root of the mean squared distance from the middle.

    Starts with the essential matrix of each pair; then a bundle adjustment of all shots, or of
    `MOST_SHOTS` that are evenly spread.
    """
    if len(rays) > MOST_SHOTS:
        rays = [rays[at] for at in np.linspace(0, len(rays) - 1, MOST_SHOTS).astype(int)]
    pairs = itertools.combinations(range(len(rays)), 2)
    begun = (start for pair in pairs if (start := _of_pair(rays, *pair)) is not None)
    starts = [_with_others(rays, *start) for start in itertools.islice(begun, STARTS)]
    starts.sort(key=lambda start: _mean_error(rays, *start))
    bundles = [_bundle(rays, *start) for start in starts[:ADJUSTED]]
    solved = [found for found in bundles if found is not None]
    if not solved:
        return None
    points, variances, _ = min(solved, key=lambda one: one[2])
    known = np.isfinite(points).all(axis=1)
    middle = points[known].mean(axis=0)
    size = float(np.sqrt(((points[known] - middle) ** 2).sum(axis=1).mean()))
    if np.sqrt(np.median(variances[known])) > VAGUE * size:
        return None
    return Shape((points - middle) / size, variances / size**2, metric=False)


Poses = dict[int, tuple[np.ndarray, np.ndarray]]  # rotation and translation by shot
Start = tuple[np.ndarray, Poses]  # points


def _of_pair(rays: list[np.ndarray], first: int, second: int) -> Start | None:
    seen = np.isfinite(rays[first] + rays[second]).all(axis=1)
    if seen.sum() < FEWEST:
        return None
    one, other = rays[first][seen], rays[second][seen]
    within = 2 * DEVIATION * float(np.ptp(one, axis=0).max())
    essential, _ = cv2.findEssentialMat(
        one, other, np.eye(3), method=cv2.RANSAC, prob=0.999, threshold=within
    )
    if essential is None or essential.shape != (3, 3):
        return None
    _, rotation, shift, _ = cv2.recoverPose(essential, one, other, np.eye(3))
    if rigid.angle_between(rotation, np.eye(3)) < LEAST_TURN:
        return None
    views = np.hstack((np.eye(3), np.zeros((3, 1)))), np.hstack((rotation, shift))
    homogeneous = cv2.triangulatePoints(*views, one.T, other.T)
    points = np.full((len(seen), 3), np.nan)
    points[seen] = (homogeneous[:3] / homogeneous[3]).T
    if not (np.isfinite(points[seen]).all() and (points[seen, 2] > 0).all()):
        return None
    return points, {first: (np.eye(3), np.zeros(3)), second: (rotation, shift[:, 0])}


def _with_others(rays: list[np.ndarray], points: np.ndarray, poses: Poses) -> Start:
    """With the poses of the other shots, by the points of the pair."""
    poses = dict(poses)
    for shot, seen in enumerate(rays):
        known = np.isfinite(points).all(axis=1) & np.isfinite(seen).all(axis=1)
        if shot not in poses and known.sum() >= FEWEST:
            good, turn, shift = cv2.solvePnP(
                points[known], seen[known], np.eye(3), None, flags=cv2.SOLVEPNP_SQPNP
            )
            if good:
                poses[shot] = rigid.rotation_of(turn), shift[:, 0]
    return points, poses


def _mean_error(rays: list[np.ndarray], points: np.ndarray, poses: Poses) -> float:
    """Squared, in `DEVIATION`."""
    used = np.isfinite(points).all(axis=1)
    _, errors = _linear([rays[shot][used] for shot in poses], points[used], list(poses.values()))
    return float((errors**2).mean())


def _bundle(
    rays: list[np.ndarray], points: np.ndarray, poses: Poses
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Points [K, 3], their variances [K], and the mean squared error in `DEVIATION`."""
    used = np.flatnonzero(np.isfinite(points).all(axis=1))
    shots = list(poses)
    seen_by = [rays[shot][used] for shot in shots]
    local, posed = points[used], [poses[shot] for shot in shots]
    rows, errors = _linear(seen_by, local, posed)
    damping, cost = 1e-3, float(errors @ errors)
    for _ in range(STEPS):
        normal = rows.T @ rows
        held = normal + damping * np.diag(np.diag(normal) + PRIOR)
        change = -np.linalg.solve(held, rows.T @ errors)
        turns = change[: 6 * len(shots)].reshape(-1, 6)
        moved = local + change[6 * len(shots) :].reshape(-1, 3)
        turned = [
            (rigid.rotation_of(step[3:]) @ rotation, shift + step[:3])
            for step, (rotation, shift) in zip(turns, posed, strict=True)
        ]
        new_rows, new_errors = _linear(seen_by, moved, turned)
        new_cost = float(new_errors @ new_errors)
        if not new_cost < cost:
            damping *= 10
            continue
        done = cost - new_cost < CONVERGED * cost
        local, posed, rows, errors, cost = moved, turned, new_rows, new_errors, new_cost
        damping /= 5
        if done:
            break
    freedom = len(errors) - 6 * len(shots) - 3 * len(used) + 7
    if freedom < 1 or not np.isfinite(cost):
        return None
    spread = np.linalg.pinv(rows.T @ rows, rcond=1e-10, hermitian=True) * max(1.0, cost / freedom)
    each = np.diag(spread)[6 * len(shots) :].reshape(-1, 3).mean(axis=1)
    found, variances = np.full(points.shape, np.nan), np.full(len(points), np.inf)
    found[used], variances[used] = local, each
    return found, variances, cost / freedom


def _linear(
    rays: list[np.ndarray], points: np.ndarray, poses: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows [M, 6 V + 3 K] and errors [M] in standard deviations."""
    visible = [np.flatnonzero(np.isfinite(seen).all(axis=1)) for seen in rays]
    rows = np.zeros((sum(map(len, visible)), 2, 6 * len(rays) + 3 * len(points)))
    errors, done = [], 0
    for shot, (seen, (rotation, shift)) in enumerate(zip(rays, poses, strict=True)):
        arms = points @ rotation.T
        placed = arms + shift
        depth = np.maximum(placed[:, 2:], 1e-3)
        flat = placed[:, :2] / depth
        size = float(np.nanmax(np.nanmax(seen, axis=0) - np.nanmin(seen, axis=0)))
        onto = np.zeros((len(points), 2, 3))
        onto[:, (0, 1), (0, 1)] = 1.0
        onto[:, :, 2] = -flat
        onto /= depth[:, :, None] * DEVIATION * size
        which = visible[shot]
        own = rows[done : done + len(which)]
        own[:, :, 6 * shot : 6 * shot + 6] = (onto @ rigid.jacobian(arms))[which]
        columns = 6 * len(rays) + 3 * which[:, None] + np.arange(3)
        np.put_along_axis(own, np.repeat(columns[:, None], 2, axis=1), (onto @ rotation)[which], 2)
        errors.append((flat - seen)[which].ravel() / (DEVIATION * size))
        done += len(which)
    return rows.reshape(-1, rows.shape[2]), np.concatenate(errors)
