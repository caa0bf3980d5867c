"""A registered category as a folder: `category.yaml` and a PNG for each support shot.

What is written is on the disk when a function returns. What is read is trusted in nothing: neither
the names nor the sizes nor the types.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from cape_ros.core.errors import CapeError, Fault, InvalidInput, LibraryError
from cape_ros.perception.category import Category, SupportShot

FORMAT = 1
MOST_PIXELS = 64_000_000  # of one support image
LARGEST_YAML = 8_000_000
PNG_START = b"\x89PNG\r\n\x1a\n"
# All that a file of any content can make a reader raise.
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
            reason = f"{width} x {height} is more than {MOST_PIXELS} pixels"
            faults.append(Fault(f"shots[{index}].image", reason, "too_large"))
    if faults:
        raise InvalidInput(faults)


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
    write_file(folder / "category.yaml", to_yaml(described))
    sync_folder(folder)


def read_category(folder: Path, name: str, version: int) -> Category:
    """Raises one of `UNREADABLE`."""
    described = from_yaml(folder / "category.yaml")
    if (described["name"], described["version"]) != (name, version):
        raise ValueError(f"category.yaml is not that of {name} version {version}")
    shots = [
        SupportShot(
            _read_image(_shot_path(folder, index), shot["sha256"]),
            shot["keypoints"],
            shot["visible"],
            shot["box"],
        )
        for index, shot in enumerate(described["shots"])
    ]
    category = Category(name, described["keypoint_names"], described["edges"], shots, version)
    check_storable(category)
    return category


def _shot_path(folder: Path, index: int) -> Path:
    return folder / f"shot_{index:03d}.png"


def _read_image(path: Path, sha256: str) -> np.ndarray:
    with path.open("rb") as file:
        if path.stat().st_size > 4 * MOST_PIXELS:
            raise ValueError(f"{path.name} is too large for an image of {MOST_PIXELS} pixels")
        start = file.read(24)
        if start[:8] != PNG_START or len(start) < 24:
            raise ValueError(f"{path.name} is not a PNG image")
        width, height = struct.unpack(">II", start[16:])
        if width * height > MOST_PIXELS:
            raise ValueError(f"{path.name}: {width} x {height} is more than {MOST_PIXELS} pixels")
        data = start + file.read()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"{path.name} is not the image that was registered")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path.name} cannot be decoded")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def to_yaml(content: dict[str, Any]) -> bytes:
    """UTF-8 YAML with the keys in the order of `content`."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode()


def from_yaml(path: Path) -> dict[str, Any]:
    """The content of a file of this format. Raises one of `UNREADABLE`."""
    if path.stat().st_size > LARGEST_YAML:
        raise ValueError(f"{path.name} is larger than {LARGEST_YAML} bytes")
    content = yaml.safe_load(path.read_text("utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is not a table of fields")
    if content["format"] != FORMAT:
        raise ValueError(f"format {content['format']} is unknown; this release reads {FORMAT}")
    return content


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
    finally:
        os.close(descriptor)
