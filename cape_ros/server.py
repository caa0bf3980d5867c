"""The application: frames and commands in, results out. It knows no transport.

One thread owns the model. Of every camera only the newest frame waits for it, the ones that it
replaces are counted as dropped. Commands are answered between two frames.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import numpy as np

from cape_ros.errors import CapeError, InvalidInput
from cape_ros.model import KeypointTokens
from cape_ros.perception.category import Category
from cape_ros.perception.estimator import Estimator, check_image
from cape_ros.perception.follow import Trust, Watch, track_ids
from cape_ros.perception.library import CategoryLibrary
from cape_ros.perception.objects import ObjectKeypoints, ObjectRequest

logger = logging.getLogger(__name__)
LATENCIES_KEPT = 512
MOST_SHOTS = 64


class RegisterMode(IntEnum):
    """CREATE refuses a name that exists, REPLACE does not care, ADD_SHOTS needs one."""

    CREATE = 0
    REPLACE = 1
    ADD_SHOTS = 2


@dataclass(frozen=True)
class Frame:
    """One image of a camera, HxWx3 uint8 RGB, and whatever header its transport gave it.

    requests: what to find and where; None = every registered category, wherever it is.
    """

    camera: str
    image: np.ndarray
    header: Any = None
    requests: Sequence[ObjectRequest] | None = None
    received: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Result:
    """What was found in a frame, and the categories as they were when it was."""

    frame: Frame
    objects: Sequence[ObjectKeypoints]
    categories: Mapping[str, Category]
    seconds: float  # from the frame's arrival to this result


@dataclass(frozen=True)
class Statistics:
    """Since the start. Latencies, in seconds, are those of the last few hundred frames."""

    received: int
    dropped: int
    answered: int
    rejected: Mapping[str, int]
    median_latency: float
    p95_latency: float


class Server:
    """Categories by name and one model for all cameras.

    on_result is called on the model's thread and must not wait for anybody; on_categories is
    called with (categories, database version) after each change, on the thread that changed them.
    """

    def __init__(
        self,
        estimator: Estimator,
        library: CategoryLibrary,
        trust: Trust | None = None,
        on_result: Callable[[Result], None] = lambda result: None,
        on_categories: Callable[[Mapping[str, Category], int], None] = lambda known, version: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.trust = trust or Trust()
        self._estimator = estimator
        self._library = library
        self._on_result = on_result
        self._on_categories = on_categories
        self._model = ThreadPoolExecutor(1, "model")
        self._lock = threading.Lock()
        self._clock = clock
        self._commands = threading.Lock()
        self._closed = False
        self._newest: dict[str, Frame] = {}
        self._watches: dict[str, Watch] = {}
        self._track_ids = track_ids()
        self._counts: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._latencies: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self._categories: Mapping[str, Category] = MappingProxyType({})
        self._model.submit(self._load_library).result()

    @property
    def categories(self) -> Mapping[str, Category]:
        """The registered categories by name, as the next frame will see them."""
        return self._categories

    @property
    def database_version(self) -> int:
        return self._library.database_version

    @property
    def statistics(self) -> Statistics:
        with self._lock:
            latencies = np.array(self._latencies or [np.nan])
            return Statistics(
                self._counts["received"],
                self._counts["dropped"],
                self._counts["answered"],
                dict(self._rejected),
                float(np.median(latencies)),
                float(np.percentile(latencies, 95)),
            )

    def submit(self, frame: Frame) -> None:
        """Hand over a frame and return at once; it replaces one of its camera that still waits.

        After `close` it is received and dropped.
        """
        with self._lock:
            waiting = frame.camera in self._newest
            self._counts["received"] += 1
            self._counts["dropped"] += waiting or self._closed
            if self._closed:
                return
            self._newest[frame.camera] = frame
            if not waiting:
                self._model.submit(self._process, frame.camera)

    def reject(self, error: Exception) -> None:
        """Count an input that was refused, by the fields at fault: there are only so many."""
        fields = ["internal error"]
        if isinstance(error, InvalidInput):
            fields = [re.sub(r"\[\d+\]", "", fault.field) for fault in error.faults]
        elif isinstance(error, CapeError):
            fields = [type(error).__name__]
        with self._lock:
            self._rejected.update(set(fields))

    def find(self, name: str) -> Category:
        """The registered category of this name. Raises `InvalidInput` if there is none."""
        if category := self._categories.get(name):
            return category
        known = ", ".join(self._categories) or "none"
        raise InvalidInput.of("name", f"{name!r} is not registered (known: {known})")

    def register(self, category: Category, mode: RegisterMode = RegisterMode.CREATE) -> Category:
        """Make a category known from the next frame on; the answer carries its new version.

        Encoded, written to disk, then visible. Raises `InvalidInput` or `LibraryError`; then
        everything is as it was. Waits for at most one frame in progress.
        """
        with self._command():
            category = self._merge(category, mode)
            tokens = self._model.submit(self._estimator.encode, category).result()
            stored = self._library.put(category)
            self._model.submit(self._show, stored, tokens).result()
            self._tell_categories()
            return stored

    def remove(self, name: str) -> None:
        """Forget a category. Raises `InvalidInput` if there is none, `LibraryError`."""
        with self._command():
            self.find(name)
            self._library.remove(name)
            self._model.submit(self._hide, name).result()
            self._tell_categories()

    def close(self) -> None:
        """Finish the frame and the command in progress, refuse what comes later, and stop."""
        with self._commands, self._lock:
            self._closed = True
            self._newest.clear()
        self._model.shutdown()

    @contextmanager
    def _command(self) -> Iterator[None]:
        """One at a time, and none once the server is closed."""
        with self._commands:
            if self._closed:
                raise CapeError("the server has stopped; nothing was changed")
            yield

    def _tell_categories(self) -> None:
        try:
            self._on_categories(self._categories, self.database_version)
        except Exception:  # the change is made all the same
            logger.exception("a listener to the categories failed")

    def _merge(self, category: Category, mode: RegisterMode) -> Category:
        known = self._categories.get(category.name)
        if mode == RegisterMode.CREATE and known:
            raise InvalidInput.of(
                "name", f"{category.name!r} is registered already; use REPLACE or ADD_SHOTS"
            )
        if mode == RegisterMode.ADD_SHOTS:
            known = self.find(category.name)
            if category.keypoint_names != known.keypoint_names:
                raise InvalidInput.of(
                    "keypoint_names", f"differ from those of {known.name!r} that is registered"
                )
            if category.edges and category.edges != known.edges:
                raise InvalidInput.of(
                    "edges", f"differ from those of {known.name!r}; leave them out or use REPLACE"
                )
            category = replace(known, shots=(*known.shots, *category.shots))
        if len(category.shots) > MOST_SHOTS:
            raise InvalidInput.of("shots", f"{len(category.shots)} are more than {MOST_SHOTS}")
        return category

    # From here on, only the model's thread.

    def _load_library(self) -> None:
        for category in self._library:
            self._show(category)

    def _show(self, category: Category, tokens: KeypointTokens | None = None) -> None:
        self._estimator.register(category, tokens)
        self._categories = MappingProxyType({**self._categories, category.name: category})
        self._forget_tracks(category.name)

    def _hide(self, name: str) -> None:
        self._estimator.forget(name)
        self._categories = MappingProxyType(
            {known: category for known, category in self._categories.items() if known != name}
        )
        self._forget_tracks(name)

    def _forget_tracks(self, name: str) -> None:
        for watch in self._watches.values():
            watch.forget(name)

    def _watch(self, camera: str) -> Watch:
        if camera not in self._watches:
            self._watches[camera] = Watch(self._estimator, self._track_ids, self._clock)
        return self._watches[camera]

    def _process(self, camera: str) -> None:
        with self._lock:
            frame = self._newest.pop(camera, None)
        if frame is None:
            return
        try:
            check_image(frame.image)
            if frame.requests is None:
                watch = self._watch(camera)
                objects = watch.look(frame.image, self._categories, self.trust)
            else:
                objects = self._estimator.estimate(frame.image, frame.requests)
            result = Result(frame, objects, self._categories, time.monotonic() - frame.received)
            with self._lock:
                self._counts["answered"] += 1
                self._latencies.append(result.seconds)
            self._on_result(result)
        except CapeError as error:
            self.reject(error)
            logger.warning("frame of %s rejected: %s", camera, error)
        except Exception as error:
            self.reject(error)
            logger.exception("frame of %s failed", camera)
