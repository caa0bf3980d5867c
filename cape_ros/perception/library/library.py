"""The registered categories on disk: changes are atomic, versioned and survive a kill.

    library.yaml                  the database version, the last version of every name ever used
    categories/arm/v000003/       one registration: category.yaml, shot_000.png, shot_001.png …
    old/arm/v000002/              one that was replaced or removed, kept for a while
    damaged/                      what could not be read, set aside for inspection
    .staging/                     being written or thrown away; emptied when the library is opened

A registration is written in `.staging` and renamed into place; only then the one before goes to
`old`.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from cape_ros.core.errors import CapeError, InvalidInput, LibraryError
from cape_ros.perception.category import NAME, Category, not_registered
from cape_ros.perception.library.category_folder import (
    FORMAT,
    MOST_VERSION,
    UNREADABLE,
    VERSION_FOLDER,
    NewerFormat,
    check_storable,
    from_yaml,
    read_category,
    sync_folder,
    to_yaml,
    version_folders,
    write_category,
    write_file,
)
from cape_ros.perception.library.lock import locked
from cape_ros.perception.library.old_versions import OldVersions

FIELDS = {"format", "database_version", "last_versions"}
MOST_CATEGORIES = 1000
FULL = (errno.ENOSPC, errno.EDQUOT)
# What file managers and disks put into folders, beside names that begin with a dot.
FOREIGN = ("Thumbs.db", "desktop.ini", "@eaDir", "lost+found")
ADVICE = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EROFS: "the folder is on a read-only disk; choose another folder",
    errno.EACCES: "the folder is read-only for this user; change its owner or choose another",
    errno.EPERM: "the folder is read-only for this user; change its owner or choose another",
}


@dataclass(frozen=True)
class Damaged:
    """An entry that could not be read, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True)
class Record:
    """The counters that outlive categories: versions never go back, not even after a removal."""

    database_version: int = 0
    last_versions: Mapping[str, int] = field(default_factory=dict)

    def after(self, name: str, version: int) -> Record:
        """The record after a change of `name`, whose last version is then `version`."""
        return Record(self.database_version + 1, {**self.last_versions, name: version})


