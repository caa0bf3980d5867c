"""Where the frames of a scene come from: a moved photograph, a video file, a camera."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.files import check_name
from cape_ros.core.images import quiet_opencv
from cape_ros.core.plurals import counted
from cape_ros.media.motion import CameraMotion, Table, project
from cape_ros.media.truth import Truth
from cape_ros.perception.category import Category

RATE = 10.0  # [frames/s] no source is sent faster
FASTEST = 1000.0  # [frames/s] more is no rate of a video
LAST_FRAMES, SHORTER = 3, 0.03  # a video may lack so many frames, or that part of it, at its end

# A file that is no video is reported once, by this module; FFmpeg would print its own lines.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


class CutOff(SourceError):
    """The end of a video is missing; the frames before it have come."""


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """image: [H, W, 3] uint8 RGB. index: from 0, None before the scene has begun.

    truths: each object of the category in the frame, as far as known. seconds: of a video's frame,
    when it is shown at the video's own rate.
    """

    image: np.ndarray
    index: int | None
    truths: tuple[Truth, ...] = ()
    seconds: float = 0.0


class Source(Protocol):
    """rate: in frames/s. expected: how many frames will come at most."""

    rate: float
    expected: int

    def waiting(self) -> SourceFrame:
        """The image to send while the object is being registered."""

    def next(self) -> SourceFrame | None:
        """The next frame of the scene, None after the last one. Raises `SourceError`."""

    def rewind(self) -> None:
        """Let the next frame be the first again. Raises `SourceError`."""

    def close(self) -> None: ...


class MovingPhotograph:
    """A category's first shot under a moving camera, so the truth is known."""

    rate = RATE

    def __init__(self, category: Category, frames: int, seed: int) -> None:
        shot = category.shots[0]
        self.expected = frames
        self._keypoints = shot.keypoints.astype(np.float64)
        self._table = Table(shot.image, seed)
        self._motion = CameraMotion(shot.box, frames, seed)
        self._next = 0

    def waiting(self) -> SourceFrame:
        return SourceFrame(self._frame(0)[0], None)

    def next(self) -> SourceFrame | None:
        if self._next >= self.expected:
            return None
        index, self._next = self._next, self._next + 1
        image, truth = self._frame(index)
        return SourceFrame(image, index, (truth,))

    def rewind(self) -> None:
        self._next = 0

    def close(self) -> None:
        pass

    def _frame(self, index: int) -> tuple[np.ndarray, Truth]:
        homography = self._motion.homography(index)
        image = self._table.seen(homography)
        return image, Truth.inside(
            project(homography, self._keypoints), image.shape[1], image.shape[0]
        )


class VideoFile:
    """Every frame of a video, at its own rate or `RATE`, whichever is slower.

    Raises `SourceError` for a file that OpenCV cannot play; `next` raises `CutOff` once, after the
    last frame that can be decoded, if the file says that there are more.
    """

    def __init__(self, path: Path, frames: int) -> None:
        self._path, self._next = path, 0
        check_name(path)
        if path.is_dir():
            raise SourceError(f"{path}: no such video file; it is a folder")
        if not path.is_file():
            raise SourceError(f"{path}: no such video file")
        if not path.stat().st_size:
            raise SourceError(f"{path}: not a video that OpenCV can play; it is empty")
        self._capture = _open(
            str(path),
            f"{path}: not a video that OpenCV can play; it is cut off, damaged or no video",
        )
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._period = 1 / rate if 0 < rate <= FASTEST else 1 / RATE
        self.rate = min(RATE, rate) if rate > 0 else RATE
        length = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._length, self._shown = length, 0.0
        self.expected = min(frames, length) if length > 0 else frames
        self._frames, self._ended = frames, False
        self._pending = _read(self._capture)
        if self._pending is None:
            raise SourceError(f"{path}: holds no frame that OpenCV can decode")
        self.first = self._pending

    def waiting(self) -> SourceFrame:
        return SourceFrame(self.first, None)

    def next(self) -> SourceFrame | None:
        if self._next >= self._frames:
            return None
        if self._pending is None:
            if not self._ended:
                self._ended = True
                self._check_end()
            return None
        index, self._next = self._next, self._next + 1
        image = self._pending
        shown = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        # Some files have no times, or wrong ones.
        if index and not shown - self._shown > 0.5 / FASTEST:
            shown = self._shown + self._period
        self._shown = shown
        self._pending = _read(self._capture)
        return SourceFrame(image, index, seconds=shown)

    def _check_end(self) -> None:
        """Raises `CutOff`. The number of frames alone tells nothing: some formats estimate it."""
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        if self._next >= self._length or rate <= 0:
            return
        missing = self._length / rate - self._shown
        if missing > max(LAST_FRAMES / rate, SHORTER * self._length / rate):
            raise CutOff(
                f"{self._path} is cut off or damaged: {missing:.1f} of {self._length / rate:.1f} s "
                f"cannot be decoded, after {counted(self._next, 'frame')}"
            )

    def rewind(self) -> None:
        self._capture.release()
        self._capture = _open(str(self._path), f"{self._path}: is not there any more")
        self._pending, self._next, self._ended = _read(self._capture), 0, False

    def close(self) -> None:
        self._capture.release()


class LiveCamera:
    """A camera of this machine. Raises `SourceError` if it cannot be opened, or vanishes."""

    rate = RATE

    def __init__(self, number: int, frames: int) -> None:
        self._number, self._next, self.expected = number, 0, frames
        self._capture = _open(
            number,
            f"camera {number} cannot be opened: is it plugged in, not in use by another program, "
            f"and may you read /dev/video{number}?",
        )
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self.first = self._image()

    def waiting(self) -> SourceFrame:
        return SourceFrame(self._image(), None)

    def next(self) -> SourceFrame | None:
        if self._next >= self.expected:
            return None
        index, self._next = self._next, self._next + 1
        return SourceFrame(self._image(), index)

    def rewind(self) -> None:
        self._next = 0

    def close(self) -> None:
        self._capture.release()

    def _image(self) -> np.ndarray:
        image = _read(self._capture)
        if image is None:
            raise SourceError(
                f"camera {self._number} stopped giving images "
                f"after {counted(self._next, 'frame')}: "
                "was it unplugged?"
            )
        return image


def video_frame(path: Path, index: int) -> np.ndarray:
    """Frame `index` of a video: [H, W, 3] uint8 RGB. Raises `InvalidInput`, `SourceError`."""
    source = VideoFile(path, index + 1)
    try:
        frame = None
        for _ in range(index + 1):
            frame = source.next()
        if frame is None:
            raise InvalidInput.of("frame", f"{index} is behind the end of {path}")
        return frame.image
    finally:
        source.close()


def _open(what: str | int, otherwise: str) -> cv2.VideoCapture:
    """Raises `SourceError(otherwise)`, without what OpenCV would print about it."""
    try:
        with quiet_opencv():
            capture = cv2.VideoCapture(what)
    except cv2.error as error:
        raise SourceError(otherwise) from error
    if not capture.isOpened():
        raise SourceError(otherwise)
    return capture


def _read(capture: cv2.VideoCapture) -> np.ndarray | None:
    """The next frame as RGB, None if there is none."""
    try:
        there, image = capture.read()
    except cv2.error:
        return None
    if not there or image is None:
        return None
    if image.ndim == 2:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
