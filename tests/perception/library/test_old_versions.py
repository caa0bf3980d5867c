"""What was replaced or removed can be had again, for a while."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.perception.library.old_versions import MOST_REMOVED, MOST_VERSIONS


def category(name: str = "arm", x: float = 1) -> Category:
    image = np.full((24, 31, 3), 90, np.uint8)
    return Category(name, ["tip"], [], [SupportShot(image, [(x, 2.0)], [True])])


def tip(found: Category) -> float:
    return float(found.shots[0].keypoints[0, 0])


def test_replaced_versions_are_kept_but_not_loaded(tmp_path: Path) -> None:
    library = CategoryLibrary(tmp_path)
    for x in (1, 2, 3):
        library.put(category(x=x))
    again = CategoryLibrary(tmp_path)
    assert tip(again.get("arm")) == 3
    assert [(each.version, tip(each)) for each in again.old.of("arm")] == [(2, 2), (1, 1)]
    assert tip(again.old.get("arm", 1)) == 1
    assert again.removed() == {}
    with pytest.raises(InvalidInput, match="not kept"):
        again.old.get("arm", 3)


def test_a_removed_category_is_kept(tmp_path: Path) -> None:
    library = CategoryLibrary(tmp_path)
    library.put(category(x=1))
    library.put(category(x=2))
    library.remove("arm")
    again = CategoryLibrary(tmp_path)
    assert again.names() == ()
    assert again.removed() == {"arm": 2}
    assert library.put(again.old.get("arm", 2)).version == 3
    assert library.removed() == {}


def test_few_are_kept(tmp_path: Path) -> None:
    library = CategoryLibrary(tmp_path)
    for x in range(MOST_VERSIONS + 3):
        library.put(category(x=x))
    kept = [each.version for each in library.old.of("arm")]
    assert kept == list(range(MOST_VERSIONS + 2, 2, -1))
    names = [f"tool_{i}" for i in range(MOST_REMOVED + 2)]
    for name in names:
        library.put(category(name))
        library.remove(name)
    assert set(library.removed()) == set(names[2:])
    assert len(library.old.of("arm")) == MOST_VERSIONS


def test_a_damaged_old_version_is_not_offered(tmp_path: Path) -> None:
    library = CategoryLibrary(tmp_path)
    library.put(category(x=1))
    library.put(category(x=2))
    library.put(category(x=3))
    (tmp_path / "old" / "arm" / "v000002" / "shot_000.png").write_bytes(b"\x89PNG")
    assert [each.version for each in library.old.of("arm")] == [1]
    with pytest.raises(InvalidInput, match="not kept"):
        library.old.get("arm", 2)
    assert CategoryLibrary(tmp_path).damaged == ()


def test_a_name_is_never_used_as_a_path(tmp_path: Path) -> None:
    library = CategoryLibrary(tmp_path / "library")
    library.put(category())
    for name in ("../categories/arm", "..", "/", ""):
        assert library.old.of(name) == []
        with pytest.raises(InvalidInput):
            library.old.get(name, 1)


def test_on_a_full_disk_old_versions_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = CategoryLibrary(tmp_path)
    library.put(category(x=1))
    library.put(category(x=2))
    sync = os.fsync

    def full_of_old_versions(file: int) -> None:
        if (tmp_path / "old").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_of_old_versions)
        assert library.put(category("cup")).version == 1
    assert library.names() == ("arm", "cup")
    assert library.old.of("arm") == []


def test_a_disk_that_keeps_no_old_versions_takes_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = CategoryLibrary(tmp_path)
    library.put(category(x=1))
    (tmp_path / "old").write_text("no folder")
    assert library.put(category(x=2)).version == 2
    library.remove("arm")
    assert CategoryLibrary(tmp_path).names() == ()