class CategoryLibrary:
    """The registered categories in a folder, which is created if it is missing.

    Threads and processes may read while one writes: they see a category before or after a change,
    never in between. Opening raises `LibraryError` if the folder cannot be used; a single entry
    that cannot be read is set aside and listed in `damaged`.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._entries = self.root / "categories"
        self._staging = self.root / ".staging"
        self.old = OldVersions(self.root)
        self._writing = threading.Lock()
        self._categories: Mapping[str, Category] = {}
        self._record = Record()
        self._damaged: list[Damaged] = []
        try:
            self._entries.mkdir(parents=True, exist_ok=True)
            with self._alone(needed=False) as alone:
                if alone:  # else another program writes there
                    shutil.rmtree(self._staging, ignore_errors=True)
                self._load()
        except OSError as error:
            raise self._failure("cannot be opened", error) from error
        except NewerFormat as error:
            raise LibraryError(f"category library {self.root}: {error}; update cape_ros") from error

    @property
    def database_version(self) -> int:
        """Grows with every change of any category."""
        return self._record.database_version

    @property
    def damaged(self) -> tuple[Damaged, ...]:
        """The entries that could not be read when this library was opened."""
        return tuple(self._damaged)

    def names(self) -> tuple[str, ...]:
        """The names of all categories, sorted."""
        return tuple(sorted(self._categories))

    def removed(self) -> Mapping[str, int]:
        """The categories that were removed and are kept for a while: name -> last version."""
        return self.old.removed(self._categories)

    def __iter__(self) -> Iterator[Category]:
        return iter([category for _, category in sorted(self._categories.items())])

    def get(self, name: str) -> Category:
        """The category of this name. Raises `InvalidInput` if there is none."""
        if category := self._categories.get(name):
            return category
        raise InvalidInput.of("name", not_registered(self.names(), name), "unknown_category")

    def put(self, category: Category) -> Category:
        """Write a category, or replace that of the same name; returns it with its new version.

        Raises `InvalidInput` for a category without shots or with too large ones, `LibraryError`
        if the disk does not take it, not even without old versions; on error nothing is changed.
        """
        try:
            return self._put(category)
        except LibraryError as error:
            if not (_is_full(error) and self.old.clear()):
                raise
        return self._put(category)

    def _put(self, category: Category) -> Category:
        check_storable(category)
        name, place = category.name, self._entries / category.name
        if name not in self._categories and len(self._categories) >= MOST_CATEGORIES:
            reason = f"there are {MOST_CATEGORIES} categories already; remove one"
            raise InvalidInput.of("name", reason, "too_large")
        for other in self._categories:
            if other != name and other.casefold() == name.casefold():
                reason = f"{name!r} is registered as {other!r}; some disks take both for one"
                raise InvalidInput.of("name", reason, "category_exists")
        with self._change(f"{name} was not registered") as (record, staging):
            self._check_unchanged(name)
            version = record.last_versions.get(name, 0) + 1
            category = replace(category, version=version)
            fresh = staging / "fresh"
            write_category(fresh, category)
            record = record.after(name, version)
            _write_record(self.root, record)
            place.mkdir(exist_ok=True)
            os.replace(fresh, place / f"v{version:06d}")
            self._record, self._categories = record, {**self._categories, name: category}
            with suppress(OSError):  # registered by now, even if this fails
                sync_folder(place)
                sync_folder(self._entries)
                before = [folder for older, folder in version_folders(place) if older < version]
                self.old.keep(name, before, self._categories)
                for folder in before:
                    if folder.exists():
                        os.replace(folder, staging / folder.name)
        return category

    def remove(self, name: str) -> None:
        """Move a category to the old versions.

        Raises `InvalidInput` if there is none, `LibraryError`. On a full disk it is deleted,
        to make room for the record of that.
        """
        self.get(name)
        try:
            with self._change(f"{name} was not removed") as (record, staging):
                record = self._after_removal(record, name)
                _write_record(self.root, record)
                os.replace(self._entries / name, staging / name)
                self._forget(name, record)
                folders = [folder for _, folder in version_folders(staging / name)]
                self.old.keep(name, folders, self._categories)
        except LibraryError as error:
            if not _is_full(error):
                raise
            self.old.clear()
            with self._writing, self._alone(needed=False):
                record = self._after_removal(self._record, name)
                shutil.rmtree(self._entries / name, ignore_errors=True)
                self._forget(name, record)
                with suppress(OSError):
                    _write_record(self.root, record)

    def _after_removal(self, record: Record, name: str) -> Record:
        self._check_unchanged(name)
        return record.after(name, max(self.get(name).version, record.last_versions.get(name, 0)))

    def _forget(self, name: str, record: Record) -> None:
        self._record = record
        self._categories = {n: c for n, c in self._categories.items() if n != name}
        with suppress(OSError):
            sync_folder(self._entries)

    def _check_unchanged(self, name: str) -> None:
        """Raises `LibraryError` if another program changed the category since it was read: what it
        registered would be lost."""
        stored = max((v for v, _ in version_folders(self._entries / name)), default=None)
        known = self._categories.get(name)
        if stored != (known.version if known else None):
            now = f"its version is {stored}" if stored else "it is not registered any more"
            raise LibraryError(
                f"category library {self.root}: another program changed {name}: {now}; start this "
                "one again to load it, and let only one change the library"
            )

    @contextmanager
    def _change(self, otherwise: str) -> Iterator[tuple[Record, Path]]:
        """The record as it is on disk, and a folder of which nothing is kept.

        otherwise: what to say if the change fails.
        """
        try:
            with self._writing, self._alone():
                self._staging.mkdir(exist_ok=True)
                staging = Path(tempfile.mkdtemp(dir=self._staging))
                try:
                    yield self._current_record(), staging
                finally:
                    shutil.rmtree(staging, ignore_errors=True)
        except OSError as error:
            raise self._failure(otherwise, error) from error

    def _alone(self, needed: bool = True) -> AbstractContextManager[bool]:
        """Keep other processes from changing the folder; not `needed`: if that can be done."""
        return locked(self.root / ".lock", needed)

    def _current_record(self) -> Record:
        """Another process may have written since; a record that went bad is written anew."""
        try:
            record = _read_record(self.root)
        except (OSError, NewerFormat):
            raise
        except UNREADABLE:
            return self._record
        return max(record, self._record, key=lambda candidate: candidate.database_version)

    def _failure(self, what: str, error: OSError) -> LibraryError:
        reason = ADVICE.get(error.errno or 0, error.strerror or str(error))
        where = f" ({error.filename})" if error.filename else ""
        return LibraryError(f"category library {self.root}: {what}: {reason}{where}")

    def _load(self) -> None:
        """Raises `OSError` where the folder cannot be read, as a network disk may for a while."""
        try:
            record = _read_record(self.root)
        except (OSError, NewerFormat):
            raise
        except UNREADABLE as error:
            record = Record()
            self._set_aside(self.root / "library.yaml", "library.yaml", error)
        categories, last = {}, dict(record.last_versions)
        for place in sorted(self._entries.iterdir()):
            if _is_foreign(place):
                continue
            name, versions = place.name, version_folders(place)
            if not versions and _remove_empty(place):  # of a kill
                continue
            if not versions or not NAME.fullmatch(name):
                self._set_aside(place, name, ValueError("is not the folder of a category"))
                continue
            for folder in _impossible_versions(place):
                reason = ValueError(f"its version is more than {MOST_VERSION}")
                self._set_aside(folder, f"{name}-{folder.name}", reason)
            for version, folder in reversed(versions):
                last[name] = max(version, last.get(name, 0))
                try:
                    categories[name] = read_category(folder, name, version)
                    break
                except UNREADABLE as error:
                    self._set_aside(folder, f"{name}-{folder.name}", error)
            _remove_empty(place)
        # A lost record must not make a number that was used before.
        database_version = max(record.database_version, min(sum(last.values()), MOST_VERSION // 2))
        self._categories, self._record = categories, Record(database_version, last)

    def _set_aside(self, path: Path, name: str, error: Exception) -> None:
        plain = isinstance(error, (CapeError, ValueError))
        reason = str(error) if plain else f"{type(error).__name__}: {error}"
        self._damaged.append(Damaged(name, " ".join(reason.split())))
        if _is_proven(error):
            with suppress(OSError):
                (self.root / "damaged").mkdir(exist_ok=True)
                stamp = time.strftime("%Y%m%d-%H%M%S") + f"-{time.time_ns() % 10**9:09d}"
                os.replace(path, self.root / "damaged" / f"{name}-{stamp}")


def _is_full(error: LibraryError) -> bool:
    """Whether the disk or the quota had no room."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in FULL


