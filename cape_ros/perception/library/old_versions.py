"""The versions that were replaced or removed: kept for a while, so that a mistake can be undone.

    old/arm/v000002/              as it was in categories/arm/v000002/

They are never loaded at the start, and count as nothing: where the disk is full they go first.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import NAME, Category
from cape_ros.perception.library.category_folder import (
    UNREADABLE,
    read_category,
    sync_folder,
    version_folders,
)

MOST_VERSIONS = 5  # of a category
MOST_REMOVED = 20  # categories


class OldVersions:
    """Those in the folder `old` of a library. The caller keeps other writers out."""

    def __init__(self, library: Path) -> None:
        self._root = library / "old"

    def keep(self, name: str, folders: Sequence[Path], registered: Container[str]) -> None:
        """Move version folders of a category here, and drop what is too much; an `OSError` only
        means that they are not kept.

        registered: the names of the categories that are.
        """
        if not folders:
            return
        place = self._root / name
        with suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            for folder in folders:
                shutil.rmtree(place / folder.name, ignore_errors=True)
                os.replace(folder, place / folder.name)
            sync_folder(place)
            for _, folder in version_folders(place)[:-MOST_VERSIONS]:
                shutil.rmtree(folder, ignore_errors=True)
            removed = [path for path in self._places() if path.name not in registered]
            removed.sort(key=lambda path: path.stat().st_mtime_ns)
            for path in removed[:-MOST_REMOVED]:
                shutil.rmtree(path, ignore_errors=True)

    def removed(self, registered: Container[str]) -> Mapping[str, int]:
        """The newest kept version of each category that is not registered, by name."""
        newest = {path.name: version_folders(path) for path in self._places()}
        return {
            name: versions[-1][0]
            for name, versions in sorted(newest.items())
            if versions and name not in registered
        }

    def of(self, name: str) -> list[Category]:
        """The kept versions of a category that can be read, newest first."""
        categories = []
        if NAME.fullmatch(name):
            for version, folder in reversed(version_folders(self._root / name)):
                with suppress(*UNREADABLE):
                    categories.append(read_category(folder, name, version))
        return categories

    def get(self, name: str, version: int) -> Category:
        """One of them. Raises `InvalidInput` if it is not kept, or cannot be read."""
        folders = dict(version_folders(self._root / name)) if NAME.fullmatch(name) else {}
        try:
            return read_category(folders[version], name, version)
        except UNREADABLE as error:
            reason = f"version {version} of {name!r} is not kept any more"
            raise InvalidInput.of("version", reason, "unknown_category") from error

    def clear(self) -> bool:
        """Drop all of them; whether there were any."""
        had_any = bool(self._places())
        shutil.rmtree(self._root, ignore_errors=True)
        return had_any

    def _places(self) -> list[Path]:
        try:
            return [path for path in self._root.iterdir() if NAME.fullmatch(path.name)]
        except OSError:
            return []
