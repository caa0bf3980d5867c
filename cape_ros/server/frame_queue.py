"""Newest-frame queue per camera, with a count for every outcome."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.core.throttled_log import ThrottledLog
from cape_ros.perception.category import Category
from cape_ros.perception.inference.timing import Timing
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest
from cape_ros.perception.tracking import Tracker
from cape_ros.server.model_thread import ModelThread
from cape_ros.server.pacing import FramePacer
from cape_ros.server.statistics import Outcome, Statistics, Tally, kinds

logger = logging.getLogger(__name__)
STOPPED = 3.0  # [s] without a frame: no search holds that camera up


@dataclass(frozen=True)
class Frame:
    """One image of a camera, HxWx3 uint8 RGB, and the header that its transport gave it.

    requests: what to find and where; None = every active category, wherever it is. Those for
        registered categories that are not active on this camera are left out.
    received: by `time.monotonic`. stamp: [s] when the image was taken, by any clock; without it,
        when it was received.
    """

    camera: str
    image: np.ndarray
    header: Any = None
    requests: Sequence[ObjectRequest] | None = None
    received: float = field(default_factory=time.monotonic)
    stamp: float = math.nan

    def __post_init__(self) -> None:
        if math.isnan(self.stamp):
            object.__setattr__(self, "stamp", self.received)


@dataclass(frozen=True)
class Result:
    """The objects of a frame, and the categories as they were when it was processed.

    stages: seconds of this frame by stage, as in `Statistics`, but none for its publication.
    """

    frame: Frame
    objects: Sequence[ObjectKeypoints]
    categories: Mapping[str, Category]
    stages: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """Time from the frame's arrival to this result."""
        return self.stages["total"]


@dataclass(frozen=True)
class Answer:
    """The estimator's output for a frame, the categories used, and the time it took."""

    objects: Sequence[ObjectKeypoints]
    categories: Mapping[str, Category]
    took: Timing


@dataclass(eq=False)
class CameraState:
    """A camera's state between frames; recreated after a pause.

    tracker: for the model's thread. outcome: how its frames end from now on, unless they fail.
    inference_time: [s] of the last frame. received: the newest one, by `time.monotonic`.
    sees_objects: in the last one that was processed.
    """

    tracker: Tracker
    newest: Frame | None = None
    outcome: Outcome = "answered"
    pacer: FramePacer = field(default_factory=FramePacer)
    inference_time: float = 0.0
    received: float = -math.inf
    sees_objects: bool = False


