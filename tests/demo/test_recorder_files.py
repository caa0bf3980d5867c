"""What is left on disk."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import cv2
import numpy as np
import pytest

if not find_spec("rclpy"):
    pytest.skip("needs rclpy", allow_module_level=True)

from cape_ros.demo.contact_sheet import WIDTH, ContactSheet
from cape_ros.demo.film import Film
from cape_ros.demo.recorder import as_json
from cape_ros.demo.scoreboard import Detection, Entry
from cape_ros.media.truth import Truth

SECOND = 10**9
TILE = (WIDTH, WIDTH * 3 // 4)  # of frames of 640 x 480


def picture(level: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.full((*size, 3), level, np.uint8)


def test_a_film_runs_as_fast_as_the_camera_did(tmp_path: Path) -> None:
    film = Film(tmp_path, 10)
    for stamp in (0, 0.1, 0.5, 0.6):  # three frames were dropped before 0.5
        film.add(picture(100), int(stamp * SECOND))
    film.close()
    assert film.path == tmp_path / "overlay.webm"
    capture = cv2.VideoCapture(str(film.path))
    assert capture.get(cv2.CAP_PROP_FPS) == 10
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 7


def test_a_browser_plays_the_film(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    known = (os.environ.get("CHROMIUM"), which("chromium-headless-shell"), which("chromium"))
    if not (chromium := next(filter(None, known), None)):
        pytest.skip("needs Chromium")
    film = Film(tmp_path, 10)
    for index in range(20):
        film.add(picture(10 * index), index * SECOND // 10)
    film.close()
    assert capfd.readouterr().err == ""
    page = tmp_path / "page.html"
    page.write_text(f'<video src="{film.path.name}" preload="auto" muted></video>')
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(page.as_uri())
        tab.wait_for_function("video = document.querySelector('video'), video.readyState >= 2")
        assert tab.evaluate("[video.videoWidth, video.videoHeight]") == [64, 48]
        assert tab.evaluate("video.duration") == pytest.approx(2, abs=0.2)
        browser.close()


def test_without_a_codec_there_are_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoCodec:
        fourcc = staticmethod(cv2.VideoWriter.fourcc)

        def __init__(self, *given: object) -> None:
            pass

        def isOpened(self) -> bool:  # noqa: N802
            return False

    monkeypatch.setattr(cv2, "VideoWriter", NoCodec)
    film = Film(tmp_path, 10)
    film.add(picture(10), 0)
    film.add(picture(200), SECOND // 10)
    film.close()
    assert film.path == tmp_path / "overlay"
    assert [cv2.imread(str(path)).mean() for path in sorted(film.path.iterdir())] == [10, 200]


def test_a_film_of_nothing(tmp_path: Path) -> None:
    Film(tmp_path, 10).close()
    assert list(tmp_path.iterdir()) == []


def entry(index: int, keypoints: np.ndarray) -> Entry:
    truth = Truth(keypoints, np.array([True, True, False]))
    moved = np.add(keypoints, (3, 4))
    detection = Detection("abc", 3, 7, 0.5, (1, 2, 3, 4), moved, np.ones(3), np.full(3, 2))
    return Entry(5 * SECOND + index, "cup", index, (truth,), 0.05, (detection,))


CORNERS = np.array([[100, 100], [500, 400], [700, 50]], float)


def test_a_contact_sheet_shows_twelve_frames_from_all_over(tmp_path: Path) -> None:
    sheet = ContactSheet()
    for index in range(60):
        sheet.add(entry(index, CORNERS), picture(4 * index, (480, 640)))
    assert sheet.write(tmp_path / "sheet.png")
    page = cv2.imread(str(tmp_path / "sheet.png"))
    assert page.shape == (4 * TILE[1], 3 * TILE[0], 3)
    middles = [
        page[TILE[1] * row + 20, TILE[0] * column + 20, 0]
        for row in range(4)
        for column in range(3)
    ]
    assert np.all(np.diff(np.array(middles, int)) > 8)


@pytest.mark.parametrize("size", [1.0, 0.15])
def test_the_truth_is_drawn_where_it_is(size: float, tmp_path: Path) -> None:
    """On the whole frame, and on the close-up of a small object."""
    image = picture(0, (480, 640))
    places = CORNERS * size + (1 - size) * np.array([320, 240])
    for place in places[:2]:
        cv2.circle(image, np.rint(place).astype(int).tolist(), round(40 * size), (0, 255, 0), -1)
    sheet = ContactSheet()
    sheet.add(entry(0, places), image)
    sheet.write(tmp_path / "sheet.png")
    tile = cv2.imread(str(tmp_path / "sheet.png"))[: TILE[1] - 25]  # without the words
    blue, green, _ = cv2.split(tile.astype(int))
    for half in (np.s_[: TILE[0] // 2], np.s_[TILE[0] // 2 :]):
        disc = np.argwhere(green[:, half] > 150).mean(axis=0)
        cross = np.argwhere(blue[:, half] > 200).mean(axis=0)
        assert np.linalg.norm(disc - cross) < 1


def test_nothing_to_show(tmp_path: Path) -> None:
    assert not ContactSheet().write(tmp_path / "sheet.png")


def test_a_line_has_the_result_and_the_truth() -> None:
    (line,) = as_json(entry(4, CORNERS))
    assert line["stamp"] == {"sec": 5, "nanosec": 4}
    assert (line["scene"], line["frame"], line["category_version"]) == ("cup", 4, 3)
    assert (line["track_id"], line["box"], line["latency_ms"]) == (7, [1, 2, 3, 4], 50)
    first, _, third = line["keypoints"]
    assert first == {
        **{"name": "a", "x": 103.0, "y": 104.0, "score": 1.0, "visibility": 2},
        **{"true_x": 100.0, "true_y": 100.0, "true_visible": True, "error_px": 5.0},
    }
    assert (third["true_visible"], third["error_px"]) == (False, None)


def test_a_line_without_an_object_and_one_without_truth() -> None:
    assert [line["category"] for line in as_json(Entry(1, "cup", None, (), 0.1))] == [None]
    unlabelled = entry(4, CORNERS)
    unlabelled.truths = ()
    (line,) = as_json(unlabelled)
    assert "true_x" not in line["keypoints"][0]
