"""The application facade: frames and commands in, results out, without a transport.

One thread owns the model. Of every camera only the newest frame waits for it, the ones that it
replaces are counted as dropped. Commands are answered between two frames.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import ParamSpec

import numpy as np

from cape_ros.core.errors import CapeError, Conflict, DeviceError, InvalidInput
from cape_ros.core.throttled_log import ThrottledLog
from cape_ros.model.cross_check import UNCHECKED, CrossCheck
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator, Inspection
from cape_ros.perception.geometry import Box
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest, check_image
from cape_ros.perception.spatial import FrameDefinition
from cape_ros.perception.supports import EncodedSupports
from cape_ros.perception.tracking import Tracker, TrackingSettings, track_ids
from cape_ros.perception.trust import Trust
from cape_ros.perception.warm_up import warm_up
from cape_ros.server import checks as on_demand
from cape_ros.server import registration
from cape_ros.server.activation import Activation, check_names
from cape_ros.server.automatic_shots import AutomaticShots, Views
from cape_ros.server.frame_queue import Answer, Frame, FrameQueue, Result
from cape_ros.server.model_thread import PATIENCE_AT_THE_END, ModelHangs, ModelThread
from cape_ros.server.registration import RegisterMode
from cape_ros.server.rotations import RotationEncoder
from cape_ros.server.statistics import CameraCounts, Percentiles, Statistics

__all__ = [
    "CameraCounts",
    "Frame",
    "Percentiles",
    "RegisterMode",
    "Result",
    "Server",
    "Statistics",
]

P = ParamSpec("P")

logger = logging.getLogger(__name__)
SEARCHED_TOGETHER = 2  # categories, while frames wait
KEYPOINTS_TO_WARM_UP = 20  # while no category is registered


class Server:
    """Estimates keypoints in the frames of all cameras, with one model and one library.

    tracking: how objects are tracked from the next frame on; it holds the thresholds.
    on_result is called on the model's thread: it must neither block nor give a command.
    on_categories is called with (categories, database version) after each change of them or of
    where they are active, on the thread that changed them.
    """

    def __init__(
        self,
        estimator: Estimator,
        library: CategoryLibrary,
        tracking: TrackingSettings | None = None,
        on_result: Callable[[Result], None] = lambda result: None,
        on_categories: Callable[[Mapping[str, Category], int], None] = lambda known, version: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.tracking = tracking or TrackingSettings()
        self._estimator = estimator
        self._library = library
        self._on_categories = on_categories
        self._clock = clock
        self._log = ThrottledLog(logger, clock)
        self._searches = 0  # after frames, not ended
        self._track_ids = track_ids()
        self._model = ModelThread(estimator.progress)
        self._frames = FrameQueue(self._model, self._infer, self._new_tracker, on_result, clock)
        self._commands = threading.Lock()
        self._closed = False
        self._activation = Activation()
        self._categories: Mapping[str, Category] = MappingProxyType({})
        self._rotations = RotationEncoder(self._model, estimator, self._frames.model_failed)
        self._shots = AutomaticShots(
            self._model, estimator, self._add_shots, self._frames.model_failed
        )
        self._model.submit(self._load_library).result()

    @property
    def trust(self) -> Trust:
        """The thresholds, a part of `tracking`."""
        return self.tracking.trust

    @property
    def categories(self) -> Mapping[str, Category]:
        """The registered categories by name, as the next frame will see them."""
        return self._categories

    @property
    def database_version(self) -> int:
        """Grows with every change of any category, also over restarts."""
        return self._library.database_version

    @property
    def largest_batch(self) -> int:
        """Objects per forward pass; fewer than at the start where memory was short."""
        return self._estimator.largest_batch

    @property
    def statistics(self) -> Statistics:
        """Outcomes of all frames, refused inputs and stage times since the start."""
        return self._frames.statistics

    @property
    def stands_since(self) -> float | None:
        """Seconds since the model has not gone on, if that is longer than passes usually take."""
        return self._model.stands_since if self._model.is_late else None

    def submit(self, frame: Frame) -> None:
        """Hand over a frame and return at once; it replaces one of its camera that still waits.

        While paused it is received and counted as paused, after `close` as dropped.
        """
        self._frames.submit(frame)

    def reject(self, error: Exception) -> None:
        """Count a refused input by its fields at fault, without their indices."""
        self._frames.reject(error)

    def command_failed(self, error: Exception) -> None:
        """Count what a command raised: a request that is refused, or a failure of the model."""
        if isinstance(error, CapeError) and not isinstance(error, DeviceError | ModelHangs):
            self._frames.reject(error)
        else:
            self._frames.model_failed(error)

    def pause(self) -> None:
        """Process no frames until `resume`; commands are carried out all the same.

        Once this returns nothing is published any more, not even the result of the frame in work,
        and what was followed is forgotten.
        """
        self._frames.pause()

    def resume(self) -> None:
        """Process frames again, from the next one on."""
        self._frames.resume()

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until the model has nothing left to do: no frame, no search after one, no rotated
        support to encode, and no view to check.

        False if that takes longer than `timeout` seconds; None waits without a limit. A command
        that another thread gives meanwhile may bring more to do. Never call it from `on_result`,
        which runs on the thread that is waited for.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                idle = self._model.submit(self._is_idle)  # runs after all that is queued now
            except RuntimeError:  # the server is closed, and what was in progress is finished
                return True
            left = None if end is None else max(0.0, end - time.monotonic())
            if not wait([idle], left).done:
                return False
            if idle.result():
                return True

    def find(self, name: str) -> Category:
        """The registered category of this name. Raises `InvalidInput` if there is none."""
        return registration.find(self._categories, name)

    def check(self, name: str) -> CrossCheck:
        """The cross-check of a category's shots; `UNCHECKED` if it is not registered, the model
        hangs or the server has stopped: what was registered before stays so."""
        with self._commands:
            if self._closed:
                return UNCHECKED
            try:
                return self._model.call(self._estimator.check, name)
            except ModelHangs:
                return UNCHECKED

    def active(self, camera: str) -> tuple[str, ...]:
        """The names of the categories that are active on a camera."""
        known, activation = self._categories, self._activation
        return tuple(name for name in known if activation.includes(camera, name))

    def is_active(self, name: str) -> bool:
        """Whether a registered category is active on any camera, or would be on a new one."""
        return name in self._categories and self._activation.anywhere(name)

    def register(
        self,
        category: Category,
        mode: RegisterMode = RegisterMode.CREATE,
        base_version: int | None = None,
    ) -> Category:
        """Make a category known from the next frame on; the answer carries its new version.

        Encoded, written to disk, then visible; rotated supports are encoded later, between frames.
        base_version: the one that the change is based on; another present one raises `Conflict`.
        Raises `InvalidInput`, `LibraryError` or `ModelHangs`; on error nothing is changed (strong
        guarantee), unless it says that the disk has the category already.
        Waits for the pending frames, not for later ones.
        """
        with self._command():
            return self._put(registration.merge(self._categories, category, mode, base_version))

    def define_frames(
        self, name: str, frames: Sequence[FrameDefinition], base_version: int | None = None
    ) -> Category:
        """Give a category these named frames in place of all that it has, perhaps none.

        base_version and errors as of `register`.
        """
        with self._command():
            registration.check_base(self._categories, name, base_version)
            return self._put(replace(self.find(name), frames=frames))

    def remove(self, name: str, base_version: int | None = None) -> None:
        """Forget a category. Raises as `register`; base_version as there."""
        with self._command():
            self.find(name)
            registration.check_base(self._categories, name, base_version)
            self._model.check()
            self._library.remove(name)
            self._follow(f"{name} is removed from disk", self._hide, name)

    def rename(self, name: str, new: str, base_version: int | None = None) -> Category:
        """Register a category under another name, active where it is, then remove the old one.

        A kill in between leaves both. The old versions stay under the old name. base_version and
        errors as of `register`.
        """
        category = self.find(name)
        registration.check_base(self._categories, name, base_version)
        if new in self._categories:
            reason = f"{new!r} is registered already; choose another name"
            raise InvalidInput.of("name", reason, "category_exists")
        stored = self.register(replace(category, name=new))
        try:
            with self._command():
                activation = self._activation.with_category(new, like=name)
                self._model.call(self._activate, activation)
            self.remove(name, category.version)
        except Conflict:  # somebody changed it meanwhile
            self.remove(new)
            raise
        return stored

    def remove_automatic_shots(self, name: str) -> tuple[Category, int]:
        """Register a category again without its automatic shots; the answer says how many.

        Raises `InvalidInput` if it has none or no others, and as `register`.
        """
        category = self.find(name)
        kept = [shot for shot in category.shots if not shot.automatic]
        count = len(category.shots) - len(kept)
        if not count or not kept:
            reason = f"{name} has no automatic shots" if not count else f"{name} has no others"
            raise InvalidInput.of("automatic_shots", reason)
        changed = replace(category, shots=kept)
        return self.register(changed, RegisterMode.REPLACE, category.version), count

    @property
    def auto_shots(self) -> bool:
        """Whether views of tracked objects that differ from their shots become shots."""
        return self._shots.enabled

    @auto_shots.setter
    def auto_shots(self, enabled: bool) -> None:
        self._shots.enabled = enabled

    def offer_views(self, frame: Frame, views: Views) -> None:
        """Let projected views of a frame's objects become shots, in place of what was found there.

        Returns at once; never costs a frame.
        """
        self._shots.offer(frame.camera, frame.image, views, lambda: self._categories)

    def suggested_shots(self, name: str) -> Sequence[SupportShot]:
        """Views of tracked objects that would help as shots, the most different one first.

        Raises `InvalidInput` if the category is not registered.
        """
        return self._shots.suggested(self.find(name))

    def restore(self, name: str, version: int, base_version: int | None = None) -> Category:
        """Register an old version again as it was, as a new version.

        base_version: the present one, None if the category is not registered. Raises
        `InvalidInput` if the old version is not kept any more, `Conflict`, `LibraryError`.
        """
        old = self.old_version(name, version)
        with self._command():
            registration.check_base(self._categories, name, base_version)
            if base_version is None:
                registration.check_new(self._categories, name)
            return self._put(old)

    def old_versions(self, name: str) -> Sequence[Category]:
        """The versions of a category that were replaced or removed and are kept, newest first."""
        return self._library.old.of(name)

    def old_version(self, name: str, version: int) -> Category:
        """One of them. Raises `InvalidInput` if it is not kept."""
        return self._library.old.get(name, version)

    def removed(self) -> Mapping[str, int]:
        """The removed categories that can be restored: name -> version."""
        return self._library.removed()

    def activate(self, camera: str | None, names: Sequence[str] | None) -> None:
        """Make these categories active and all others inactive, from the next frame on.

        camera: None = every camera, also those that come later. names: None = all categories, also
        those that are registered later. Raises `InvalidInput` for names that are not registered.
        """
        with self._command():
            check_names(self._categories, names or ())
            changed = self._activation.activate(camera, names)
            self._model.call(self._activate, changed)
            self._announce_categories()

    def estimate(
        self,
        image: np.ndarray,
        names: Sequence[str] | None = None,
        boxes: Sequence[Box] | None = None,
    ) -> Sequence[ObjectKeypoints]:
        """Estimate one image on demand, between two frames; track_id -1.

        names: None = all categories, active or not. boxes: where each one is, and as many answers;
        None = every instance of each named category, best first, and none of an absent one. Frames
        are processed after every `SEARCHED_TOGETHER` categories. Raises `InvalidInput` that lists
        every fault.
        """
        with self._command():
            names = on_demand.check(self._categories, image, names, boxes)
            if boxes is not None:
                requests = [ObjectRequest(n, box) for n, box in zip(names, boxes, strict=True)]
                return self._model.call(self._estimator.estimate, image, requests)
            wanted = list(dict.fromkeys(names))
            answers: list[ObjectKeypoints] = []
            for at in range(0, len(wanted), SEARCHED_TOGETHER):
                some, most = wanted[at : at + SEARCHED_TOGETHER], self.tracking.max_instances
                detect = self._estimator.detect
                for each in self._model.call(detect, image, some, most, self.trust):
                    answers += each
            return answers

    def try_out(self, image: np.ndarray, category: Category, box: Box | None) -> ObjectKeypoints:
        """Estimate one image with a category that need not be registered; track_id -1.

        box: as in `estimate`. Raises `InvalidInput` that lists every fault.
        """
        with self._command():
            on_demand.check_one(image, box)
            if box is None:
                return self._model.call(self._estimator.find, image, category, self.trust)
            requests = [ObjectRequest(category, box)]
            return self._model.call(self._estimator.estimate, image, requests)[0]

    def inspect(self, image: np.ndarray, category: Category, box: Box) -> Inspection:
        """The intermediate maps of one prediction, for debugging.

        Raises `InvalidInput` that lists every fault.
        """
        with self._command():
            on_demand.check_one(image, box)
            request = ObjectRequest(category, box)
            return self._model.call(self._estimator.inspect, image, request)

    def warm_up(self, size: tuple[int, int] = (720, 1280)) -> None:
        """Let the first frame be as fast as later ones. size: (height, width) of the frames."""
        with self._command():
            counts = [len(category.keypoint_names) for category in self._categories.values()]
            most = max(counts, default=KEYPOINTS_TO_WARM_UP)
            self._model.submit(warm_up, self._estimator, size, most).result()

    def close(self) -> None:
        """Finish the frame and the command in progress, refuse what comes later, and stop.

        A model that hangs is left alone: nothing of it is handed on any more.
        """
        try:
            with self._commands:
                if not self._closed:
                    self._closed = True
                    self._frames.close()
                    ended = self._model.submit(self._rotations.end)
                    self._model.result(ended, PATIENCE_AT_THE_END)
            self._shots.close()
            self._model.shutdown()
        except ModelHangs as error:
            self._frames.abandon()
            logger.error("stopped without the frame in work: %s", error)

    @contextmanager
    def _command(self) -> Iterator[None]:
        """One at a time, and none once the server is closed."""
        with self._commands:
            if self._closed:
                raise CapeError("the server has stopped; nothing was changed")
            yield

    def _put(self, category: Category) -> Category:
        """Encode and store it, and let frames know it; with its new version."""
        encoded = self._model.call(self._estimator.encode_upright, category)
        stored = self._library.put(category)
        done = f"{stored.name} version {stored.version} is stored"
        self._follow(done, self._show, stored, encoded)
        return stored

    def _follow(
        self, done: str, job: Callable[P, None], /, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Let the model follow what is done on disk, and announce it; if it hangs, once it goes on.

        Raises `ModelHangs` that says what is done.
        """
        future = self._model.submit(job, *args, **kwargs)
        try:
            self._model.result(future)
        except ModelHangs as error:
            future.add_done_callback(lambda _: self._announce_categories())
            raise ModelHangs(f"{done}, and counts once the model goes on; {error}") from error
        self._announce_categories()

    def _add_shots(self, category: Category) -> None:
        self.register(category, RegisterMode.REPLACE, category.version)

    def _announce_categories(self) -> None:
        try:
            self._on_categories(self._categories, self.database_version)
        except Exception:  # the change is made all the same
            logger.exception("a listener to the categories failed")

    # From here on, only the model's thread; `_new_tracker` is the exception.

    def _new_tracker(self) -> Tracker:
        return Tracker(
            self._estimator,
            self._track_ids,
            self._clock,
            self._search,
            self._model.make_way,
            lambda: self._frames.objects_are_seen,
        )

    def _search(self, search: Callable[[], None]) -> None:
        """After the frame in work."""
        self._searches += 1
        self._model.submit(self._end_search, search)

    def _end_search(self, search: Callable[[], None]) -> None:
        try:
            search()
        except BaseException as error:  # whatever it is, the next search may go well
            self._frames.model_failed(error)
            kind, text = type(error).__name__, "a search for more objects failed"
            self._log.log(logging.ERROR, kind, text, error)
        finally:
            self._searches -= 1

    def _is_idle(self) -> bool:
        waits = self._frames.pending or self._rotations.pending or self._shots.pending
        return not (waits or self._searches)

    def _load_library(self) -> None:
        encoded = [self._estimator.encode_upright(category) for category in self._library]
        for category, one in zip(self._library, encoded, strict=True):
            self._show(category, one)

    def _show(self, category: Category, encoded: EncodedSupports) -> None:
        before = self._categories.get(category.name)
        self._rotations.register(category, encoded)
        self._categories = MappingProxyType({**self._categories, category.name: category})
        if before is None or not registration.is_same_object(before, category):
            self._forget_tracks(category.name)

    def _hide(self, name: str) -> None:
        self._rotations.forget(name)
        self._shots.forget(name)
        self._activation = self._activation.without_category(name)
        self._categories = MappingProxyType(
            {known: category for known, category in self._categories.items() if known != name}
        )
        self._forget_tracks(name)

    def _forget_tracks(self, name: str) -> None:
        for tracker in self._frames.trackers.values():
            tracker.forget(name)

    def _activate(self, activation: Activation) -> None:
        before, self._activation = self._activation, activation
        for camera, tracker in self._frames.trackers.items():
            for name in self._categories:
                if before.includes(camera, name) != activation.includes(camera, name):
                    tracker.forget(name)

    def _infer(self, frame: Frame, tracker: Tracker) -> Answer:
        check_image(frame.image)
        before, known = self._estimator.spent, self._categories
        active = {name: known[name] for name in self.active(frame.camera)}
        if frame.requests is None:
            objects = tracker.estimate(frame.image, active, self.tracking, frame.stamp)
        else:
            idle = known.keys() - active.keys()
            requests = [request for request in frame.requests if request.category not in idle]
            objects = self._estimator.estimate(frame.image, requests)
        spent = self._estimator.spent - before
        self._shots.see(frame.camera, frame.image, objects, known, self.trust)
        return Answer(objects, known, spent)
