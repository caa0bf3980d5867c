"""Reads any of the formats, alone or in a zip file; its paths only tell files apart."""

from __future__ import annotations

import contextlib
import io
import json
import lzma
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.core.images import image_kind
from cape_ros.core.text import encodable
from cape_ros.studio.formats import coco, cvat, folder, labelme
from cape_ros.studio.formats.image_names import clean_path, resolve
from cape_ros.studio.formats.reading import ImportResult
from cape_ros.studio.formats.shapes import name_objects

MOST_FILES = 300
MOST_OCTETS = 200_000_000  # of all files in a zip file, unpacked
ZIP, XML = b"PK\x03\x04", (b"<", b"\xff\xfe<", b"\xfe\xff\x00<")
FORMATS = {"folder": folder, "labelme": labelme, "coco": coco, "cvat": cvat}


def read(data: bytes) -> ImportResult:
    """A file of any format, as it is or in a zip file. Raises `InvalidInput`."""
    reading = _read_zip(unpack(data)) if data.startswith(ZIP) else read_file(data)
    reading.marked = resolve(reading.marked, reading.images, reading.problems)
    reading.marked = name_objects(reading.marked)
    reading.give_plain_names()
    return reading


def _read_zip(files: Mapping[str, bytes]) -> ImportResult:
    reading = ImportResult(images={name: data for name, data in files.items() if image_kind(data)})
    parts: list[tuple[str, Callable[[], ImportResult]]] = []
    for name, data in files.items():
        if posixpath.basename(name) == folder.FILE:
            beside = posixpath.dirname(name)
            parts.append((name, partial(folder.read, _directly_in(beside, files))))
        elif name.lower().endswith((".json", ".xml")):
            parts.append((name, partial(read_file, data)))
    if not parts:
        reason = f"holds none of {folder.FILE}, a labelme or COCO .json, a CVAT .xml"
        raise InvalidInput.of("file", reason)
    refusals = []
    for name, read_part in parts:
        try:
            reading.add(_placed(read_part(), name))
        except InvalidInput as error:
            refusals += [Fault(f"{name}: {fault.field}", fault.reason) for fault in error.faults]
    if len(refusals) and not reading.marked and not reading.problems:
        raise InvalidInput(refusals)
    reading.problems += map(str, refusals)
    return reading


def _placed(part: ImportResult, name: str) -> ImportResult:
    """What a file of a zip file says, with names as they are in the zip file."""
    beside = posixpath.dirname(name)
    marked = [replace(one, folder=beside) for one in part.marked]
    images = {posixpath.join(beside, clean_path(path)): data for path, data in part.images.items()}
    return ImportResult(marked, part.skeletons, images, [f"{name}: {p}" for p in part.problems])


def _directly_in(beside: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {
        posixpath.basename(name): data
        for name, data in files.items()
        if posixpath.dirname(name) == beside
    }


def read_file(data: bytes) -> ImportResult:
    """A labelme, COCO or CVAT file. Raises `InvalidInput`, also where nothing of it can be used."""
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    reading = cvat.read(text) if text.startswith(XML) else _read_json(text)
    if not reading.marked and reading.problems:
        raise InvalidInput(Fault("file", problem) for problem in reading.problems)
    return reading


def _read_json(text: bytes) -> ImportResult:
    try:
        letters = text.decode(json.detect_encoding(text))
        content: Any = json.loads(letters)
        if "\\u" in letters:
            content = _with_whole_letters(content)
    except UnicodeDecodeError as error:
        kind = "JSON, but not in UTF-8" if text[:1] in b"{[" else "neither JSON, XML nor zip"
        raise InvalidInput.of("file", f"is {kind}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput.of("file", f"is neither JSON, XML nor zip: {error}") from error
    if isinstance(content, dict) and "shapes" in content:
        return labelme.read(content)
    if isinstance(content, dict) and "annotations" in content:
        return coco.read(content)
    raise InvalidInput.of(
        "file",
        "is JSON, but neither labelme (shapes) nor COCO (annotations): export it as one of them",
    )


def _with_whole_letters(content: Any) -> Any:
    """JSON whose text can be written again: escapes may stand for half a letter, such as of a
    file's name that is not UTF-8."""
    if isinstance(content, str):
        return encodable(content)
    if isinstance(content, list):
        return [_with_whole_letters(each) for each in content]
    if isinstance(content, dict):
        return {encodable(key): _with_whole_letters(each) for key, each in content.items()}
    return content


def pack(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The files by path. Raises `InvalidInput`, before too much is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = {
                name: entry for entry in archive.infolist() if (name := _path(entry)) is not None
            }
            if len(entries) > MOST_FILES:
                raise InvalidInput.of("file", f"{len(entries)} files are more than {MOST_FILES}")
            files, left = {}, MOST_OCTETS
            for name, entry in entries.items():
                with archive.open(entry) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise InvalidInput.of("file", f"holds more than {MOST_OCTETS / 1e6:.0f} MB")
                files[name] = content
            return files
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
    ) as error:
        # RuntimeError: encrypted, or packed in a way that Python does not know
        raise InvalidInput.of("file", f"is no zip file that can be read: {error}") from error


def _path(entry: zipfile.ZipInfo) -> str | None:
    """Of a file in a zip file; None for what is none, and for what macOS adds to each."""
    name = entry.filename
    if not entry.flag_bits & 0x800:  # Python took it for cp437; most programs mean UTF-8
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()
    path = clean_path(name)
    hidden = path.startswith("__MACOSX/") or posixpath.basename(path).startswith("._")
    return None if entry.is_dir() or hidden or not path else path
