from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.demo.scenes import own_scene
from cape_ros.media import own_input

Film = Callable[..., Path]


def annotation(folder: Path, **fields: object) -> Path:
    path = folder / "marks.json"
    keypoints = [{"name": "a", "x": 10, "y": 10}, {"name": "b", "x": 40, "y": 30}]
    path.write_text(json.dumps({"keypoints": keypoints, **fields}))
    return path


def test_corners_are_chosen_where_nothing_is_given() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    for x, y in ((90, 70), (160, 70), (230, 70), (90, 150), (160, 150), (230, 150), (10, 10)):
        image[y : y + 25, x : x + 25] = 255
    category, remark = own_input.corners(image, "thing")
    assert category.name == "thing"
    assert category.keypoint_names == ("p1", "p2", "p3", "p4", "p5", "p6")
    assert "6 corners" in remark
    points = category.shots[0].keypoints
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(6)
    assert apart.min() >= 240 / 8
    assert (points > (60, 40)).all()


def test_an_image_without_corners_asks_for_marks() -> None:
    with pytest.raises(SourceError, match="--keypoints"):
        own_input.corners(np.full((240, 320, 3), 70, np.uint8), "thing")


def test_marks_on_a_frame_of_the_video(film: Film, tmp_path: Path) -> None:
    video = film("my film.avi")
    scene = own_scene(video, 0, annotation(tmp_path, frame=3), None)
    assert scene.name == "my_film"
    assert (
        scene.category.shots[0].image[..., 0].mean() > scene.source.waiting().image[..., 0].mean()
    )
    assert "frame 3" in scene.remark
    assert scene.source.next().truths == ()


def test_marks_on_a_photograph(film: Film, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "cup.png"), np.full((50, 80, 3), 60, np.uint8))
    marks = annotation(tmp_path, image="cup.png", name="cup")
    scene = own_scene(film(), 0, marks, 2)
    assert (scene.name, scene.source.expected) == ("cup", 2)
    assert scene.category.shots[0].image.shape == (50, 80, 3)


def test_marks_that_cannot_be_used(film: Film, tmp_path: Path) -> None:
    video = film()
    with pytest.raises(InvalidInput, match="frame"):
        own_scene(video, 0, annotation(tmp_path, frame=77), None)
    with pytest.raises(SourceError, match=r"absent\.png"):
        own_scene(video, 0, annotation(tmp_path, image="absent.png"), None)
    with pytest.raises(SourceError, match=r"none\.json"):
        own_scene(video, 0, tmp_path / "none.json", None)
    with pytest.raises(InvalidInput, match="no numbered frames"):
        own_input.annotated(annotation(tmp_path, frame=0), np.zeros((9, 9, 3), np.uint8), None, "a")
