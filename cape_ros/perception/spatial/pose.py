"""The pose of an object of known shape, from its keypoints with and without depth."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from cape_ros.perception.spatial import candidates, rigid
from cape_ros.perception.spatial.evidence import OUTLIER, Evidence
from cape_ros.perception.spatial.lifting import LiftedKeypoints
from cape_ros.perception.spatial.shape import Shape

WITH_DEPTH, WITHOUT = 3, 4  # keypoints at least
NARROW = 0.1  # of its length: a narrower shape is a line
AGREEING = 0.5  # of the keypoints, at least
VAGUE = 0.6  # [rad] standard deviation of an orientation that says nothing
ALIKE = 1.3, 4.0  # factor of and addition to a cost: then another pose fits as well
DIFFERENT = 0.2  # [rad] between two poses that are not the same
MOST_ALIKE = 4  # orders that are compared
POSES = 240  # to begin with, over all orders


class PoseRefusal(Enum):
    """Why an object has no pose; the value is the reason in words."""

    NO_SHAPE = "the category has no shape: register it with depth or with keypoints_3d"
    NO_SCALE = "the shape of the category has no scale: show it to a depth camera once"
    TOO_FEW_KEYPOINTS = "fewer than 3 keypoints have depth, and fewer than 4 are trusted"
    ON_A_LINE = "the trusted keypoints lie on one line"
    TOO_FEW_INLIERS = "too few keypoints agree on a pose"
    NOT_DETERMINED = "the trusted keypoints do not determine the orientation"


@dataclass(frozen=True, eq=False)
class PoseEstimate:
    """The pose of an object in the camera's optical frame, or why there is none.

    inliers: [K] bool, the seen keypoints that agree with the pose. order: [K], the seen keypoint
    that each one of the shape is: differs from 0 .. K-1 where a symmetric object was seen so.
    ambiguous: another pose, tilted the other way, fits as well and nothing decided between them;
    the covariance covers both.
    """

    pose: rigid.Pose | None
    refusal: PoseRefusal | None
    inliers: np.ndarray
    order: np.ndarray
    ambiguous: bool = False


@dataclass(frozen=True, eq=False)
class _Hypothesis:
    cost: float
    rotation: np.ndarray
    translation: np.ndarray
    order: np.ndarray
    evidence: Evidence

    def refined(self) -> tuple[_Hypothesis, rigid.Pose]:
        pose = self.evidence.refine(self.rotation, self.translation)
        cost = float(self.evidence.costs(pose.rotation[None], pose.translation[None])[0])
        return _Hypothesis(cost, pose.rotation, pose.translation, self.order, self.evidence), pose


def estimate_pose(
    shape: Shape | None,
    seen: LiftedKeypoints,
    orders: np.ndarray | None = None,
    previous: rigid.Pose | None = None,
) -> PoseEstimate:
    """Where the shape's frame lies in the camera's optical frame.

    A rigid fit where at least three keypoints have depth, else perspective-n-point; keypoints
    without depth count by their rays in both.

    orders: [P, K] of `symmetries.orders`; None = no symmetry. previous: the object's pose a moment
    ago, in the same frame; decides between poses that fit alike.
    """
    count = len(seen.states)
    nobody, same = np.zeros(count, bool), np.arange(count)
    if shape is None or not shape.known.any():
        return PoseEstimate(None, PoseRefusal.NO_SHAPE, nobody, same)
    if not shape.metric:
        return PoseEstimate(None, PoseRefusal.NO_SCALE, nobody, same)
    hypotheses, refusal = [], PoseRefusal.TOO_FEW_KEYPOINTS
    each = same[None] if orders is None else orders
    for order in each:
        usable = np.flatnonzero(shape.known & seen.trusted[order])
        evidence = Evidence.of(shape, seen, np.column_stack((usable, order[usable])))
        found = _hypothesis(evidence, order, max(candidates.FEWEST_TRIPLES, POSES // len(each)))
        if isinstance(found, PoseRefusal):
            refusal = found
        else:
            hypotheses.append(found)
    if not hypotheses:
        return PoseEstimate(None, refusal, nobody, same)
    hypotheses = _alike(hypotheses)
    if previous is not None:
        hypotheses.sort(key=lambda one: rigid.angle_between(one.rotation, previous.rotation))
    refined = [one.refined() for one in hypotheses[:MOST_ALIKE]]
    refitted = [one for one, _ in refined]
    best = min(refitted, key=lambda one: one.cost)
    chosen = best if previous is None else _alike(refitted)[0]
    pose = next(pose for one, pose in refined if one is chosen)
    chosen, pose, other = _other_side(chosen, pose, previous)
    return _judged(chosen, pose, other, count)


def _hypothesis(evidence: Evidence, order: np.ndarray, most: int) -> _Hypothesis | PoseRefusal:
    if evidence.measured.sum() >= WITH_DEPTH:
        begin = evidence.part(evidence.measured)
    elif len(evidence.shape) >= WITHOUT:
        begin = evidence
    else:
        return PoseRefusal.TOO_FEW_KEYPOINTS
    if _on_a_line(begin.shape):
        return PoseRefusal.ON_A_LINE
    if begin is evidence and not evidence.measured.all():
        rotations, translations = candidates.from_rays(begin, most)
    else:
        rotations, translations = candidates.from_depth(begin, most)
    costs = evidence.costs(rotations, translations)
    if not np.isfinite(costs).any():
        return PoseRefusal.TOO_FEW_INLIERS
    best = int(costs.argmin())
    return _Hypothesis(float(costs[best]), rotations[best], translations[best], order, evidence)


def _alike(hypotheses: list[_Hypothesis]) -> list[_Hypothesis]:
    """Those that fit about as well as the best one, in the order given."""
    factor, addition = ALIKE
    least = min(one.cost for one in hypotheses)
    return [one for one in hypotheses if one.cost <= factor * least + addition]


def _on_a_line(points: np.ndarray) -> bool:
    length, width, _ = rigid.thickness(points)
    return bool(width <= NARROW * length)


def _other_side(
    chosen: _Hypothesis, pose: rigid.Pose, previous: rigid.Pose | None
) -> tuple[_Hypothesis, rigid.Pose, rigid.Pose | None]:
    """The better of a pose and its tilted counterpart, and the other one if it fits as well."""
    evidence = chosen.evidence
    if evidence.measured.sum() >= WITH_DEPTH:
        return chosen, pose, None
    (rotation,), (translation,) = candidates.tilted_back(evidence, pose)
    flipped = _Hypothesis(np.inf, rotation, translation, chosen.order, evidence)
    flipped, second = flipped.refined()
    same = rigid.angle_between(pose.rotation, second.rotation) < DIFFERENT
    if same or not np.isfinite(flipped.cost):
        return chosen, pose, None
    ranked = sorted([(chosen, pose), (flipped, second)], key=lambda one: one[0].cost)
    if len(_alike([chosen, flipped])) == 1:
        return *ranked[0], None
    if previous is None:
        return *ranked[0], ranked[1][1]
    ranked.sort(key=lambda one: rigid.angle_between(one[1].rotation, previous.rotation))
    return *ranked[0], None


def _judged(
    chosen: _Hypothesis, pose: rigid.Pose, other: rigid.Pose | None, count: int
) -> PoseEstimate:
    evidence, order = chosen.evidence, chosen.order
    errors = evidence.errors(pose.rotation[None], pose.translation[None])[0]
    agree = errors < OUTLIER
    inliers = np.zeros(count, bool)
    inliers[evidence.keypoints[agree]] = True
    fewest = WITH_DEPTH if evidence.measured[agree].sum() >= WITH_DEPTH else WITHOUT
    refusal = None
    if agree.sum() < max(fewest, AGREEING * len(agree)):
        refusal = PoseRefusal.TOO_FEW_INLIERS
    elif _on_a_line(evidence.shape[agree]):
        refusal = PoseRefusal.ON_A_LINE
    elif not np.trace(pose.covariance[3:, 3:]) < VAGUE**2:
        refusal = PoseRefusal.NOT_DETERMINED
    if refusal is not None:
        return PoseEstimate(None, refusal, inliers, order)
    freedom = (np.where(evidence.measured, 3, 2)[agree]).sum() - 6
    excess = max(1.0, float(errors[agree].sum()) / max(int(freedom), 1))
    covariance = pose.covariance * excess
    if other is not None:
        apart = rigid.vector_of(other.rotation @ pose.rotation.T)
        apart = np.concatenate((other.translation - pose.translation, apart))
        covariance = covariance + np.outer(apart, apart)
    final = rigid.Pose(pose.rotation, pose.translation, covariance)
    return PoseEstimate(final, None, inliers, order, other is not None)
