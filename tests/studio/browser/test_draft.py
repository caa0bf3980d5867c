"""The draft: what becomes of marks, edges and symmetries when keypoints move in the order or go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route

import cape_ros.studio

PAGE = Path(cape_ros.studio.__file__).with_name("page")

DRAFT: dict[str, Any] = {
    "name": "mug",
    "mode": "create",
    "version": 0,
    "keypoint_names": ["a", "b", "c"],
    "edges": [[0, 1], [1, 2]],
    "symmetries": [[1, 0, 2], [1, 2, 0]],
    "shots": [
        {
            "image": "0",
            "width": 100,
            "height": 50,
            "box": None,
            "marks": [
                {"x": 1, "y": 1, "visible": True},
                {"x": 2, "y": 2, "visible": True},
                {"x": 3, "y": 3, "visible": True},
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def modules(chromium: Browser) -> Iterator[Page]:
    """A browser that can load the page's modules, without a server."""

    def answer(route: Route) -> None:
        route.fulfill(path=PAGE / urlsplit(route.request.url).path.lstrip("/"))

    context = chromium.new_context()
    page = context.new_page()
    page.route("http://studio/**", answer)
    page.goto("http://studio/icon.svg")
    yield page
    context.close()


def test_reordering_takes_edges_and_marks_along(modules: Page) -> None:
    moved = _call(modules, "reorder", DRAFT, 2, 0)
    assert moved["keypoint_names"] == ["c", "a", "b"]
    assert [mark["x"] for mark in moved["shots"][0]["marks"]] == [3, 1, 2]
    assert moved["edges"] == [[1, 2], [2, 0]]
    assert moved["symmetries"] == [[0, 2, 1], [1, 2, 0]]


def test_removing_a_keypoint_removes_its_edges_and_renumbers(modules: Page) -> None:
    less = _call(modules, "removeKeypoint", DRAFT, 0)
    assert less["keypoint_names"] == ["b", "c"]
    assert less["edges"] == [[0, 1]]
    assert less["symmetries"] == []  # a had a partner, and was part of the ring
    assert _call(modules, "removeKeypoint", DRAFT, 2)["symmetries"] == [[1, 0]]
    assert _call(modules, "addKeypoint", DRAFT)["symmetries"] == [[1, 0, 2, 3], [1, 2, 0, 3]]
    assert [mark["x"] for mark in less["shots"][0]["marks"]] == [2, 3]


def test_a_prediction_outside_the_image_has_to_be_placed(modules: Page) -> None:
    found = {
        "box": {"x": 10, "y": 10, "width": 200, "height": 20},
        "keypoints": [
            {"x": 5, "y": 5, "score": 0.9, "visibility": 2},
            {"x": 120, "y": 5, "score": 0.9, "visibility": 2},
            {"x": 50, "y": 20, "score": 0.1, "visibility": 0},
        ],
    }
    predicted = _call(modules, "predict", unmarked(), 0, found)
    assert predicted["shots"][0]["marks"][1] is None
    assert predicted["shots"][0]["box"] == {"x": 10, "y": 10, "width": 90, "height": 20}
    texts = [each["text"] for each in _call(modules, "problems", predicted, None)]
    assert texts == ["b: no place yet", "c: the network is unsure, drag to correct"]


def test_a_prediction_fills_only_what_has_no_place(modules: Page) -> None:
    draft = unmarked()
    own = {"x": 1, "y": 1, "visible": True}
    hidden = {"x": 0, "y": 0, "visible": False}
    box = {"x": 5, "y": 5, "width": 20, "height": 20}
    draft["shots"][0] |= {"marks": [own, hidden, None], "box": box}
    found = {
        "box": {"x": 10, "y": 10, "width": 50, "height": 20},
        "keypoints": [{"x": 9, "y": 9, "score": 0.9, "visibility": 2}] * 3,
    }
    (shot,) = _call(modules, "predict", draft, 0, found)["shots"]
    assert shot["marks"][:2] == [own, hidden]
    assert (shot["marks"][2]["x"], shot["box"]) == (9, box)
    (shot,) = _call(modules, "predict", draft, 0, found, True)["shots"]
    assert [mark["x"] for mark in shot["marks"]] == [9, 9, 9]


def unmarked() -> dict[str, Any]:
    """The draft before any keypoint of its shot is marked."""
    return {**DRAFT, "shots": [{**DRAFT["shots"][0], "marks": [None] * 3}]}


def test_a_taken_name_can_be_replaced_on_purpose_only(modules: Page) -> None:
    (problem,) = _call(modules, "problems", DRAFT, "mug")
    assert problem["fix"] == "replace"
    assert _call(modules, "problems", {**DRAFT, "mode": "replace"}, "mug") == []


def _call(page: Page, function: str, *arguments: Any) -> Any:
    """What a function of draft.js answers; `problems` takes the name of a registered category."""
    return page.evaluate(
        """async ([name, given]) => {
          const draft = await import("/js/draft.js");
          if (name === "problems") given[1] = new Map(given[1] ? [[given[1], {}]] : []);
          return draft[name](...given);
        }""",
        [function, list(arguments)],
    )
