"""Uploaded short videos, decoded to frames."""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass

import cv2
import numpy as np

from cape_ros.core.errors import InvalidInput
from cape_ros.studio.image_codec import to_jpeg
from cape_ros.studio.image_store import MEDIA_TYPES, MOST_PIXELS, Added, StoredImage, gone
from cape_ros.studio.kept import Kept

MOST_OCTETS = 100_000_000
MOST_FRAMES = 600
MOST_OCTETS_KEPT = 150_000_000  # of all frames of a video, as JPEGs
QUALITY = 95
# What an MP4 or MOV file begins with; of old cameras and some phones it does not say its type.
ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


@dataclass(frozen=True, eq=False)
class Video:
    """frames: JPEG files."""

    frames: tuple[bytes, ...]
    fps: float
    width: int
    height: int


class VideoStore:
    """Any thread may use it."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def add(self, data: bytes) -> tuple[Added, Video]:
        """Its ID, and what it is. Raises `InvalidInput` for what is no video or too long."""
        video = read_video(data)
        name = secrets.token_hex(8)
        return Added(name, self._kept.put(name, video, sum(map(len, video.frames)))), video

    def find(self, image: str, field: str = "image") -> StoredImage:
        """A frame by `{video}.{number}`. Raises `InvalidInput` if there is none."""
        name, _, number = image.partition(".")
        video = self._kept.get(name)
        if not isinstance(video, Video):
            raise gone(image, field)
        digits = number.isascii() and number.isdigit() and len(number) <= len(str(MOST_FRAMES))
        if not (digits and int(number) < len(video.frames)):
            reason = f"{number[:20]!r} is not a frame; there are {len(video.frames)}, from 0 on"
            raise InvalidInput.of(field, reason)
        data = video.frames[int(number)]
        return StoredImage(data, MEDIA_TYPES["JPEG"], video.width, video.height)


def read_video(data: bytes) -> Video:
    """Raises `InvalidInput`."""
    suffix = _suffix(data)
    if suffix is None:
        raise InvalidInput.of("video", "is none of MP4, MOV, WebM, MKV, AVI")
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        capture = cv2.VideoCapture(file.name, cv2.CAP_FFMPEG)
        try:
            return _read_frames(capture)
        except cv2.error as error:
            raise InvalidInput.of("video", f"cannot be decoded: {error.err}") from error
        finally:
            capture.release()


def _read_frames(capture: cv2.VideoCapture) -> Video:
    if not capture.isOpened():
        raise InvalidInput.of("video", "cannot be opened: it is cut off, damaged or of no video")
    width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if not 0 < width * height <= MOST_PIXELS:
        raise InvalidInput.of("video", f"frames of {width} x {height} pixels cannot be used")
    frames: list[bytes] = []
    octets = 0
    while (image := _next(capture)) is not None:
        if image.shape[:2] != (height, width):  # rotated by its metadata
            height, width = image.shape[:2]
        frames.append(to_jpeg(image, quality=QUALITY))
        octets += len(frames[-1])
        if len(frames) > MOST_FRAMES:
            raise InvalidInput.of("video", f"has more than {MOST_FRAMES} frames; cut it shorter")
        if octets > MOST_OCTETS_KEPT:
            raise InvalidInput.of("video", "is too large; cut it shorter or make it smaller")
    if not frames:
        raise InvalidInput.of("video", "holds no frame that can be decoded")
    fps = capture.get(cv2.CAP_PROP_FPS)
    return Video(tuple(frames), fps if 0 < fps < 1000 else 25.0, width, height)


def _next(capture: cv2.VideoCapture) -> np.ndarray | None:
    there, image = capture.read()
    return image[..., ::-1] if there and image is not None and image.ndim == 3 else None


def _suffix(data: bytes) -> str | None:
    """By the first bytes: FFmpeg also opens playlists, and those name other files."""
    if data[4:8] in ATOMS:
        return ".mp4"
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return ".mkv"
    if data[:4] == b"RIFF" and data[8:11] == b"AVI":
        return ".avi"
    return None
