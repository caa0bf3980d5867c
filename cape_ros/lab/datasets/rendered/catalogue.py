"""Meshes that can be rendered: .sh3f archives with a catalogue, and folders of OBJ files."""

from __future__ import annotations

import hashlib
import logging
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.files import read_file

logger = logging.getLogger(__name__)

CATALOGUE = "PluginFurnitureCatalog.properties"
LINE = re.compile(r"(\w+)(?:#(\d+))?\s*[=:]\s*(.*)")
ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
SPLIT_SEED, HELD_OUT = 1, 0.2  # fixed: a mesh is never trained on by one run and tested by another

# The kind of thing that ends or begins a catalogue's name; poses of a kind are alike.
GROUPS = {
    "armchair": ("armchair",),
    "bed": ("bed", "crib"),
    "bench": ("bench",),
    "bookcase": ("bookcase", "shelves"),
    "bottle": ("bottle", "flacon"),
    "bus": ("bus",),
    "cabinet": ("cabinet", "wardrobe", "cupboard", "chest", "drawers", "vanity"),
    "camera": ("camera",),
    "car": (
        *("car", "sedan", "suv", "chevrolet", "ford focus", "peugeot", "renault", "seat leon"),
        *("beetle", "smart"),
    ),
    "chair": ("chair",),
    "cup": ("cup", "mug", "glass"),
    "cycle": ("bicycle", "bike", "motorbike", "scooter", "yamaha"),
    "desk": ("desk",),
    "door": ("door",),
    "fridge": ("fridge", "refrigerator", "freezer", "washing machine", "dryer machine", "oven"),
    "lamp": ("lamp", "light", "lamppost"),
    "piano": ("piano",),
    "quadruped": ("dog", "cat", "horse", "deer", "bulldog", "rabbit"),
    "radiator": ("radiator",),
    "shoe": ("shoes", "sneakers", "slippers", "mocassin", "bootie"),
    "sofa": ("sofa", "couch", "futon"),
    "standing person": ("male", "female", "boy", "girl", "mannequin", "holding"),
    "stool": ("stool",),
    "table": ("table",),
    "toilet": ("toilets", "bidet", "urinal"),
    "truck": ("truck", "van"),
    "tv": ("tv", "screen", "tablet", "laptop"),
    "washbasin": ("washbasin", "sink", "lavatory", "basin"),
    "window": ("window",),
}
NO_MEMBERS = re.compile(  # names that a word of a group misleads
    r"table fan|tennis bat|hot dog|dog house|horse|cup cake|plate|remote|tv stand|intercom|ottoman"
    r"|lying|fluorescent|piano bench|abdominal|shutter|blind|corner|surveillance|model"
)


