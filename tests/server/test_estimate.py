"""One image on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from steered import IMAGE, SECONDS, Stand, category

from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.server.server import Frame

BOX = (10.0, 10.0, 40.0, 30.0)
ELSEWHERE = (0.0, 0.0, 20.0, 20.0)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand.on(tmp_path) as stand:
        stand.register("cup", "pan", "pot")
        yield stand


def test_at_boxes(stand: Stand) -> None:
    found = stand.server.estimate(IMAGE, ["pan", "cup", "pan"], [BOX, ELSEWHERE, ELSEWHERE])
    assert [(each.category, each.box, each.track_id) for each in found] == [
        ("pan", BOX, -1),
        ("cup", ELSEWHERE, -1),
        ("pan", ELSEWHERE, -1),
    ]
    assert [each.score > 0.8 for each in found] == [True, False, False]
    assert stand.estimator.batches == [3]


def test_searched(stand: Stand) -> None:
    """All categories, active or not, two of them in a batch; what is not there has no answer."""
    stand.server.activate(None, ["cup"])
    stand.estimator.only = {"cup", "pot"}
    found = stand.server.estimate(IMAGE)
    assert [(each.category, each.score > 0.8, each.track_id) for each in found] == [
        ("cup", True, -1),
        ("pot", True, -1),
    ]
    assert stand.estimator.batches == [28, 14]


def test_named_ones_are_searched_once_each(stand: Stand) -> None:
    found = stand.server.estimate(IMAGE, ["pot", "cup", "pot"])
    assert [each.category for each in found] == ["pot", "cup"]
    assert stand.estimator.batches == [28]
    assert stand.server.estimate(IMAGE, []) == []


def test_the_frames_do_not_notice(stand: Stand) -> None:
    stand.show()
    before = stand.results[-1].objects[0].track_id
    stand.server.estimate(np.zeros((90, 120, 3), np.uint8))
    stand.show()
    assert stand.results[-1].objects[0].track_id == before
    assert stand.server.statistics.received == len(stand.results) == 2


def test_a_frame_is_processed_during_a_long_search(stand: Stand) -> None:
    stand.show()  # all are tracked from here on
    stand.estimator.batches.clear()
    while stand.estimator.entered.acquire(blocking=False):
        pass
    stand.estimator.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(stand.server.estimate, IMAGE)
        assert stand.estimator.entered.acquire(timeout=SECONDS)
        stand.server.submit(Frame("a", IMAGE))
        stand.estimator.gate.set()
        assert len(found.result(SECONDS)) == 3
    stand.settle()
    frame = stand.estimator.batches.index(3)  # all that is tracked, in one pass
    assert 0 < frame < len(stand.estimator.batches) - 1
    assert len(stand.results) == 2


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({"image": np.zeros((0, 4, 3), np.uint8)}, ["image"]),
        ({"image": np.zeros((4, 4), np.uint8)}, ["image"]),
        ({"image": np.zeros((2, 9, 3), np.uint8)}, ["image"]),
        ({"names": ["mug", "cup", "lid"]}, ["categories[0]", "categories[2]"]),
        ({"names": ["cup"], "boxes": [BOX, BOX]}, ["boxes"]),
        ({"names": ["cup"], "boxes": []}, ["boxes"]),
        ({"names": [], "boxes": [BOX]}, ["boxes"]),
        ({"boxes": [BOX]}, ["categories"]),
        (
            {
                "names": ["cup", "mug", "pan", "pot"],
                "boxes": [(0, 0, 0, 5), BOX, (500, 0, 10, 10), (0, 0, float("nan"), 5)],
            },
            ["categories[1]", "boxes[0]", "boxes[2]", "boxes[3]"],
        ),
        (
            {"image": np.zeros((0, 4, 3), np.uint8), "names": ["mug"], "boxes": [(0, 0, -1, 5)]},
            ["image", "categories[0]", "boxes[0]"],
        ),
    ],
)
def test_every_fault_is_named(stand: Stand, arguments: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(InvalidInput) as error:
        stand.server.estimate(**{"image": IMAGE, **arguments})
    assert [fault.field for fault in error.value.faults] == fields
    assert stand.estimator.batches == []
    assert len(stand.server.estimate(IMAGE)) == 3


def test_a_failing_network_is_the_callers_to_know(stand: Stand) -> None:
    stand.estimator.fail = RuntimeError("out of memory")
    with pytest.raises(RuntimeError, match="out of memory"):
        stand.server.estimate(IMAGE)
    stand.estimator.fail = None
    stand.show()
    assert len(stand.results) == 1


def test_what_it_searches_is_not_removed_meanwhile(stand: Stand) -> None:
    stand.estimator.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        found = pool.submit(stand.server.estimate, IMAGE)
        assert stand.estimator.entered.acquire(timeout=SECONDS)
        removed = pool.submit(stand.server.remove, "pot")
        stand.estimator.gate.set()
        assert [each.category for each in found.result(SECONDS)] == ["cup", "pan", "pot"]
        removed.result(SECONDS)
    assert [each.category for each in stand.server.estimate(IMAGE)] == ["cup", "pan"]


def test_not_on_the_callers_thread_and_not_after_the_end(stand: Stand) -> None:
    stand.server.estimate(IMAGE)
    assert threading.get_ident() not in stand.estimator.threads
    stand.server.close()
    with pytest.raises(CapeError, match="has stopped"):
        stand.server.estimate(IMAGE)


def test_a_category_that_is_not_registered_is_tried_out(stand: Stand) -> None:
    new = category("new")
    found = stand.server.try_out(IMAGE, new, None)
    assert (found.category, found.track_id) == ("new", -1)
    assert found.score > 0.8
    assert stand.server.try_out(IMAGE, new, (8.0, 4.0, 40.0, 40.0)).box == (8.0, 4.0, 40.0, 40.0)
    stand.estimator.visible = False
    assert stand.server.try_out(IMAGE, new, None).score == 0
    assert "new" not in stand.server.categories
    with pytest.raises(InvalidInput, match=r"image: .*; box: has no area"):
        stand.server.try_out(IMAGE[..., 0], new, (0.0, 0.0, 0.0, 0.0))
    stand.server.close()
    with pytest.raises(CapeError, match="has stopped"):
        stand.server.try_out(IMAGE, new, None)
