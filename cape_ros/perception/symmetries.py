"""Interchangeable keypoints: every order of them that leaves the object as it is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

MOST_ORDERS = 64


def orders(count: int, symmetries: Sequence[Sequence[int]]) -> np.ndarray:
    """Orders [P, K] of `count` keypoints: the identity, then what the symmetries make together.

    symmetries: permutations of the K indices, as a `Category` has them. Of a group with more than
    `MOST_ORDERS` elements, those of the fewest steps.
    """
    return _closure(count, tuple(map(tuple, symmetries)))


@lru_cache(maxsize=256)
def _closure(count: int, generators: tuple[tuple[int, ...], ...]) -> np.ndarray:
    known = dict.fromkeys([tuple(range(count))])
    fresh = list(known)
    while fresh and len(known) < MOST_ORDERS:
        made = [tuple(order[at] for at in step) for order in fresh for step in generators]
        fresh = [order for order in dict.fromkeys(made) if order not in known]
        fresh = fresh[: MOST_ORDERS - len(known)]
        known.update(dict.fromkeys(fresh))
    closed = np.array(list(known), np.intp)
    closed.setflags(write=False)
    return closed


def nearest_order(
    points: np.ndarray, target: np.ndarray, among: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The order [K] in which points [K, 2] lie nearest to the target [K, 2]; the first of equals.

    among: [P, K], from `orders`. weights: [K] of the target's points; 0 where it is not known.
    """
    weighed = weights > 0
    away = np.linalg.norm(points[among][:, weighed] - target[weighed], axis=-1)
    best: np.ndarray = among[int((away @ weights[weighed]).argmin())]
    return best
