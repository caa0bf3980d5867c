"""A server with Studio and a camera that remembers where the keypoints really are."""

from __future__ import annotations

import itertools
import threading
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cape_ros.media.motion import CameraMotion, Table, project
from cape_ros.media.photographs import photographs
from cape_ros.media.truth import Truth
from cape_ros.perception.category import Category
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.space import SpaceInputs
from cape_ros.server.server import Frame, Result, Server
from cape_ros.studio.studio import Studio

if TYPE_CHECKING:
    from .coffee_space import DepthCamera

CAMERA = "bench"
RATE = 4.0  # frames/s: the network takes half a core, the page and the browser need the rest
STILL = 0.1  # of a camera whose first frame is enough: the network has nothing to do
PERIOD = 400  # frames
SEED = 19
LONGEST_WAIT = 60.0  # [s] on a busy machine


class Running:
    """To be used as a context. truth: of each frame by its stamp, in nanoseconds. rate: of the
    camera, in frames/s; the first one comes at once."""

    def __init__(self, estimator: Estimator, library: Path, rate: float = RATE) -> None:
        self.depth_camera: DepthCamera | None = None  # sees the same, if there is one
        self.coffee: Category = photographs()[0]
        self.truth: dict[int, Truth] = {}
        self._results: dict[int, Result] = {}
        self._table = _table()
        self._motion = CameraMotion(self.coffee.shots[0].box, PERIOD, SEED)
        self._rate = rate
        self._ended = threading.Event()
        self.server = Server(estimator, CategoryLibrary(library), on_result=self._take)
        self.studio: Studio | None = None
        self._begin_studio(0)
        self._camera = threading.Thread(target=self._film, daemon=True)
        self._camera.start()

    @property
    def address(self) -> str:
        assert self.studio is not None
        return self.studio.address

    def restart_studio(self) -> None:
        """What happens to the page when a node starts anew: other images, same address."""
        assert self.studio is not None
        port = int(self.studio.address.rstrip("/").rpartition(":")[2])
        self.studio.close()
        self._begin_studio(port)

    def visible(self, stamp: int) -> np.ndarray:
        """Keypoints of the coffee in a frame: [K, 2] float64 pixels, all of them in view."""
        truth = self.truth[stamp]
        assert truth.visible.all()
        return truth.keypoints

    def published(
        self, category: str, version: int, frames: int = 5
    ) -> list[tuple[int, ObjectKeypoints]]:
        """The next answers that follow an object of this version: (stamp, object)."""
        until = time.monotonic() + LONGEST_WAIT
        since = max(self._results, default=0)
        while time.monotonic() < until:
            found = [
                (stamp, each)
                for stamp, result in list(self._results.items())
                for each in result.objects
                if stamp > since and (each.category, each.category_version) == (category, version)
                if each.track_id >= 0
            ]
            if len(found) >= frames:
                return found[:frames]
            time.sleep(0.05)
        raise AssertionError(f"{category} version {version} was not found within {LONGEST_WAIT} s")

    def errors(self, answers: list[tuple[int, ObjectKeypoints]]) -> np.ndarray:
        """How far answers with the coffee's keypoints are off, as parts of its size: [N, K]."""
        truths = [self.truth[stamp] for stamp, _ in answers]
        pairs = zip(truths, answers, strict=True)
        return np.array([truth.errors(each.keypoints) / truth.size for truth, (_, each) in pairs])

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._camera.join()
        self.server.close()
        if self.studio is not None:
            self.studio.close()

    def _begin_studio(self, port: int) -> None:
        self.studio = Studio(
            self.server,
            port=port,
            cameras=lambda: [CAMERA],
            space_inputs=lambda camera: (
                self.depth_camera.inputs if self.depth_camera else SpaceInputs()
            ),
        )

    def _take(self, result: Result) -> None:
        self._results[int(result.frame.header)] = result
        if self.studio is not None:
            self.studio.offer(result)
            if self.depth_camera is not None:
                self.depth_camera.offer(result)

    def _film(self) -> None:
        for index in itertools.count():
            homography = self._motion.homography(index)
            image = self._table.seen(homography)
            keypoints = project(homography, self.coffee.shots[0].keypoints.astype(np.float64))
            stamp = time.time_ns()
            self.truth[stamp] = Truth.inside(keypoints, image.shape[1], image.shape[0])
            self.server.submit(Frame(CAMERA, image, stamp))
            if self._ended.wait(1 / self._rate):
                return


@cache
def _table() -> Table:
    """The same for all tests: the cloth takes a while to weave."""
    return Table(photographs()[0].shots[0].image, SEED)
