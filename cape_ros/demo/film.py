"""Writes the overlays as a video at the camera's rate."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

LONGEST_PAUSE = 1.0  # [s] a longer one is cut


class Film:
    """Writes overlay.mp4, or numbered PNGs in overlay/ where OpenCV has no codec for it."""

    def __init__(self, folder: Path, rate: float) -> None:
        self.path = folder / "overlay.mp4"
        self._rate = rate
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._written = 0
        self._last: tuple[np.ndarray, int] | None = None

    def add(self, image: np.ndarray, stamp: int) -> None:
        """image: [H, W, 3] uint8 RGB. stamp: nanoseconds. An image is shown until the next one."""
        if self._last is not None:
            pause = min(LONGEST_PAUSE, (stamp - self._last[1]) / 1e9)
            self._write(self._last[0], max(1, round(pause * self._rate)))
        self._last = cv2.cvtColor(image, cv2.COLOR_RGB2BGR), stamp

    def close(self) -> None:
        if self._last is not None:
            self._write(self._last[0], 1)
            self._last = None
        if self._writer is not None:
            self._writer.release()

    def _write(self, image: np.ndarray, times: int) -> None:
        if self._size == (0, 0):
            self._open(image)
        if (image.shape[1], image.shape[0]) != self._size:
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        for _ in range(times):
            self._written += 1
            if self._writer is not None:
                self._writer.write(image)
            else:
                cv2.imwrite(str(self.path / f"{self._written:06d}.png"), image)

    def _open(self, image: np.ndarray) -> None:
        self._size = image.shape[1], image.shape[0]
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(self.path), codec, self._rate, self._size)
        if writer.isOpened():
            self._writer = writer
            return
        self.path.unlink(missing_ok=True)
        self.path = self.path.with_suffix("")
        self.path.mkdir(exist_ok=True)
