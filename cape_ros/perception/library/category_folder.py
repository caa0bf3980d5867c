"""A registered category as a folder: `category.yaml` and a PNG for each support shot.

What is written is on the disk when a function returns. What is read is trusted in nothing: neither
the names nor the sizes nor the types.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import struct
from collections.abc import Set
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from cape_ros.core.errors import CapeError, Fault, InvalidInput, LibraryError
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.library import spatial_fields
from cape_ros.perception.spatial.frames import read_frames, to_mapping

FORMAT = 1
FIELDS = {"format", "name", "version", "keypoint_names", "edges", "shots"}
OPTIONAL = {
    "symmetries",
    "shape",
    "frames",
}  # written only where there are any: earlier releases read the rest
MOST_PIXELS = 40_000_000  # of one support image
MOST_PIXELS_READ = 64_000_000  # of one that an earlier release took
MOST_PIXELS_OF_A_CATEGORY = 100_000_000  # of all of its images: they are kept in memory
LARGEST_YAML = 8_000_000
CHECKSUM = b"sha256: "
MOST_VERSION = 2**31  # a message holds 2**32, so there is room to go on from here
VERSION_FOLDER = re.compile(r"v(\d{6,})")
PNG_START = b"\x89PNG\r\n\x1a\n"
# All that a file of any content can make a reader raise.
NO_SYNC = (errno.EINVAL, errno.ENOTSUP)  # of folders on some network disks (SMB, sshfs)
UNREADABLE: tuple[type[Exception], ...] = (
    *(CapeError, OSError, yaml.YAMLError, cv2.error, RecursionError, OverflowError),
    *(ValueError, TypeError, AttributeError, LookupError),
)


def check_storable(category: Category) -> None:
    """Raises `InvalidInput` for a category without shots or with too large ones."""
    faults = []
    if not category.shots:
        faults.append(Fault("shots", "has none; give at least one", "missing"))
    for index, shot in enumerate(category.shots):
        height, width = shot.image.shape[:2]
        if height * width > MOST_PIXELS:
            reason = f"{width} x {height} is more than {MOST_PIXELS} pixels; crop or scale it"
            faults.append(Fault(f"shots[{index}].image", reason, "too_large"))
    total = sum(shot.image.shape[0] * shot.image.shape[1] for shot in category.shots)
    if total > MOST_PIXELS_OF_A_CATEGORY:
        reason = (
            f"{total / 1e6:.0f} million pixels together are more than "
            f"{MOST_PIXELS_OF_A_CATEGORY / 1e6:.0f} million; crop or scale the images"
        )
        faults.append(Fault("shots", reason, "too_large"))
    if faults:
        raise InvalidInput(faults)


def version_folders(place: Path) -> list[tuple[int, Path]]:
    """The version folders of a category, oldest first."""
    matches = [(VERSION_FOLDER.fullmatch(path.name), path) for path in place.glob("v*")]
    numbered = [(int(match[1]), path) for match, path in matches if match]
    return sorted((version, path) for version, path in numbered if version <= MOST_VERSION)


def write_category(folder: Path, category: Category) -> None:
    """Make the folder and fill it. Raises `OSError`."""
    folder.mkdir()
    shots = []
    for index, shot in enumerate(category.shots):
        done, encoded = cv2.imencode(".png", cv2.cvtColor(shot.image, cv2.COLOR_RGB2BGR))
        if not done:
            raise LibraryError(f"shots[{index}].image cannot be written as PNG")
        image = encoded.tobytes()
        write_file(_shot_path(folder, index), image)
        shots.append(
            {
                "sha256": hashlib.sha256(image).hexdigest(),
                "box": [float(value) for value in shot.box],
                "keypoints": shot.keypoints.tolist(),
                "visible": shot.visible.tolist(),
                **({"automatic": True} if shot.automatic else {}),
                **({"camera": spatial_fields.of_camera(shot.camera)} if shot.camera else {}),
            }
        )
    described = {
        "format": FORMAT,
        "name": category.name,
        "version": category.version,
        "keypoint_names": list(category.keypoint_names),
        "edges": [list(edge) for edge in category.edges],
        "shots": shots,
    }
    if category.symmetries:
        described["symmetries"] = [list(symmetry) for symmetry in category.symmetries]
    if category.shape is not None:
        described["shape"] = spatial_fields.of_shape(category.shape)
    if category.frames:
        described["frames"] = to_mapping(category.frames, category.keypoint_names)
    write_file(folder / "category.yaml", to_yaml(described))
    sync_folder(folder)


def read_category(folder: Path, name: str, version: int) -> Category:
    """Raises one of `UNREADABLE`."""
    described = from_yaml(folder / "category.yaml", FIELDS, OPTIONAL)
    if (described["name"], described["version"]) != (name, version):
        raise ValueError(f"category.yaml is not that of {name} version {version}")
    shots = [
        SupportShot(
            _read_image(_shot_path(folder, index), shot["sha256"]),
            shot["keypoints"],
            shot["visible"],
            shot["box"],
            bool(shot.get("automatic", False)),
            spatial_fields.to_camera(shot["camera"]) if "camera" in shot else None,
        )
        for index, shot in enumerate(described["shots"])
    ]
    if not shots:
        raise ValueError("category.yaml has no shots")
    return Category(
        name,
        described["keypoint_names"],
        described["edges"],
        shots,
        version,
        described.get("symmetries", ()),
        spatial_fields.to_shape(described["shape"]) if "shape" in described else None,
        read_frames(described.get("frames", {}), described["keypoint_names"]),
    )


def _shot_path(folder: Path, index: int) -> Path:
    return folder / f"shot_{index:03d}.png"


def _read_image(path: Path, sha256: str) -> np.ndarray:
    data = read_regular(path, 4 * MOST_PIXELS_READ)
    if data[:8] != PNG_START or len(data) < 24:
        raise ValueError(f"{path.name} is not a PNG image")
    width, height = struct.unpack(">II", data[16:24])
    if width * height > MOST_PIXELS_READ:
        raise ValueError(f"{path.name}: {width} x {height} is more than {MOST_PIXELS_READ} pixels")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"{path.name} is not the image that was registered")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path.name} cannot be decoded")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_regular(path: Path, largest: int) -> bytes:
    """The content of a regular file; anything else, such as a pipe, would never end.

    Raises `OSError`, and ValueError for what is no such file or larger.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path.name} is not a regular file")
        content = file.read(largest + 1) if status.st_size <= largest else b""
    if status.st_size > largest or len(content) > largest:
        raise ValueError(f"{path.name} is larger than {largest} bytes")
    return content