class FrameQueue:
    """Processes the newest frame of each camera, and counts the outcome of all others.

    model: its one thread processes the frames and hands the results on.
    infer: the estimator's output for a frame. new_tracker: for a camera that was not there before.
    """

    def __init__(
        self,
        model: ModelThread,
        infer: Callable[[Frame, Tracker], Answer],
        new_tracker: Callable[[], Tracker],
        on_result: Callable[[Result], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._infer = infer
        self._new_tracker = new_tracker
        self._on_result = on_result
        self._log = ThrottledLog(logger, clock)
        self._publishing = threading.RLock()  # held while a result is handed on
        self._lock = threading.Lock()  # of all below; lock order: _publishing, then _lock
        self._changed = threading.Condition(self._lock)  # which frame of a camera is the newest
        self._cameras: dict[str, CameraState] = {}
        self._in_work: Frame | None = None
        self._refused_as: Outcome | None = None  # what becomes of frames that come now
        self._tally = Tally()

    @property
    def statistics(self) -> Statistics:
        """The counts and times so far, with pending frames counted as such."""
        with self._lock:
            pending = Counter(name for name, camera in self._cameras.items() if camera.newest)
            if self._in_work:
                pending[self._in_work.camera] += 1
            return self._tally.statistics(pending)

    @property
    def pending(self) -> bool:
        """Whether a frame waits or is in work."""
        with self._lock:
            return self._in_work is not None or any(each.newest for each in self._cameras.values())

    @property
    def trackers(self) -> Mapping[str, Tracker]:
        """The trackers of the cameras that sent a frame since the last pause."""
        with self._lock:
            return {name: camera.tracker for name, camera in self._cameras.items()}

    @property
    def objects_are_seen(self) -> bool:
        """Whether a camera that goes on sees objects; the one in work is none of them."""
        since = time.monotonic() - STOPPED
        with self._lock:
            cameras = self._cameras.values()
            return any(each.sees_objects and each.received > since for each in cameras)

    def submit(self, frame: Frame) -> None:
        """Return at once; a frame of the same camera that still waits is dropped."""
        with self._lock:
            self._tally.receive(frame.camera)
            if self._refused_as:
                self._tally.end(frame.camera, self._refused_as)
                return
            if frame.camera not in self._cameras:
                self._cameras[frame.camera] = CameraState(self._new_tracker())
            camera = self._cameras[frame.camera]
            if camera.newest:
                self._tally.end(frame.camera, "dropped")
            else:
                self._model.submit(self._process, camera)
            camera.newest = frame
            camera.received = frame.received
            camera.pacer.see(frame.received)
            self._changed.notify()

    def reject(self, error: Exception) -> None:
        """Count a refused input by its fields at fault, without their indices."""
        with self._lock:
            self._tally.reject(error)

    def model_failed(self, error: BaseException) -> None:
        """Count a failure that no input is to blame for, by its type."""
        with self._lock:
            self._tally.model_failed(error)

    def pause(self) -> None:
        """Process no more frames and hand on no results, not even that of the frame in work."""
        with self._publishing, self._lock:
            if self._refused_as is None:
                self._refused_as = "paused"
            for name, camera in self._cameras.items():
                camera.outcome = "paused"
                self._discard_newest(name, camera, "paused")
            self._cameras.clear()

    def resume(self) -> None:
        """Process frames again after `pause`; without effect after `close`."""
        with self._lock:
            if self._refused_as == "paused":
                self._refused_as = None

    def close(self) -> None:
        """Finish the frame in work and process no others."""
        with self._lock:
            self._refused_as = "dropped"
            for name, camera in self._cameras.items():
                self._discard_newest(name, camera, "dropped")

    def abandon(self) -> None:
        """After `close`: do not hand on the frame in work either."""
        with self._lock:
            for camera in self._cameras.values():
                camera.outcome = "dropped"

    def _discard_newest(self, name: str, camera: CameraState, outcome: Outcome) -> None:
        if camera.newest:
            camera.newest = None
            self._tally.end(name, outcome)
            self._changed.notify()

    # From here on, only the model's thread.

    def _process(self, camera: CameraState) -> None:
        with self._lock:
            self._wait_for_a_newer_one(camera)
            frame, camera.newest = camera.newest, None
            self._in_work, camera.sees_objects = frame, False
        if frame is None:
            return
        began = time.monotonic()
        try:
            answer = self._infer(frame, camera.tracker)
        except BaseException as error:  # whatever it is, the next frame may go well
            self._fail(frame, error)
            return
        camera.inference_time = time.monotonic() - began
        camera.sees_objects = any(not each.predicted for each in answer.objects)
        stages = {
            "wait": began - frame.received,
            "preprocess": answer.took.preprocess,
            "network": answer.took.network,
            "total": time.monotonic() - frame.received,
        }
        with self._publishing:
            self._count(frame, camera.outcome)
            if camera.outcome == "answered":
                self._publish(Result(frame, answer.objects, answer.categories, stages))

    def _wait_for_a_newer_one(self, camera: CameraState) -> None:
        """If it is due in a moment and no other camera's frame waits. Gives up the lock to wait."""
        frame = camera.newest
        if frame is None:
            return

        def enough() -> bool:
            waiting = sum(each.newest is not None for each in self._cameras.values())
            return camera.newest is not frame or waiting > 1

        seconds = camera.pacer.wait_time(time.monotonic(), camera.inference_time)
        self._changed.wait_for(enough, seconds)

    def _publish(self, result: Result) -> None:
        began = time.monotonic()
        try:
            self._on_result(result)
        except BaseException as error:
            self.model_failed(error)
            self._log.log(logging.ERROR, "listener", "a listener to the results failed", error)
        ended = time.monotonic()
        with self._lock:
            took = {"publish": ended - began, "total": ended - result.frame.received}
            self._tally.time({**result.stages, **took})

    def _fail(self, frame: Frame, error: BaseException) -> None:
        self._count(frame, "failed")
        if isinstance(error, InvalidInput):
            self.reject(error)
            text = f"frame of {frame.camera} rejected: {error}"
            self._log.log(logging.WARNING, " ".join(kinds(error)), text)
            return
        self.model_failed(error)
        kind = type(error).__name__
        if isinstance(error, CapeError):
            self._log.log(logging.ERROR, kind, f"frame of {frame.camera} failed: {error}")
        else:
            self._log.log(logging.ERROR, kind, f"frame of {frame.camera} failed", error)

    def _count(self, frame: Frame, outcome: Outcome) -> None:
        with self._lock:
            self._in_work = None
            self._tally.end(frame.camera, outcome)
