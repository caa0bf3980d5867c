"""Writes the overlays as a video at the camera's rate."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

FILE = "overlay.webm"
CODEC = "VP80"  # every browser plays it, and it takes an eighth of the time of VP9
LONGEST_PAUSE = 1.0  # [s] a longer one is cut


class Film:
    """Writes overlay.webm, or numbered PNGs in overlay/ where OpenCV has no codec for it.

    Until `close` the images are kept as JPEGs on disk: encoding VP8 takes ten times as long and
    would hold up the recorder.
    """

    def __init__(self, folder: Path, rate: float) -> None:
        self.path = folder / FILE
        self._rate = rate
        self._kept = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed by `close`
        self._octets: list[int] = []  # of each JPEG
        self._stamps: list[int] = []

    def add(self, image: np.ndarray, stamp: int) -> None:
        """image: [H, W, 3] uint8 RGB. stamp: nanoseconds. An image is shown until the next one."""
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])
        self._octets.append(self._kept.write(jpeg.tobytes()))
        self._stamps.append(stamp)

    def close(self) -> None:
        """Write the film, which takes about 20 ms for each image."""
        with self._kept:
            if self._stamps:
                self._write()

    def _write(self) -> None:
        shown = chain(np.diff(self._stamps).tolist(), [0])
        writer, size = None, (0, 0)
        for number, (image, duration) in enumerate(zip(self._images(), shown, strict=True)):
            if number == 0:
                size = image.shape[1], image.shape[0]
                writer = self._open(size)
            if writer is None:
                cv2.imwrite(str(self.path / f"{number + 1:06d}.png"), image)
                continue
            if (image.shape[1], image.shape[0]) != size:
                image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            for _ in range(max(1, round(min(LONGEST_PAUSE, duration / 1e9) * self._rate))):
                writer.write(image)
        if writer is not None:
            writer.release()

    def _images(self) -> Iterator[np.ndarray]:
        """[H, W, 3] uint8 BGR."""
        self._kept.seek(0)
        for octets in self._octets:
            jpeg = np.frombuffer(self._kept.read(octets), np.uint8)
            image = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
            assert image is not None  # `add` has encoded it
            yield image

    def _open(self, size: tuple[int, int]) -> cv2.VideoWriter | None:
        """None without a codec; `path` is then a folder."""
        codec = cv2.VideoWriter.fourcc(*CODEC)
        with _silent_stderr():
            writer = cv2.VideoWriter(str(self.path), codec, self._rate, size)
        if writer.isOpened():
            return writer
        self.path.unlink(missing_ok=True)
        self.path = self.path.with_suffix("")
        self.path.mkdir(exist_ok=True)
        return None


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """OpenCV prints that WebM has no tag for its codec, which no log level keeps back."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
