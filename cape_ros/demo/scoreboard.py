"""Matches sent frames with results, and computes latency, completeness and accuracy."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cape_ros.media.truth import PCK_AT, Truth, pairs


@dataclass(frozen=True, eq=False)
class Detection:
    """An object of the scene in a result. keypoints: [K, 2] pixels. scores, visibility: [K].

    names: of the keypoints. box: (x, y, width, height) in pixels. track_id: -1 = not tracked.
    predicted: it was not seen, but placed by its motion.
    """

    names: Sequence[str]
    version: int
    track_id: int
    score: float
    box: tuple[int, int, int, int]
    keypoints: np.ndarray
    scores: np.ndarray
    visibility: np.ndarray
    predicted: bool = False

    @property
    def reported(self) -> bool:
        """Whether it was seen in this frame."""
        return self.track_id >= 0 and not self.predicted


@dataclass(frozen=True, eq=False)
class Match:
    """An object of a frame and what was found of it; either may be None.

    which: the index of the truth in its frame, the same object in every frame of a scene.
    """

    which: int
    truth: Truth | None
    detection: Detection | None

    @property
    def errors(self) -> np.ndarray | None:
        """[K] pixels, NaN where the truth is not visible; None if the object was not reported."""
        if self.truth is None or self.detection is None:
            return None
        return self.truth.errors(self.detection.keypoints)


@dataclass(eq=False)
class Entry:
    """One frame. stamp: of its header, in nanoseconds. index: None = sent before the object was
    registered, not counted. truths: each object, in the same order in every frame of the scene.
    latency: seconds from its stamp to its result; None = no answer. detections: the scene's objects
    in the result."""

    stamp: int
    scene: str
    index: int | None
    truths: tuple[Truth, ...] = ()
    latency: float | None = None
    detections: tuple[Detection, ...] = ()

    @property
    def reported(self) -> Sequence[Detection]:
        """The objects that were found."""
        return [one for one in self.detections if one.reported]

    def matches(self) -> list[Match]:
        """Each visible truth with the report that fits it best, one to one; then the reports that
        are left."""
        truths, reports = dict(enumerate(self.truths)), list(self.reported)
        found = pairs(truths, [one.keypoints for one in reports])
        matches = [
            Match(which, truth, reports[found[which]] if which in found else None)
            for which, truth in truths.items()
            if truth.visible.any()
        ]
        left = [one for at, one in enumerate(reports) if at not in found.values()]
        return matches + [Match(-1, None, one) for one in left]


class Scoreboard:
    """Every frame by its stamp. Any thread may write."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._lock = threading.Lock()

    def sent(self, entry: Entry) -> None:
        with self._lock:
            self._entries[entry.stamp] = entry

    def answered(
        self, stamp: int, latency: float, detections: tuple[Detection, ...]
    ) -> Entry | None:
        """The entry that a result belongs to, None if that frame is not of this demo."""
        with self._lock:
            entry = self._entries.get(stamp)
            if entry is not None:
                entry.latency, entry.detections = latency, detections
            return entry

    def find(self, stamp: int) -> Entry | None:
        with self._lock:
            return self._entries.get(stamp)

    def any_answer(self) -> bool:
        with self._lock:
            return any(entry.latency is not None for entry in self._entries.values())

    def counted(self, scene: str | None = None) -> list[Entry]:
        """The frames of a scene that count, in the order they were sent; of all scenes if None."""
        with self._lock:
            return [
                entry
                for entry in self._entries.values()
                if entry.index is not None and scene in (None, entry.scene)
            ]


@dataclass(frozen=True)
class Figures:
    """The figures of one scene or of all; None where nothing can be computed. `LEGEND` says what
    each of them includes."""

    frames_sent: int
    frames_answered: int
    frames_dropped: int
    frames_reported: int
    frames_per_second: float | None = None
    latency_median_ms: float | None = None
    latency_p95_ms: float | None = None
    error_median_px: float | None = None
    pck: float | None = None
    right_share: float | None = None
    identity_switches: int | None = None

    @classmethod
    def of(cls, entries: Sequence[Entry], rate: float) -> Figures:
        """rate: at which the frames were meant to be sent, in frames/s."""
        answers = [entry for entry in entries if entry.latency is not None]
        latencies = np.array([entry.latency for entry in answers], float) * 1e3
        tally = _Tally()
        for entry in answers:
            tally.add(entry)
        errors = np.concatenate(tally.errors) if tally.errors else np.empty(0)
        return cls(
            frames_sent=len(entries),
            frames_answered=len(answers),
            frames_dropped=len(entries) - len(answers),
            frames_reported=sum(bool(entry.reported) for entry in answers),
            frames_per_second=len(answers) / _seconds(entries, rate) if entries else None,
            latency_median_ms=float(np.median(latencies)) if answers else None,
            latency_p95_ms=float(np.percentile(latencies, 95)) if answers else None,
            error_median_px=float(np.median(errors)) if errors.size else None,
            pck=tally.right / errors.size if errors.size else None,
            right_share=tally.right / tally.visible if tally.visible else None,
            identity_switches=tally.switches if tally.visible else None,
        )


LEGEND = {
    "frames_sent": "frames sent once the object was registered",
    "frames_answered": "frames that a result came back for",
    "frames_dropped": "sent - answered; a busy node takes the newest frame and leaves older ones",
    "frames_reported": "answered frames in which an object was seen, not only predicted",
    "frames_per_second": "answered frames a second",
    "latency_median_ms": "from publishing a frame to receiving its result, one clock",
    "latency_p95_ms": "95 of 100 results came at least this soon",
    "error_median_px": "over the truly visible points of reported frames, trusted or not",
    "pck": f"share of those points nearer to the truth than {PCK_AT} of the object's longer side",
    "right_share": "the same over all answered frames: a lost object's points count as wrong",
    "identity_switches": "times that an object was reported with another track_id than before",
}


@dataclass
class _Tally:
    """Truly visible points: how many there were, how many of them were found right."""

    errors: list[np.ndarray] = field(default_factory=list)
    right: int = 0
    visible: int = 0
    switches: int = 0
    _tracks: dict[tuple[str, int], int] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        for match in entry.matches():
            if match.truth is None:
                continue
            self.visible += int(match.truth.visible.sum())
            if match.detection is None or (errors := match.errors) is None:
                continue
            seen = errors[match.truth.visible]
            self.errors.append(seen)
            self.right += int((seen < PCK_AT * match.truth.size).sum())
            track, object_ = match.detection.track_id, (entry.scene, match.which)
            self.switches += self._tracks.setdefault(object_, track) != track
            self._tracks[object_] = track


def _seconds(entries: Sequence[Entry], rate: float) -> float:
    """Seconds in which the entries were sent; the pauses between scenes do not count."""
    total = 0.0
    for scene in {entry.scene for entry in entries}:
        stamps = [entry.stamp for entry in entries if entry.scene == scene]
        total += (stamps[-1] - stamps[0]) / 1e9 + 1 / rate
    return total
