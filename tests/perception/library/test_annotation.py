from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.perception.library.annotation import read_annotation
from cape_ros.perception.spatial.frames import to_mapping

IMAGE = np.full((60, 90, 3), 40, np.uint8)  # 90 wide, 60 high
KEYPOINTS = [
    {"name": "tip", "x": 10, "y": 12.5},
    {"name": "hidden", "visible": False},
    {"name": "end", "x": 70, "y": 55, "visible": True},
]


def written(folder: Path, **fields: Any) -> Path:
    path = folder / "arm.json"
    path.write_text(json.dumps({"name": "arm", "keypoints": KEYPOINTS, **fields}))
    return path


def faults(folder: Path, pixels: np.ndarray = IMAGE, /, **fields: Any) -> list[str]:
    with pytest.raises(InvalidInput) as raised:
        read_annotation(written(folder, **fields)).category(pixels)
    return [fault.field for fault in raised.value.faults]


def test_a_file_becomes_a_category_with_one_shot(tmp_path: Path) -> None:
    path = written(tmp_path, edges=[[0, 2]], box=[5, 5, 70, 54.5])
    category = read_annotation(path).category(IMAGE)
    assert (category.name, category.keypoint_names) == ("arm", ("tip", "hidden", "end"))
    assert category.edges == ((0, 2),)
    (shot,) = category.shots
    assert shot.keypoints.tolist() == [[10, 12.5], [0, 0], [70, 55]]
    assert shot.visible.tolist() == [True, False, True]
    assert shot.box == (5, 5, 70, 54.5)
    assert shot.image.shape == IMAGE.shape


def test_a_file_may_hold_a_shape_and_frames(tmp_path: Path) -> None:
    points = [[0.01, 0, 0.02], None, [0, 0.03, 0]]
    frames = {"grip": {"origin": ["tip", "end"], "x": "tip->end", "z": "down"}}
    category = read_annotation(written(tmp_path, keypoints_3d=points, frames=frames)).category(
        IMAGE
    )
    assert category.shape is not None
    assert category.shape.known.tolist() == [True, False, True]
    assert category.shape.points[2].tolist() == points[2]
    assert to_mapping(category.frames, category.keypoint_names) == frames


def test_a_name_given_goes_before_the_one_in_the_file(tmp_path: Path) -> None:
    assert read_annotation(written(tmp_path)).category(IMAGE, "leg").name == "leg"
    assert read_annotation(written(tmp_path, name=None)).category(IMAGE, "leg").name == "leg"
    assert faults(tmp_path, name=None) == ["name"]


def test_what_is_annotated_may_be_named(tmp_path: Path) -> None:
    assert read_annotation(written(tmp_path, image="a.png")).image == tmp_path / "a.png"
    assert read_annotation(written(tmp_path, frame=7)).frame == 7
    assert faults(tmp_path, frame=-1) == ["frame"]
    assert faults(tmp_path, image="a.png", frame=1) == ["frame"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": 3}, ["name"]),
        ({"name": "../up"}, ["name"]),
        ({"keypoint": []}, ["keypoint"]),
        ({"keypoints": []}, ["keypoints"]),
        ({"keypoints": "tip"}, ["keypoints"]),
        ({"keypoints": [5]}, ["keypoints[0]"]),
        ({"keypoints": [{"x": 1, "y": 1}]}, ["keypoints[0].name"]),
        ({"keypoints": [{"name": "a", "x": "1", "y": 1}]}, ["keypoints[0].x"]),
        ({"keypoints": [{"name": "a", "x": 1, "y": True}]}, ["keypoints[0].y"]),
        ({"keypoints": [{"name": "a", "x": 1}]}, ["keypoints[0].y"]),
        ({"keypoints": [{"name": "a", "x": 1, "y": 1, "visible": 1}]}, ["keypoints[0].visible"]),
        ({"keypoints": [{"name": "a", "x": 1, "y": 1, "visble": 1}]}, ["keypoints[0].visble"]),
        ({"keypoints": [{"name": "a", "x": float("nan"), "y": 1}]}, ["keypoints[0]"]),
        ({"keypoints": [{"name": "a", "x": 10**400, "y": 1}]}, ["keypoints[0]"]),
        ({"keypoints": [{"name": "a", "x": 90, "y": 1}]}, ["keypoints[0]"]),
        ({"keypoints": [{"name": "a", "x": 1, "y": 1}] * 2}, ["keypoints[1].name"]),
        ({"keypoints": [{"name": "a", "visible": False}]}, ["visible"]),
        ({"edges": 5}, ["edges"]),
        ({"edges": [[0, 1], [0], [0, "1"]]}, ["edges[1]", "edges[2]"]),
        ({"edges": [[0, 3]]}, ["edges[0]"]),
        ({"box": [1, 2, 3]}, ["box"]),
        ({"box": 4}, ["box"]),
        ({"box": [5, 5, 0, 9]}, ["box"]),
        ({"frame": 1.5}, ["frame"]),
        ({"keypoints_3d": 3}, ["keypoints_3d"]),
        ({"keypoints_3d": [[1, 2, 3]]}, ["keypoints_3d"]),
        ({"keypoints_3d": [[1, 2, 3], [1, 2]]}, ["keypoints_3d"]),
        ({"frames": {"g": {"origin": ["no"], "z": "up"}}}, ["frames.g.origin[0]", "frames.g.z"]),
        ({"frames": [1]}, ["frames"]),
    ],
)
def test_every_fault_is_named_by_its_field(
    fields: dict[str, Any], expected: list[str], tmp_path: Path
) -> None:
    assert faults(tmp_path, **fields) == expected


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    keypoints = [{"x": 1, "y": 1}, {"name": "b", "x": None, "y": 2}]
    found = faults(tmp_path, name=[], keypoints=keypoints, edges=[1], box="no")
    assert found == ["name", "keypoints[0].name", "keypoints[1].x", "edges[0]", "box"]


def test_an_image_that_cannot_be_used(tmp_path: Path) -> None:
    assert faults(tmp_path, np.zeros((5, 5, 4), np.uint8)) == ["image"]
    assert faults(tmp_path, np.zeros((5, 5), np.uint8)) == ["image"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\x00", b"[" * 100_000])
def test_a_file_that_cannot_be_read(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "arm.json"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"arm\.json"):
        read_annotation(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read_annotation(tmp_path / "arm.json")
    with pytest.raises(SourceError, match="directory"):
        read_annotation(tmp_path)
