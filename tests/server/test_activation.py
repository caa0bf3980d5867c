"""Which categories are active on which camera."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from steered import SECONDS, Stand

from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.perception.objects import ObjectRequest

BOX = (10.0, 10.0, 40.0, 30.0)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand.on(tmp_path) as stand:
        stand.register("cup", "pan")
        stand.announced.clear()
        yield stand


def test_until_somebody_says_otherwise_everything_is_active(stand: Stand) -> None:
    assert stand.server.active("a") == ("cup", "pan")
    assert stand.server.is_active("cup")
    assert not stand.server.is_active("mug")
    stand.show()
    assert stand.found() == ["cup", "pan"]


def test_one_camera_has_its_own_active_categories(stand: Stand) -> None:
    stand.server.activate("a", ["pan"])
    for camera in "ab":
        stand.show(camera)
    assert stand.found("a") == ["pan"]
    assert stand.found("b") == ["cup", "pan"]
    assert stand.server.active("a") == ("pan",)
    stand.server.activate("a", ())
    stand.show()
    assert stand.found() == []


def test_without_a_camera_every_one_is_meant_also_those_that_come_later(stand: Stand) -> None:
    stand.show("a")
    stand.server.activate("a", ["cup"])
    stand.server.activate(None, ["pan"])
    for camera in ("a", "later"):
        stand.show(camera)
        assert stand.found(camera) == ["pan"]
        assert stand.server.active(camera) == ("pan",)
    assert not stand.server.is_active("cup")


def test_all_includes_what_is_registered_later_and_a_list_does_not(stand: Stand) -> None:
    stand.server.activate("a", ["cup", "pan"])
    stand.register("lid")
    assert stand.server.active("a") == ("cup", "pan")
    assert stand.server.active("b") == ("cup", "pan", "lid")
    stand.server.activate("a", None)
    stand.register("pot")
    assert stand.server.active("a") == ("cup", "pan", "lid", "pot")


def test_active_anywhere_counts(stand: Stand) -> None:
    stand.server.activate(None, ())
    assert not stand.server.is_active("cup")
    stand.server.activate("a", ["cup"])
    assert stand.server.is_active("cup")
    assert not stand.server.is_active("pan")


def test_unknown_names_are_listed_and_nothing_changes(stand: Stand) -> None:
    stand.server.activate("a", ["pan"])
    with pytest.raises(InvalidInput) as error:
        stand.server.activate("a", ["cup", "mug", "pan", "lid"])
    assert [fault.field for fault in error.value.faults] == ["categories[1]", "categories[3]"]
    assert "'mug' is not registered (known: cup, pan)" in str(error.value)
    assert stand.server.active("a") == ("pan",)
    assert len(stand.announced) == 1


def test_the_listener_hears_of_it_and_the_version_stays(stand: Stand) -> None:
    version = stand.server.database_version
    stand.server.activate(None, ["pan"])
    stand.server.activate("a", None)
    assert stand.announced == [
        (["cup", "pan"], ["pan"], version),
        (["cup", "pan"], ["cup", "pan"], version),
    ]


def test_a_removed_category_leaves_the_lists(stand: Stand) -> None:
    stand.server.activate("a", ["cup", "pan"])
    stand.server.activate("b", None)
    stand.server.remove("cup")
    assert stand.server.active("a") == stand.server.active("b") == ("pan",)
    stand.register("cup")  # another one by that name
    assert stand.server.active("a") == ("pan",)
    assert set(stand.server.active("b")) == {"cup", "pan"}


def test_a_deactivated_category_is_forgotten_and_found_anew(stand: Stand) -> None:
    for _ in range(2):
        stand.show()
    before = {each.category: each.track_id for each in stand.results[-1].objects}
    assert -1 not in before.values()
    stand.server.activate("a", ["pan"])
    stand.server.activate("a", None)
    stand.show()
    after = {each.category: each.track_id for each in stand.results[-1].objects}
    assert after["pan"] == before["pan"]
    assert after["cup"] not in (-1, before["cup"])


def test_what_becomes_active_is_searched_at_once(stand: Stand) -> None:
    stand.register("lid")
    stand.estimator.only, stand.estimator.took = {"cup", "lid"}, 1.0
    stand.server.activate("a", ["cup", "pan"])
    for _ in range(3):
        stand.show()
    assert stand.estimator.batches[-1] == 1  # a search has just been: it rests
    stand.server.activate("a", ["cup", "pan", "lid"])
    stand.show()
    assert {each.category for each in stand.results[-1].objects if each.score} == {"cup", "lid"}


def test_boxes_for_what_is_not_active_are_left_out(stand: Stand) -> None:
    stand.server.activate("a", ["pan"])
    requests = [ObjectRequest("cup", BOX), ObjectRequest("pan", BOX)]
    for camera in "ab":
        stand.show(camera, requests=requests)
    assert stand.found("a") == ["pan"]
    assert stand.found("b") == ["cup", "pan"]
    stand.show(requests=[ObjectRequest("mug", BOX)])
    assert stand.server.statistics.rejected == {"requests.category": 1}


def test_once_it_is_answered_no_older_result_comes(stand: Stand) -> None:
    stand.hold()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(stand.server.activate, "a", ["pan"])
        stand.let_go()
        done.result(SECONDS)
    count = len(stand.results)
    stand.show()
    assert [[each.category for each in result.objects] for result in stand.results[count:]] == [
        ["pan"]
    ]


def test_nothing_is_activated_after_the_end(stand: Stand) -> None:
    stand.server.close()
    with pytest.raises(CapeError, match="has stopped"):
        stand.server.activate("a", [])
    assert stand.server.active("a") == ("cup", "pan")
