"""Reads any of the formats, alone or in a zip file with its images; names in it are never paths."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from cape_ros.core.errors import InvalidInput
from cape_ros.studio.formats import coco, cvat, folder, labelme
from cape_ros.studio.formats.reading import ImportResult

MOST_FILES = 300
MOST_OCTETS = 200_000_000  # of all files in a zip file, unpacked
ZIP, XML = b"PK\x03\x04", b"<"
IMAGES = (".png", ".jpg", ".jpeg")
FORMATS = {"folder": folder, "labelme": labelme, "coco": coco, "cvat": cvat}


def read(data: bytes) -> ImportResult:
    """A file of any format, as it is or in a zip file. Raises `InvalidInput`."""
    if not data.startswith(ZIP):
        return read_file(data)
    files = unpack(data)
    if folder.FILE in files:
        return folder.read(files)
    reading = ImportResult(images={n: d for n, d in files.items() if n.lower().endswith(IMAGES)})
    annotations = {n: d for n, d in files.items() if n.lower().endswith((".json", ".xml"))}
    if not annotations:
        reason = f"holds none of {folder.FILE}, a labelme or COCO .json, a CVAT .xml"
        raise InvalidInput.of("file", reason)
    for name, content in annotations.items():
        try:
            reading.add(read_file(content))
        except InvalidInput as error:
            reading.problems.append(f"{name}: {error}")
    return reading


def read_file(data: bytes) -> ImportResult:
    """A labelme, COCO or CVAT file. Raises `InvalidInput`."""
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(XML):
        return cvat.read(text)
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput.of("file", f"is neither JSON, XML nor zip: {error}") from error
    if isinstance(content, dict) and "shapes" in content:
        return labelme.read(content)
    if isinstance(content, dict) and "annotations" in content:
        return coco.read(content)
    raise InvalidInput.of("file", "is JSON, but neither labelme (shapes) nor COCO (annotations)")


def pack(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The files by their last name. Raises `InvalidInput`, before too much is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES:
                raise InvalidInput.of("file", f"{len(entries)} files are more than {MOST_FILES}")
            files, left = {}, MOST_OCTETS
            for entry in entries:
                with archive.open(entry) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise InvalidInput.of("file", f"holds more than {MOST_OCTETS / 1e6:.0f} MB")
                files[PurePosixPath(entry.filename).name] = content
            return files
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError, ValueError) as error:
        # RuntimeError: encrypted, or packed in a way that Python does not know
        raise InvalidInput.of("file", f"is no zip file that can be read: {error}") from error
