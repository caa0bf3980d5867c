"""Error and jitter of the predictions on a video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cape_ros.media.truth import PCK_AT, Truth

STILL = 0.5  # pixels: a point that moves less from one evaluated frame to the next stands still


@dataclass(frozen=True, eq=False)
class Observation:
    """One object in one frame.

    track: whose answers are compared from frame to frame. predicted: [K, 2] pixels, scores: [K].
    reported: the object was reported (always, where the box is given).
    """

    frame: int
    track: int
    truth: Truth
    predicted: np.ndarray
    scores: np.ndarray
    reported: bool = True

    @property
    def errors(self) -> np.ndarray:
        """[K] pixels, NaN where the truth is not known."""
        return self.truth.errors(self.predicted)


@dataclass(frozen=True, eq=False)
class VideoFigures:
    """registered: in a sentence, what was. reference: where the truth comes from."""

    names: Sequence[str]
    registered: str
    reference: str
    given_box: bool
    observations: Sequence[Observation] = field(repr=False)

    def facts(self) -> dict[str, Any]:
        """What the JSON file holds; None where there is nothing to take a figure of."""
        seen = [one for one in self.observations if one.reported]
        motions = np.concatenate([np.empty(0), *(motion for _, motion in self._jitter(seen))])
        return {
            "registered": self.registered,
            "reference": self.reference,
            "box": "given" if self.given_box else "searched and followed",
            "objects": len(self.observations),
            "reported": len(seen),
            **_accuracy(seen),
            "by_track": {
                str(track): _accuracy([one for one in seen if one.track == track])
                for track in sorted({one.track for one in seen})
            },
            "object_size_px": _median(np.array([one.truth.size for one in seen])),
            "jitter": {
                "still_below_px": STILL,
                "points": len(motions),
                "median_px": _median(motions),
                "p95_px": float(np.percentile(motions, 95)) if len(motions) else None,
            },
            "error_median_px_by_keypoint": {
                name: _median(_known([one.errors[index : index + 1] for one in seen]))
                for index, name in enumerate(self.names)
            },
        }

    def _jitter(self, seen: Sequence[Observation]) -> Iterator[tuple[int, np.ndarray]]:
        """(frame, how far the answers for points that stand still moved since the last one)."""
        last: dict[int, Observation] = {}
        for one in seen:
            before = last.get(one.track)
            last[one.track] = one
            if before is None:
                continue
            still = np.linalg.norm(one.truth.keypoints - before.truth.keypoints, axis=1) < STILL
            yield one.frame, np.linalg.norm(one.predicted - before.predicted, axis=1)[still]


def _accuracy(seen: Sequence[Observation]) -> dict[str, Any]:
    errors = _known([one.errors for one in seen])
    relative = _known([one.errors / one.truth.size for one in seen])
    return {
        "points": len(errors),
        "error_median_px": _median(errors),
        f"pck@{PCK_AT}": float((relative < PCK_AT).mean()) if len(relative) else None,
    }


def _known(values: Sequence[np.ndarray]) -> np.ndarray:
    joined = np.concatenate([np.empty(0), *values])
    known: np.ndarray = joined[np.isfinite(joined)]
    return known


def _median(values: np.ndarray) -> float | None:
    return float(np.median(values)) if len(values) else None