def _is_foreign(place: Path) -> bool:
    """Whether it is neither a category nor what is left of one."""
    hidden, known = place.name.startswith("."), place.name in FOREIGN
    return hidden or (known and not version_folders(place))


def _is_proven(error: Exception) -> bool:
    """Whether the content is damaged. A disk that does not answer now may do so later, and a later
    release may read what this one cannot."""
    if isinstance(error, OSError):
        return isinstance(error, FileNotFoundError)
    return not isinstance(error, NewerFormat)


def _impossible_versions(place: Path) -> list[Path]:
    """Folders whose number is too large for a version."""
    known = {path for _, path in version_folders(place)}
    return [p for p in place.glob("v*") if VERSION_FOLDER.fullmatch(p.name) and p not in known]


def _remove_empty(place: Path) -> bool:
    """Remove a folder if it is empty; whether it was."""
    try:
        place.rmdir()
    except OSError:
        return False
    return True


def _write_record(root: Path, record: Record) -> None:
    content = {
        "format": FORMAT,
        "database_version": record.database_version,
        "last_versions": dict(record.last_versions),
    }
    fresh = root / ".library.yaml"
    fresh.unlink(missing_ok=True)
    try:
        write_file(fresh, to_yaml(content))
        os.replace(fresh, root / "library.yaml")
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    sync_folder(root)


def _read_record(root: Path) -> Record:
    try:
        content = from_yaml(root / "library.yaml", FIELDS)
    except FileNotFoundError:
        return Record()
    last = {str(name): version for name, version in content["last_versions"].items()}
    for number in (content["database_version"], *last.values()):
        if type(number) is not int or not 0 <= number <= MOST_VERSION:
            raise ValueError(f"library.yaml: {str(number)[:20]!r} is not the number of a version")
    return Record(content["database_version"], last)
