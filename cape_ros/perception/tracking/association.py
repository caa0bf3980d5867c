"""Which measurement belongs to which track."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from cape_ros.perception.symmetries import orders
from cape_ros.perception.tracking.appearance import UNKNOWN
from cape_ros.perception.tracking.track import Measurement, Track

SAME_PLACE = 0.12  # of the size: two points that are closer lie on the same part
SHARED = 0.6  # of the points that lie on the same parts: then it is the same object
IMPOSSIBLE = 1e6


def distances(tracks: Sequence[Track], found: Sequence[Measurement]) -> np.ndarray:
    """[T, M]: how far each measurement's points lie from where each track expects them, in sizes.

    The mean over the keypoints, by how much both trust them, in the best order that the symmetries
    of the category allow. All are of one category.
    """
    if not tracks or not found:
        return np.zeros((len(tracks), len(found)))
    expected = np.stack([track.points for track in tracks])
    trust = np.stack([track.newest.trusted for track in tracks])
    points = np.stack([each.object.keypoints for each in found])
    matches = np.stack([each.object.matches for each in found])
    category = tracks[0].category
    among = orders(points.shape[1], category.symmetries)
    size = np.maximum.outer([track.newest.size for track in tracks], [each.size for each in found])
    best = np.full((len(tracks), len(found)), np.inf)
    for order in among:
        away = np.linalg.norm(expected[:, None] - points[:, order][None], axis=-1)
        weights = (0.1 + trust[:, None]) * (0.1 + matches[:, order][None])
        best = np.minimum(best, (away * weights).sum(axis=-1) / weights.sum(axis=-1))
    return best / size


def differences(tracks: Sequence[Track], found: Sequence[Measurement]) -> np.ndarray:
    """[T, M]: how different each measurement looks from each track, in [0, 1].

    All are of one category. Where its keypoints can be exchanged, so can their colours: then all
    are equally different.
    """
    if tracks and tracks[0].category.symmetries:
        return np.full((len(tracks), len(found)), UNKNOWN)
    each = [[track.appearance.difference(one.appearance) for one in found] for track in tracks]
    return np.array(each, np.float64).reshape(len(tracks), len(found))


def assign(costs: np.ndarray) -> list[tuple[int, int]]:
    """The pairs (row, column) with the least total of costs [T, M]; an infinite cost is no pair."""
    if not costs.size:
        return []
    bounded = np.minimum(np.nan_to_num(costs, nan=IMPOSSIBLE, posinf=IMPOSSIBLE), IMPOSSIBLE)
    rows, columns = linear_sum_assignment(bounded)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if bounded[row, column] < IMPOSSIBLE]


def same_object(one: Measurement, other: Measurement) -> bool:
    """Whether two predictions of one category show the same object: most of the points that one of
    them trusts lie where the other has some."""
    reach = SAME_PLACE * max(one.size, other.size)
    first, second = (each.object.keypoints[each.trusted] for each in (one, other))
    near = np.linalg.norm(first[:, None] - second[None], axis=-1) < reach
    return bool(max(near.any(axis=1).mean(), near.any(axis=0).mean()) > SHARED)


def distinct(found: Sequence[Measurement]) -> list[list[int]]:
    """Groups of measurements that show the same object, the best first, also in each."""
    groups: list[list[int]] = []
    for at in sorted(range(len(found)), key=lambda at: -found[at].object.score):
        for group in groups:
            if same_object(found[group[0]], found[at]):
                group.append(at)
                break
        else:
            groups.append([at])
    return groups
