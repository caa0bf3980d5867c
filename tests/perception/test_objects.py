from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from cape_ros.core.errors import CapeError
from cape_ros.perception.objects import ObjectKeypoints

FOUND = ObjectKeypoints(
    category="mug",
    category_version=3,
    box=(10.0, 20.0, np.float32(30.5), 40.123),  # type: ignore[arg-type]
    keypoints=np.array([(12.3456, 34), (-1.5, 50)], np.float32),
    scores=np.array([0.91239, 0], np.float32),
    matches=np.array([0.75, 0.25], np.float32),
    keypoint_names=("rim", "handle"),
    track_id=7,
)


def test_an_answer_as_a_dict_says_what_was_found() -> None:
    assert FOUND.to_dict() == {
        "category": "mug",
        "category_version": 3,
        "track_id": 7,
        "score": 0.5,
        "box": [10.0, 20.0, 30.5, 40.12],
        "keypoints": [
            {"name": "rim", "x": 12.35, "y": 34.0, "score": 0.9124},
            {"name": "handle", "x": -1.5, "y": 50.0, "score": 0.0},
        ],
    }


def test_an_answer_as_a_dict_survives_json() -> None:
    assert json.loads(json.dumps(FOUND.to_dict())) == FOUND.to_dict()


@dataclass
class KeyPoints:
    """As supervision has it."""

    xy: np.ndarray
    class_id: np.ndarray | None = None
    confidence: np.ndarray | None = None
    data: dict[str, Any] | None = None


def test_an_answer_for_supervision_is_a_batch_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = ModuleType("supervision")
    stand_in.KeyPoints = KeyPoints  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "supervision", stand_in)
    given = FOUND.to_supervision()
    assert isinstance(given, KeyPoints)
    np.testing.assert_array_equal(given.xy, FOUND.keypoints[None])
    np.testing.assert_array_equal(given.confidence, FOUND.scores[None])
    assert given.xy.dtype == given.confidence.dtype == np.float32
    assert given.class_id is None
    assert {name: values.tolist() for name, values in given.data.items()} == {"class_name": ["mug"]}


def test_without_supervision_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(CapeError, match=r"supervision.*: pip install 'supervision>="):
        FOUND.to_supervision()
