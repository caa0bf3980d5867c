"""Registrations: whole or not at all."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from steered import IMAGE, SECONDS, Stand, SteeredEstimator, category

from cape_ros.core.errors import InvalidInput, LibraryError
from cape_ros.perception.category import Category
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.perception.spatial import Shape, read_frames
from cape_ros.server.server import Frame, RegisterMode, Server


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with Stand.on(tmp_path) as stand:
        yield stand


@pytest.mark.parametrize(
    ("first", "mode", "match"),
    [
        (True, RegisterMode.CREATE, "registered already"),
        (False, RegisterMode.ADD_SHOTS, "not registered"),
    ],
)
def test_modes(stand: Stand, first: bool, mode: RegisterMode, match: str) -> None:
    if first:
        stand.server.register(category())
    version = stand.server.database_version
    with pytest.raises(InvalidInput, match=match):
        stand.server.register(category(), mode)
    assert stand.server.database_version == version
    assert list(stand.server.categories) == (["cup"] if first else [])


def test_shots_are_added_and_versions_grow(stand: Stand) -> None:
    assert stand.server.register(category()).version == 1
    added = stand.server.register(category(), RegisterMode.ADD_SHOTS)
    assert (added.version, len(added.shots)) == (2, 2)
    assert len(stand.server.register(category(), RegisterMode.REPLACE).shots) == 1
    with pytest.raises(InvalidInput, match="keypoint_names"):
        stand.server.register(category(keypoints=3), RegisterMode.ADD_SHOTS)


def test_an_old_version_is_restored_without_what_came_later(stand: Stand) -> None:
    first = stand.server.register(category())
    names = first.keypoint_names
    later = dataclasses.replace(
        category(),
        shape=Shape.given(np.eye(len(names), 3), len(names)),
        frames=read_frames({"grasp": {"origin": names[0], "z": "approach"}}, names),
    )
    assert stand.server.register(later, RegisterMode.REPLACE).frames
    again = stand.server.restore("cup", 1, 2)
    assert (again.version, again.shape, again.frames) == (3, None, ())
    assert stand.server.restore("cup", 2, 3).frames == later.frames


def test_added_shots_may_leave_out_the_edges_but_not_change_them(stand: Stand) -> None:
    stand.server.register(dataclasses.replace(category(), edges=[(0, 1)]))
    assert stand.server.register(category(), RegisterMode.ADD_SHOTS).edges == ((0, 1),)
    with pytest.raises(InvalidInput, match="edges: differ"):
        stand.server.register(
            dataclasses.replace(category(), edges=[(0, 2)]), RegisterMode.ADD_SHOTS
        )


def test_a_category_has_only_so_many_shots(stand: Stand) -> None:
    stand.server.register(category())
    many = dataclasses.replace(category(), shots=category().shots * 64)
    with pytest.raises(
        InvalidInput, match="shots: 65 with those that are registered are more than 64"
    ):
        stand.server.register(many, RegisterMode.ADD_SHOTS)
    assert stand.server.categories["cup"].version == 1


@pytest.mark.parametrize("where", ["network", "disk"])
def test_a_failed_registration_leaves_the_category_as_it_was(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    stand.server.register(category())
    if where == "network":
        stand.estimator.fail = RuntimeError("out of memory")
    else:

        def full(library: CategoryLibrary, category: Category) -> Category:
            raise LibraryError("the disk is full")

        monkeypatch.setattr(CategoryLibrary, "put", full)
    with pytest.raises((RuntimeError, LibraryError)):
        stand.server.register(category(keypoints=2), RegisterMode.REPLACE)
    assert stand.server.categories["cup"].version == 1
    assert stand.estimator.known["cup"] is stand.server.categories["cup"]


def test_categories_come_back_after_a_restart(stand: Stand, tmp_path: Path) -> None:
    stand.server.register(category())
    stand.server.register(category("pan"))
    stand.server.remove("pan")
    with pytest.raises(InvalidInput, match="not registered"):
        stand.server.remove("pan")
    again = Server(SteeredEstimator(), CategoryLibrary(tmp_path))  # type: ignore[arg-type]
    try:
        assert {n: c.version for n, c in again.categories.items()} == {"cup": 1}
        assert again.database_version == stand.server.database_version
    finally:
        again.close()


def test_listeners_hear_of_every_change(stand: Stand) -> None:
    stand.register("cup")
    stand.server.remove("cup")
    assert [(names, active) for names, active, _ in stand.announced] == [
        (["cup"], ["cup"]),
        ([], []),
    ]
    assert stand.announced[0][2] < stand.announced[1][2]


def test_a_registration_in_progress_is_finished_before_the_end(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, writing, go_on = CategoryLibrary.put, threading.Event(), threading.Event()

    def slow_disk(library: CategoryLibrary, category: Category) -> Category:
        writing.set()
        assert go_on.wait(SECONDS)
        return put(library, category)

    monkeypatch.setattr(CategoryLibrary, "put", slow_disk)
    with ThreadPoolExecutor(2) as pool:
        registered = pool.submit(stand.server.register, category())
        assert writing.wait(SECONDS)
        closed = pool.submit(stand.server.close)
        stand.server.submit(Frame("a", IMAGE))  # before or after: nothing breaks
        go_on.set()
        assert registered.result(SECONDS).version == 1
        closed.result(SECONDS)
    assert CategoryLibrary(tmp_path).names() == ("cup",)


def test_a_listener_that_fails_does_not_undo_a_registration(stand: Stand) -> None:
    def fail(known: Mapping[str, Category], version: int) -> None:
        raise RuntimeError("the listener fails")

    stand.on_categories = fail
    assert stand.server.register(category()).version == 1
    stand.server.remove("cup")
    assert stand.server.database_version == 2


def test_what_shots_say_is_no_reason_to_refuse_what_is_registered(stand: Stand) -> None:
    """The server may stop between a registration and the words of its answer."""
    stand.server.register(category("cup"))
    stand.server.close()
    assert stand.server.check("cup").judged == 0
