"""Matches sent frames with results, and computes latency, completeness and accuracy."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cape_ros.media.truth import PCK_AT, Truth, nearest


@dataclass(frozen=True, eq=False)
class Detection:
    """The scene's object in a result. keypoints: [K, 2] pixels. scores, visibility: [K].

    names: of the keypoints. box: (x, y, width, height) in pixels. track_id: -1 = the object was not
    found.
    """

    names: Sequence[str]
    version: int
    track_id: int
    score: float
    box: tuple[int, int, int, int]
    keypoints: np.ndarray
    scores: np.ndarray
    visibility: np.ndarray

    @property
    def reported(self) -> bool:
        return self.track_id >= 0


@dataclass(eq=False)
class Entry:
    """One frame. stamp: of its header, in nanoseconds. index: None = sent before the object was
    registered, not counted. latency: seconds from its stamp to its result; None = no answer.
    detection: None = the result does not contain the object."""

    stamp: int
    scene: str
    index: int | None
    truths: tuple[Truth, ...] = ()
    latency: float | None = None
    detection: Detection | None = None

    @property
    def truth(self) -> Truth | None:
        """The truth of the object that the detection fits best; of any without a detection."""
        if self.detection is None:
            return next((truth for truth in self.truths if truth.visible.any()), None)
        return nearest(self.truths, self.detection.keypoints)

    @property
    def errors(self) -> np.ndarray | None:
        """[K] pixels, NaN where the truth is not visible; None if the object was not reported."""
        if self.truth is None or self.detection is None or not self.detection.reported:
            return None
        return self.truth.errors(self.detection.keypoints)


class Scoreboard:
    """Every frame by its stamp. Any thread may write."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._lock = threading.Lock()

    def sent(self, entry: Entry) -> None:
        with self._lock:
            self._entries[entry.stamp] = entry

    def answered(self, stamp: int, latency: float, detection: Detection | None) -> Entry | None:
        """The entry that a result belongs to, None if that frame is not of this demo."""
        with self._lock:
            entry = self._entries.get(stamp)
            if entry is not None:
                entry.latency, entry.detection = latency, detection
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
            frames_reported=sum(
                entry.detection is not None and entry.detection.reported for entry in answers
            ),
            frames_per_second=len(answers) / _seconds(entries, rate) if entries else None,
            latency_median_ms=float(np.median(latencies)) if answers else None,
            latency_p95_ms=float(np.percentile(latencies, 95)) if answers else None,
            error_median_px=float(np.median(errors)) if errors.size else None,
            pck=tally.right / errors.size if errors.size else None,
            right_share=tally.right / tally.visible if tally.visible else None,
        )


LEGEND = {
    "frames_sent": "frames sent once the object was registered",
    "frames_answered": "frames that a result came back for",
    "frames_dropped": "sent - answered; a busy node takes the newest frame and leaves older ones",
    "frames_reported": "answered frames in which the object was reported (track_id >= 0)",
    "frames_per_second": "answered frames a second",
    "latency_median_ms": "from publishing a frame to receiving its result, one clock",
    "latency_p95_ms": "95 of 100 results came at least this soon",
    "error_median_px": "over the truly visible points of reported frames, trusted or not",
    "pck": f"share of those points nearer to the truth than {PCK_AT} of the object's longer side",
    "right_share": "the same over all answered frames: a lost object's points count as wrong",
}


@dataclass
class _Tally:
    """Truly visible points: how many there were, how many of them were found right."""

    errors: list[np.ndarray] = field(default_factory=list)
    right: int = 0
    visible: int = 0

    def add(self, entry: Entry) -> None:
        if (truth := entry.truth) is None:
            return
        self.visible += int(truth.visible.sum())
        if (errors := entry.errors) is not None:
            seen = errors[truth.visible]
            self.errors.append(seen)
            self.right += int((seen < PCK_AT * truth.size).sum())


def _seconds(entries: Sequence[Entry], rate: float) -> float:
    """Seconds in which the entries were sent; the pauses between scenes do not count."""
    total = 0.0
    for scene in {entry.scene for entry in entries}:
        stamps = [entry.stamp for entry in entries if entry.scene == scene]
        total += (stamps[-1] - stamps[0]) / 1e9 + 1 / rate
    return total
