from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.lab.evaluation.video import measure
from cape_ros.lab.evaluation.video_figures import Observation, VideoFigures
from cape_ros.lab.evaluation.video_reference import Flow, read_labels
from cape_ros.media.truth import Truth
from cape_ros.perception.estimator import Estimator

FRAMES = 8
MARKS = np.array([[40.0, 30], [110, 40], [90, 100], [30, 90]])


def place(index: int) -> np.ndarray:
    """Where the object's corner is: it moves for half of the video, then it rests."""
    return np.array([20 + 4 * min(index, FRAMES // 2), 30])


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A textured patch with four marks that moves over a dark ground."""
    rng = np.random.default_rng(0)
    patch = cv2.resize(rng.integers(60, 200, (14, 14, 3), dtype=np.uint8), (140, 140))
    for point, colour in zip(
        MARKS, ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)), strict=True
    ):
        cv2.circle(patch, tuple(int(v) for v in point), 8, colour, -1)
    path = tmp_path_factory.mktemp("video") / "patch.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (240, 200))
    for index in range(FRAMES):
        frame = np.full((200, 240, 3), 20, np.uint8)
        x, y = place(index)
        frame[y : y + 140, x : x + 140] = patch
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture(scope="module")
def labels(video: Path) -> Path:
    rows = []
    for index in range(FRAMES):
        points = [[*point, 2] for point in (MARKS + place(index)).tolist()]
        if index == 0:
            points[1] = [0, 0, 0]  # the first frame hides one: it is not the one to register
        rows.append({"frame": index, "track": 3, "keypoints": points})
    path = video.with_suffix(".json")
    path.write_text(json.dumps({"names": ["a", "b", "c", "d"], "labels": rows}))
    return path


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator.load("shipped", "cpu")


def test_a_labelled_video(estimator: Estimator, video: Path, labels: Path, tmp_path: Path) -> None:
    figures = measure(estimator, video, labels, every=2, pictures=tmp_path)
    facts = figures.facts()
    assert "track 3 of frame 1" in facts["registered"]
    assert [one.frame for one in figures.observations] == [0, 2, 4, 6]
    assert facts["points"] == 3 + 4 * 3
    assert facts["error_median_px"] < 0.05 * 80
    assert facts["pck@0.1"] > 0.8
    assert facts["jitter"]["points"] == 4  # only from frame 4 to 6 nothing moves
    assert facts["jitter"]["median_px"] < 1
    assert cv2.imread(str(tmp_path / "patch.png")).shape[0] == 320


def test_labels_may_begin_with_a_byte_order_mark(labels: Path, tmp_path: Path) -> None:
    marked = tmp_path / "marked.json"
    marked.write_text("\ufeff" + labels.read_text("utf-8"), "utf-8")
    assert read_labels(marked).names == read_labels(labels).names


@pytest.mark.parametrize("labelled", [True, False])
def test_a_video_may_be_called_anything(
    estimator: Estimator, video: Path, labels: Path, tmp_path: Path, labelled: bool
) -> None:
    other = tmp_path / "  film (1).avi"
    other.symlink_to(video)
    measure(estimator, other, labels if labelled else None, every=FRAMES)


def test_an_unlabelled_video_is_followed_by_optical_flow(
    estimator: Estimator, video: Path, tmp_path: Path
) -> None:
    marks = tmp_path / "marks.json"
    points = [
        {"name": str(at), "x": x, "y": y} for at, (x, y) in enumerate((MARKS + place(1)).tolist())
    ]
    marks.write_text(json.dumps({"keypoints": points, "frame": 1}))
    figures = measure(estimator, video, keypoints=marks)
    assert figures.facts()["reference"] == "optical flow"
    assert [one.frame for one in figures.observations] == [2, 3, 4, 5, 6, 7]
    for one in figures.observations:
        away = one.truth.errors(MARKS + place(one.frame))
        assert np.nanmax(away) < 1.5
    assert figures.facts()["jitter"]["points"] == 4 * 3


@pytest.mark.slow
def test_following_needs_no_box(estimator: Estimator, video: Path, labels: Path) -> None:
    figures = measure(estimator, video, labels, follow=True)
    assert figures.facts()["reported"] >= FRAMES - 2
    assert figures.facts()["box"] == "searched and followed"


def test_flow_loses_a_point_that_goes_and_does_not_find_another() -> None:
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8), (320, 240))
    flow = Flow(image, np.array([[100.0, 100], [250, 60]]), np.array([True, True]))
    gone = image.copy()
    gone[20:100, 210:290] = 0
    assert flow.next(gone).visible.tolist() == [True, False]
    assert flow.next(image).visible.tolist() == [True, False]


def test_only_what_stands_still_trembles() -> None:
    def seen(frame: int, shift: float, answer: float) -> Observation:
        points = np.array([[10.0, 10], [50 + shift, 10]])
        return Observation(frame, 0, Truth(points, np.ones(2, bool)), points + answer, np.ones(2))

    figures = VideoFigures(
        ("a", "b"), "", "labels", True, [seen(0, 0, 0.0), seen(1, 9, 0.3), seen(2, 9, 0.3)]
    )
    facts = figures.facts()
    assert facts["jitter"]["points"] == 3
    assert facts["jitter"]["median_px"] == 0
    assert facts["error_median_px_by_keypoint"]["a"] == pytest.approx(0.3 * 2**0.5)
    assert VideoFigures(("a",), "", "labels", True, []).facts()["error_median_px"] is None


DEEP = "[" * 100_000
NAN = '{"names": ["a"], "labels": [{"frame": 0, "keypoints": [[NaN, 1, 2]]}]}'
ENDLESS = '{"names": ["a"], "labels": [{"frame": Infinity, "keypoints": [[1, 1, 2]]}]}'


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"names": ["a"], "labels": [{"frame": 0}]}', NAN, ENDLESS, DEEP]
)
def test_labels_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises((InvalidInput, SourceError), match=r"x\.json"):
        read_labels(tmp_path / "x.json")
