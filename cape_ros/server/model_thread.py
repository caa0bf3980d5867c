"""The one thread that owns the model: jobs in order, and an end to waiting for one that hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

from cape_ros.core.errors import CapeError
from cape_ros.perception.inference.progress import Progress

PATIENCE = 5.0  # [s] that a command waits for a model that does not go on
PATIENCE_AT_THE_END = 2.0  # [s]
LATE = 1.0  # [s] without progress that is reported
PASSES_OF_PATIENCE = 10  # on a slow machine: as long as so many passes usually take
PASSES_OF_LATE = 5
MAKE_WAY = 0.2  # [s] that a long job waits for another one

P = ParamSpec("P")
R = TypeVar("R")


class ModelHangs(CapeError):
    """The model does not go on; what a command wanted of it was not done."""


class ModelThread:
    """Runs jobs one after the other; none ends the thread, whatever it raises.

    progress: of the estimator that the jobs use. What is no `Exception` reaches the one who waits
    as a `RuntimeError`, so that it ends no other thread either.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._busy = False
        self._ended = False
        self._lock = threading.Lock()  # of `_ended`: nothing is queued behind the end
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    @property
    def stands_since(self) -> float:
        """Seconds since the job in work has gone on; 0 without one."""
        return self._progress.stands_since if self._busy else 0.0

    @property
    def is_late(self) -> bool:
        """Whether that is longer than passes usually take."""
        return self.stands_since > max(LATE, PASSES_OF_LATE * self._progress.usual)

    def submit(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Raises RuntimeError after `shutdown`."""
        future: Future[R] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = job(*args, **kwargs)
            except Exception as error:
                future.set_exception(error)
            except BaseException as error:
                reason = f"the model's thread got {type(error).__name__}: {error}"
                future.set_exception(RuntimeError(reason))
            else:
                future.set_result(result)

        with self._lock:
            if self._ended:
                raise RuntimeError("the model's thread has ended")
            self._jobs.put(run)
        return future

    def call(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What the job returns or raises.

        Raises `ModelHangs`; a job that has not begun by then never does.
        """
        future = self.submit(job, *args, **kwargs)
        try:
            return self.result(future)
        except ModelHangs:
            future.cancel()
            raise

    def result(self, future: Future[R], patience: float = PATIENCE) -> R:
        """The result of a job of this thread, which stays queued if this raises `ModelHangs`."""
        while not wait([future], self._left(patience)).done:
            self.check(patience)
        return future.result()

    def check(self, patience: float = PATIENCE) -> None:
        """Raises `ModelHangs` if the job in work has not gone on for that many seconds."""
        if self._left(patience) <= 0:
            raise ModelHangs(
                f"the model hangs or is overloaded: it has not gone on for {self.stands_since:.0f} "
                "s; try again later, and restart the node if it does not recover"
            )

    def make_way(self) -> None:
        """For a long job between two of its steps: do the jobs that wait first, or one that comes
        in a moment. So the step begins when a frame has just been processed, not shortly before."""
        patience = MAKE_WAY
        for _ in range(max(1, self._jobs.qsize())):  # not those that come meanwhile
            try:
                job = self._jobs.get(timeout=patience)
            except Empty:
                return
            if job is None:
                self._jobs.put(None)
                return
            self._progress.move()
            job()
            patience = 0.0

    def shutdown(self) -> None:
        """Finish what is queued, and end. Raises `ModelHangs`; the thread then ends by itself once
        it goes on, or with the process. Idempotent."""
        with self._lock:
            if not self._ended:
                self._ended = True
                self._jobs.put(None)
        while self._thread.is_alive():
            self.check(PATIENCE_AT_THE_END)
            self._thread.join(max(0.01, self._left(PATIENCE_AT_THE_END)))

    def _left(self, patience: float) -> float:
        usual = PASSES_OF_PATIENCE * self._progress.usual
        return max(patience, usual) - self.stands_since

    def _run(self) -> None:
        while True:
            job: Any = self._jobs.get()
            if job is None:
                return
            self._progress.move()
            self._busy = True
            with suppress(BaseException):  # of a memory too short for the job's own handling
                job()
            self._busy = False
            del job  # else what it holds stays until the next one
