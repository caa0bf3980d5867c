from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Writes a video of 64 x 48 pixels whose frames are red and get lighter."""

    def write(name: str = "a.avi", frames: int = 5, rate: float = 8.0) -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (64, 48))
        for index in range(frames):
            writer.write(np.full((48, 64, 3), (0, 0, 20 + 40 * index), np.uint8))
        writer.release()
        return path

    return write