class NewerFormat(ValueError):
    """Written by a later release; nothing is wrong with it."""


def to_yaml(content: dict[str, Any]) -> bytes:
    """UTF-8 YAML with the keys in the order of `content`, and a checksum as its last line."""
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode()
    return text + CHECKSUM + hashlib.sha256(text).hexdigest().encode() + b"\n"


def from_yaml(path: Path, fields: Set[str], optional: Set[str] = frozenset()) -> dict[str, Any]:
    """The content of a file of this format. Raises one of `UNREADABLE`.

    fields: those that it has; optional: those that it may have. Files written before there were
    checksums have none.
    """
    data = read_regular(path, LARGEST_YAML)
    content = load_yaml(data)
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is not a table of fields")
    if isinstance(content.get("format"), int) and content["format"] > FORMAT:
        raise NewerFormat(f"format {content['format']} is of a later release than this one")
    if content["format"] != FORMAT:
        raise ValueError(f"format {content['format']} is unknown; this release reads {FORMAT}")
    checksum = content.pop("sha256", None)
    if unknown := (content.keys() ^ fields) - optional:
        raise ValueError(f"{path.name}: {', '.join(map(str, unknown))}: a field too much or absent")
    text = data[: data.rfind(b"\n" + CHECKSUM) + 1]
    if checksum is not None and hashlib.sha256(text).hexdigest() != checksum:
        reason = "its checksum differs; after an edit by hand delete its last line"
        raise ValueError(f"{path.name} is not as it was written: {reason}")
    return content


def load_yaml(data: bytes) -> Any:
    """Raises `yaml.YAMLError`, and ValueError for aliases: a few lines of them can stand for a text
    without end."""
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(data)):
        raise ValueError("aliases are not read")
    return yaml.safe_load(data)


def write_file(path: Path, content: bytes) -> None:
    """Make a file that survives a power cut. Raises `OSError`."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk: a rename is there only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
    finally:
        os.close(descriptor)