@dataclass(frozen=True)
class Entry:
    """One mesh.

    id: unique, such as `Scopia/chair4`. file: the archive or the OBJ file. member: the OBJ's name
    in an archive. size: width, depth, height in metres; None = as the file has it. rotation: nine
    numbers by rows, applied to the file's vertices. upright: the file's axis that points up.
    """

    id: str
    name: str
    file: Path
    member: str | None
    author: str
    licence: str
    group: str
    size: tuple[float, float, float] | None = None
    rotation: tuple[float, ...] | None = None

    @property
    def lot(self) -> float:
        """A number in [0, 1) that belongs to the id, the same in every run."""
        digest = hashlib.sha256(f"{SPLIT_SEED}:{self.id}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    @property
    def held_out(self) -> bool:
        """Whether this mesh is measured and never trained on."""
        return self.lot < HELD_OUT

    @property
    def slug(self) -> str:
        """The id as the name of a folder."""
        return re.sub(r"[^A-Za-z0-9_.-]", "_", self.id)


def read_catalogue(source: Path) -> list[Entry]:
    """The meshes of an archive, or below a folder: of archives, or else of its OBJ files.

    Raises `SourceError`, `InvalidInput` if there is none.
    """
    archives = [source] if source.is_file() else sorted(source.rglob("*.sh3f"))
    entries = [entry for archive in archives for entry in _of_archive(archive)]
    entries = entries or list(_of_folder(source))
    if not entries:
        raise InvalidInput.of("SOURCE", f"{source} has neither .sh3f archives nor .obj files")
    seen: Counter[str] = Counter()
    unique = []
    for entry in entries:
        seen[entry.slug.lower()] += 1
        if seen[entry.slug.lower()] > 1:
            logger.warning("%s is there twice; the first one is taken", entry.id)
        else:
            unique.append(entry)
    return unique


def group_of(name: str) -> str:
    """The group of a catalogue's name, by the last word that names one; "" = none."""
    words = re.sub(r"[^a-z ]", " ", name.lower())
    if NO_MEMBERS.search(words) and not re.fullmatch("(rocking )?horse", words):
        return ""
    if words.startswith("sitting"):
        return "seated person"
    ends = [
        (match.end(), group)
        for group, keys in GROUPS.items()
        for key in keys
        for match in re.finditer(rf"\b{key}\b", words)
    ]
    return max(ends)[1] if ends else ""


def _of_archive(archive: Path) -> Iterator[Entry]:
    try:
        with zipfile.ZipFile(archive) as content:
            members = set(content.namelist())
            text = content.read(CATALOGUE).decode("latin-1")
    except OSError as error:
        raise SourceError(f"{archive}: cannot be read: {error.strerror}") from error
    except (zipfile.BadZipFile, KeyError) as error:
        raise SourceError(f"{archive}: not an archive of furniture: {error}") from error
    general, rows = _properties(text)
    licence = general.get("license", "not stated")
    for row in rows:
        member = row.get("model", "").lstrip("/")
        name = row.get("name", PurePosixPath(member).stem)
        if member not in members or not member.lower().endswith(".obj"):
            logger.warning("%s: left out, no OBJ file %r in %s", name, member, archive.name)
            continue
        yield Entry(
            f"{archive.stem}/{PurePosixPath(member).stem}",
            name,
            archive,
            member,
            row.get("creator", general.get("provider", "not stated")),
            licence,
            group_of(name),
            _size(row),
            _rotation(row.get("modelRotation")),
        )


def _properties(text: str) -> tuple[dict[str, str], Sequence[dict[str, str]]]:
    """Keys without a number, and a mapping for each number."""
    general: dict[str, str] = {}
    rows: dict[int, dict[str, str]] = {}
    for line in text.splitlines():
        if match := LINE.fullmatch(line.strip()):
            key, number, value = match.groups()
            value = ESCAPE.sub(lambda code: chr(int(code[1], 16)), value).strip()
            (rows.setdefault(int(number), {}) if number else general)[key] = value
    return general, list(rows.values())


def _size(row: dict[str, str]) -> tuple[float, float, float] | None:
    """Catalogues speak of centimetres."""
    try:
        width, depth, height = (float(row[key]) / 100 for key in ("width", "depth", "height"))
    except (KeyError, ValueError):
        return None
    return (width, depth, height) if min(width, depth, height) > 0 else None


def _rotation(text: str | None) -> tuple[float, ...] | None:
    try:
        values = tuple(map(float, (text or "").split()))
    except ValueError:
        return None
    return values if len(values) == 9 and np.isfinite(values).all() else None


def _of_folder(folder: Path) -> Iterator[Entry]:
    """Every OBJ file below a folder; the folder that it lies in is its group."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such file or folder")
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() == ".obj":
            below = file.relative_to(folder)
            group = below.parent.name
            yield Entry(
                below.with_suffix("").as_posix(),
                file.stem,
                file,
                None,
                "not stated",
                _licence_beside(file, folder),
                group,
            )


def _licence_beside(file: Path, folder: Path) -> str:
    """The first line of the nearest licence file, up to the folder that was given."""
    for parent in file.parents:
        for one in sorted(parent.glob("[LlCc][IiOo][CcPp][EeYy]*")):
            lines = read_file(one).decode("utf-8", "replace").splitlines() if one.is_file() else []
            if line := next((line.strip() for line in lines if line.strip()), ""):
                return line[:200]
        if parent == folder:
            break
    return "not stated"
