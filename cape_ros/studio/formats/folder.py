"""The category folder of this package: `category.yaml` and a PNG for each shot."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import Category
from cape_ros.perception.library.category_folder import (
    UNREADABLE,
    load_yaml,
    read_category,
    write_category,
)
from cape_ros.studio.formats.reading import ImportedAnnotation, ImportResult, Skeleton

FILE = "category.yaml"
IMAGE = re.compile(r"shot_\d{3}\.png")
LARGEST_YAML = 1_000_000


def read(files: Mapping[str, bytes]) -> ImportResult:
    """files: of the category's folder, by name. Raises `InvalidInput`."""
    described = files[FILE]
    if len(described) > LARGEST_YAML:
        raise InvalidInput.of(FILE, f"is larger than {LARGEST_YAML / 1e6:.0f} MB")
    try:
        facts = load_yaml(described)
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            for name, data in files.items():
                if name == FILE or IMAGE.fullmatch(name):
                    (folder / name).write_bytes(data)
            category = read_category(folder, str(facts["name"]), int(facts["version"]))
    except UNREADABLE as error:
        reason = " ".join(str(error).split())[:300]
        raise InvalidInput.of(FILE, f"no category folder that can be read: {reason}") from error
    skeleton = Skeleton(category.keypoint_names, category.edges, category.symmetries)
    reading = ImportResult(skeletons={category.name: skeleton})
    for index, shot in enumerate(category.shots):
        name = f"shot_{index:03d}.png"
        points = {
            label: (x, y)
            for label, (x, y), seen in zip(
                category.keypoint_names, shot.keypoints.tolist(), shot.visible, strict=True
            )
            if seen
        }
        reading.images[name] = files[name]
        marked = ImportedAnnotation(category.name, name, points, shot.box, automatic=shot.automatic)
        reading.marked.append(marked)
    return reading


def write(category: Category) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "category"
        write_category(folder, category)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
