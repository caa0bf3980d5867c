"""One image on demand, and how the network found something in it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from browsing import Site, png
from steered import Stand

from cape_ros.media.photographs import photographs
from cape_ros.perception.estimator import Estimator

IMAGE = np.zeros((48, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator.load(device="cpu")


@pytest.fixture
def real(tmp_path: Path, estimator: Estimator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """With the shipped network."""
    monkeypatch.setattr("steered.SteeredEstimator", lambda: _Timed(estimator))
    with Stand.on(tmp_path) as stand:
        site = Site(stand)
        yield site
        site.close()


class _Timed:
    """A network, with what a stand wants besides."""

    def __init__(self, estimator: Estimator) -> None:
        import threading

        self.now, self.gate, self._estimator = 0.0, threading.Event(), estimator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._estimator, name)


def test_estimate_where_it_is_and_where_it_is_searched(site: Site) -> None:
    site.stand.register("cup")
    image = site.upload(IMAGE)
    box = {"x": 8, "y": 4, "width": 40, "height": 40}
    found = site.post("estimate", {"image": image, "category": "cup", "box": box})
    assert found["object"]["track_id"] == -1
    assert [point["visibility"] for point in found["object"]["keypoints"]] == [2] * 4
    assert found["object"]["score"] == pytest.approx(0.9)
    assert site.stand.estimator.batches == [1]
    searched = site.post("estimate", {"image": image, "category": "cup"})
    assert searched["object"]["score"] == pytest.approx(0.9)
    site.stand.estimator.visible = False
    absent = site.post("estimate", {"image": image, "category": "cup"})
    assert absent["object"]["score"] == 0


def test_what_is_not_registered_yet(site: Site) -> None:
    image = site.upload(IMAGE)
    keypoints = [{"x": 24, "y": 16}, {"x": 40, "y": 16}]
    shots = [{"image": image, "keypoints": keypoints}]
    draft = {"name": "cup", "keypoint_names": ["a", "b"], "shots": shots}
    found = site.post("estimate", {"image": image, "draft": draft})["object"]
    assert (found["category"], len(found["keypoints"])) == ("cup", 2)
    assert site.stand.server.categories == {}
    wrong = draft | {"keypoint_names": ["a", "a"]}
    assert set(site.faults("estimate", {"image": image, "draft": wrong})) == {
        "draft.keypoint_names[1]"
    }
    assert "category" in site.faults("estimate", {"image": image})
    assert "category" in site.faults("estimate", {"image": image, "draft": draft, "category": "a"})


def test_what_cannot_be_inspected_is_refused_by_field(site: Site) -> None:
    site.stand.register("cup")
    usual = {"image": site.upload(IMAGE), "category": "cup"}
    nowhere = {"x": 900, "y": 0, "width": 5, "height": 5}
    for change, field in (
        ({"image": "none"}, "image"),
        ({"box": nowhere}, "box"),
        ({"shots": [1]}, "shots[0]"),
        ({"shots": []}, "shots"),
    ):
        assert any(field in each for each in site.faults("estimate", usual | change))
    assert "name" in site.faults("estimate", usual | {"category": "pan"}, 404)
    assert "keypoint" in site.faults("inspect", usual | {"keypoint": 4})
    assert "keypoint" in site.faults("inspect", usual | {"keypoint": -1})


@pytest.mark.slow
def test_one_shot_beside_all_and_how_a_keypoint_was_found(real: Site) -> None:
    coffee = photographs()[0]
    (shot,) = coffee.shots
    image = real.ask("POST", "images", content=png(shot.image))["image"]
    good = [{"x": x, "y": y} for x, y in shot.keypoints.tolist()]
    wrong = [{"x": 300 + n, "y": 380} for n in range(len(good))]
    body = {
        "name": "coffee",
        "keypoint_names": list(coffee.keypoint_names),
        "shots": [{"image": image, "keypoints": points} for points in (wrong, good)],
    }
    real.post("categories", body)
    x, y, width, height = shot.box
    request = {
        "image": image,
        "category": "coffee",
        "box": {"x": x, "y": y, "width": width, "height": height},
    }

    def error(shots: list[int] | None) -> float:
        found = real.post("estimate", request | {"shots": shots})["object"]
        points = [(point["x"], point["y"]) for point in found["keypoints"]]
        return float(np.median(np.linalg.norm(np.array(points) - shot.keypoints, axis=1)))

    assert error([1]) < 10 < error([0])

    seen = real.post("inspect", request | {"keypoint": 5})
    size = {_size(seen[picture]) for picture in ("crop", "similarity", "encoder", "decoder")}
    assert len(size) == 1
    assert seen["box"] == request["box"]
    shown = seen["crop_box"]
    assert shown["width"] == shown["height"] == pytest.approx(1.25 * max(width, height), abs=2)
    assert shown["x"] + shown["width"] / 2 == pytest.approx(x + width / 2, abs=1)
    for place in (seen["point"], seen["proposal"]):
        assert x - width / 4 <= place["x"] <= x + 1.25 * width
        assert y - height / 4 <= place["y"] <= y + 1.25 * height


def _size(url: str) -> tuple[int, int]:
    kind, _, data = url.partition(",")
    assert kind == "data:image/png;base64"
    return PIL.Image.open(io.BytesIO(base64.b64decode(data))).size
