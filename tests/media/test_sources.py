from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.media import sources
from cape_ros.media.photographs import photographs
from cape_ros.media.sources import (
    CutOff,
    LiveCamera,
    MovingPhotograph,
    Source,
    VideoFile,
    video_frame,
)

Film = Callable[..., Path]


def all_of(source: Source) -> list[int | None]:
    return [frame.index for frame in iter(source.next, None)]


def test_a_video_is_sent_whole_and_then_ends(film: Film) -> None:
    source = VideoFile(film(), 100)
    assert (source.rate, source.expected) == (8.0, 5)
    waiting = source.waiting()
    assert waiting.index is None
    reds = [frame.image[..., 0].mean() for frame in iter(source.next, None)]
    assert len(reds) == 5
    assert np.diff(reds).min() > 20  # RGB, in order
    assert source.next() is None
    assert waiting.image[..., 0].mean() == reds[0]


def test_a_fast_video_is_slowed_down_and_a_long_one_is_cut(film: Film) -> None:
    source = VideoFile(film(rate=30), 3)
    assert (source.rate, source.expected) == (sources.RATE, 3)
    assert all_of(source) == [0, 1, 2]


@pytest.mark.parametrize("rate", [8.0, 30.0])
def test_each_frame_says_when_its_video_shows_it(film: Film, rate: float) -> None:
    source = VideoFile(film(rate=rate), 100)
    for _ in range(2):
        seconds = [frame.seconds for frame in iter(source.next, None)]
        assert seconds == pytest.approx([index / rate for index in range(5)], abs=1e-3)
        source.rewind()


def test_a_video_without_times_has_those_of_its_rate(
    film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Timeless:
        def __init__(self, what: str) -> None:
            self._capture = capture(what)

        def get(self, what: int) -> float:
            return 0.0 if what == cv2.CAP_PROP_POS_MSEC else self._capture.get(what)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._capture, name)

    capture = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", Timeless)
    seconds = [frame.seconds for frame in iter(VideoFile(film(rate=20), 100).next, None)]
    assert seconds == pytest.approx([0.0, 0.05, 0.1, 0.15, 0.2])


def test_a_rate_that_no_video_has_is_none(tmp_path: Path) -> None:
    """Some recorders write the clock's ticks instead."""
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for _ in range(4):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    data = bytearray(path.read_bytes())
    rate = data.index(b"strh") + 8 + 20
    data[rate : rate + 8] = struct.pack("<II", 1, 90_000)
    path.write_bytes(data)
    seconds = [frame.seconds for frame in iter(VideoFile(path, 100).next, None)]
    assert seconds == pytest.approx([0.0, 0.1, 0.2, 0.3], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "MJPG"), ("a.webm", "VP80"), ("a.mkv", "MJPG")]
)
def test_a_video_that_is_cut_off_says_so_once(name: str, codec: str, tmp_path: Path) -> None:
    path = tmp_path / name
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10, (64, 48))
    noise = np.random.default_rng(0)
    for _ in range(60):
        writer.write(noise.integers(0, 255, (48, 64, 3), np.uint8))
    writer.release()
    assert len(all_of(VideoFile(path, 1000))) == 60  # it is whole
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = VideoFile(path, 1000)
    for _ in range(2):
        came: list[int | None] = []
        with pytest.raises(CutOff, match=r"is cut off or damaged: .* of 6\.0 s cannot be decoded"):
            came.extend(frame.index for frame in iter(source.next, None))
        assert 20 < len(came) < 40
        assert source.next() is None
        source.rewind()
    assert len(all_of(VideoFile(path, 10))) == 10  # nobody asked for more


def test_one_frame_of_a_video(film: Film) -> None:
    path = film()
    assert video_frame(path, 4)[..., 0].mean() > video_frame(path, 3)[..., 0].mean()
    with pytest.raises(InvalidInput, match="frame: 5 is behind the end"):
        video_frame(path, 5)


@pytest.mark.parametrize("content", [b"", b"no film", bytes(range(256)) * 40])
def test_what_is_no_video(
    content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.mp4: not a video"):
        VideoFile(path, 5)
    assert capfd.readouterr() == ("", "")  # one sentence, not also those of the libraries


def test_a_video_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such video file"):
        VideoFile(tmp_path / "a.mp4", 5)
    with pytest.raises(SourceError, match="no such video file"):
        VideoFile(tmp_path, 5)


def test_a_camera_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="camera 97 cannot be opened"):
        LiveCamera(97, 5)
    assert capfd.readouterr() == ("", "")


def test_a_camera_that_vanishes(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short film stands in for the camera: like an unplugged one, it gives no more images."""
    path = film()
    monkeypatch.setattr(sources, "_open", lambda what, otherwise: cv2.VideoCapture(str(path)))
    camera = LiveCamera(0, 100)
    assert camera.waiting().index is None
    assert [camera.next().index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(SourceError, match="camera 0 stopped giving images"):
        camera.next()


def test_a_camera_is_stopped_after_the_frames_asked_for(
    film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = film()
    monkeypatch.setattr(sources, "_open", lambda what, otherwise: cv2.VideoCapture(str(path)))
    assert all_of(LiveCamera(0, 2)) == [0, 1]


def test_a_moving_photograph_knows_where_its_keypoints_are() -> None:
    category = photographs()[2]
    source = MovingPhotograph(category, 6, seed=2)
    waiting = source.waiting()
    frames = list(iter(source.next, None))
    assert [frame.index for frame in frames] == list(range(6))
    assert np.array_equal(waiting.image, frames[0].image)
    assert not np.array_equal(frames[0].image, frames[3].image)
    for frame in frames:
        (truth,) = frame.truths
        assert truth.keypoints.shape == category.shots[0].keypoints.shape
        assert truth.visible.any()


def test_from_the_beginning_again(film: Film) -> None:
    (photograph, *_) = photographs()
    for source in (VideoFile(film(), 100), MovingPhotograph(photograph, 4, seed=1)):
        first = [frame.image for frame in iter(source.next, None)]
        source.rewind()
        again = [frame.image for frame in iter(source.next, None)]
        assert len(first) > 3
        assert np.array_equal(first, again)
        source.close()
