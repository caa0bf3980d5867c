"""Which file an annotation means: programs write names of images with other folders, letters and
endings than the files have."""

from __future__ import annotations

import contextlib
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, unquote

from cape_ros.studio.formats.reading import ImportedAnnotation

# Of the countries whose Windows packs zip files with names of its own encoding, and says nothing.
CODE_PAGES = ("gb18030", "cp932", "cp949", "big5", "cp850", "cp866", "cp1250", "cp1251", "cp1252")
TAKEN_UP = re.compile(r"[0-9a-f]{8}-(.+)")
ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif")


def clean_path(path: str) -> str:
    """With "/" between folders, none of them "." or "..", accents as one letter."""
    path = posixpath.normpath(unicodedata.normalize("NFC", path.replace("\\", "/")))
    return "/".join(part for part in path.split("/") if part not in ("", ".", ".."))


def resolve(
    marked: Sequence[ImportedAnnotation], paths: Iterable[str], problems: list[str]
) -> list[ImportedAnnotation]:
    """The annotations, each with the path of its image. One whose image is not there stays as it
    is; one that may mean several files is left out, and so is one whose file fits another name as
    well or better."""
    files = _Files(paths)
    claims = {key: files.find(*key) for key in dict.fromkeys((m.folder, m.image) for m in marked)}
    names: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for (_, name), (rank, found) in claims.items():
        for path in found:
            names[path].append((rank, clean_path(name)))
    resolved, told = [], dict[str, None]()
    for one in marked:
        rank, found = claims[one.folder, one.image]
        some = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
        if not found:
            resolved.append(one)
        elif len(found) > 1:
            told[f"{one.image}: may be any of {some}; left out"] = None
        elif _fits_best(rank, names[found[0]]):
            resolved.append(replace(one, image=found[0]))
        else:
            told[f"{one.image}: is not here, and {some} is another's image; left out"] = None
    problems += told
    return resolved


def _fits_best(rank: int, claims: Sequence[tuple[int, str]]) -> bool:
    best = min(claims)[0]
    return rank == best and len({name for other, name in claims if other == best}) == 1


class _Files:
    """Finds paths by a name, first letter by letter, then more and more loosely."""

    def __init__(self, paths: Iterable[str]) -> None:
        paths = list(paths)
        self._readings: list[tuple[Callable[[str], str], dict[str, list[tuple[str, str]]]]] = []
        for read, shorten in ((str, str), (str.casefold, str.casefold), (str.casefold, _stem)):
            by_name = defaultdict(list)
            for path in paths:
                shape = shorten(clean_path(path))
                by_name[posixpath.basename(shape)].append((path, shape))
            self._readings.append((read, by_name))

    def find(self, folder: str, name: str) -> tuple[int, list[str]]:
        """The paths that a name fits best, and how well; 0 is best."""
        rank = 0
        for named in (name, *_address(name), *_garbled(name), *_renamed(name)):
            beside = clean_path(posixpath.join(folder, named.replace("\\", "/")))
            cleaned = clean_path(named)
            for read, by_name in self._readings:
                known = by_name.get(read(posixpath.basename(cleaned)), [])
                for fits in _rules(read(beside), read(cleaned), [shape for _, shape in known]):
                    if found := [path for path, shape in known if fits(shape)]:
                        return rank, _nearest(folder, found)
                    rank += 1
        return rank, []


def _address(name: str) -> Iterator[str]:
    """The file that a name means as an address: Label Studio has `/data/local-files/?d=a%5Cb.png`,
    other programs `http://host/my%20mug.png?signature=...`."""
    path, _, query = name.partition("?")
    for named in (*(value for _, value in parse_qsl(query)), unquote(path)):
        if named != name and named.lower().endswith(ENDINGS):
            yield named


def _garbled(name: str) -> Iterator[str]:
    """The name as it is read from a zip file that has it in an old encoding: Python takes all of
    them for cp437."""
    for encoding in () if name.isascii() else CODE_PAGES:
        with contextlib.suppress(UnicodeError):
            yield unicodedata.normalize("NFC", name).encode(encoding).decode("cp437")


def _renamed(name: str) -> Iterator[str]:
    """The name that a file had before Label Studio took it up: eight letters stand before it."""
    folder, base = posixpath.split(name.replace("\\", "/"))
    if match := TAKEN_UP.fullmatch(base):
        yield posixpath.join(folder, match[1])


def _rules(beside: str, name: str, paths: Sequence[str]) -> Iterator[Callable[[str], bool]]:
    """For paths that end in the same file name."""
    ends = [path for path in paths if name.endswith(f"/{path}")]
    longest = max(ends, key=len, default=None)
    yield lambda path: path == beside
    yield lambda path: path == name
    yield lambda path: path.endswith(f"/{name}")
    yield lambda path: path == longest
    yield lambda path: True


def _nearest(folder: str, paths: list[str]) -> list[str]:
    """Those of the paths that share most folders with the annotations."""

    def shared(path: str) -> int:
        common = posixpath.commonpath((folder, path)) if folder else ""
        return len(common.split("/")) if common else 0

    most = max(map(shared, paths))
    return [path for path in paths if shared(path) == most]


def _stem(path: str) -> str:
    """As a task of a video names its frames: without an ending."""
    path = path.casefold()
    stem, ending = posixpath.splitext(path)
    return stem if ending in ENDINGS else path
