"""Annotated objects in MP-100's format, read as the release reads them.

Equal to the released implementation, except where its choice is a fault (see `read`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cape_ros.errors import Fault, InvalidInput
from cape_ros.perception.geometry import Box, box_faults, clean_box


@dataclass(frozen=True, eq=False)
class Instance:
    """One annotated object.

    category: id of the category; names repeat in MP-100, ids do not.
    box: clean, in image pixels. keypoints: [K, 2] float32 image pixels. visible: [K] bool.
    """

    image: Path
    category: int
    box: Box
    keypoints: np.ndarray
    visible: np.ndarray

    @property
    def extent(self) -> float:
        """What errors are divided by: the longer side of the clean box, in pixels."""
        return max(self.box[2:])


@dataclass(frozen=True)
class Dataset:
    """Instances in the order of the file; `categories` maps ids to names in that order."""

    instances: tuple[Instance, ...]
    categories: dict[int, str]

    def of_category(self, category: int) -> list[int]:
        """Indices of the instances of one category."""
        return [at for at, one in enumerate(self.instances) if one.category == category]

    def only(self, names: Iterable[str]) -> Dataset:
        """The part of the data with categories of these names."""
        wanted = set(names)
        kept = {key: name for key, name in self.categories.items() if name in wanted}
        return Dataset(tuple(one for one in self.instances if one.category in kept), kept)


def read(annotations: Path, images: Path) -> Dataset:
    """Read a COCO-like file; `images` is the folder that its file names start from.

    Crowds, objects that count no keypoints and objects without area, or whose box has none, are
    left out, as the release does. The number of keypoints is that of the annotation: some
    categories of MP-100 name none. A missing image is an error here: the release drops it silently.
    Raises `InvalidInput` that names every fault.
    """
    try:
        content = json.loads(annotations.read_text())
        files = {image["id"]: image for image in content["images"]}
        names = {category["id"]: category["name"] for category in content["categories"]}
        rows: dict[int, list[dict]] = {key: [] for key in files}
        for row in content["annotations"]:
            rows[row["image_id"]].append(row)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput.of(str(annotations), f"not a COCO-like file: {error!r}") from error
    instances: list[Instance] = []
    faults: list[Fault] = []
    for key, image in files.items():
        path = images / image["file_name"]
        for row in rows[key]:
            flat = np.array(row.get("keypoints") or [], np.float32)
            if flat.size % 3:
                faults.append(Fault(f"annotations[id={row['id']}].keypoints", "not triples"))
                continue
            flat = flat.reshape(-1, 3)
            size = image["width"], image["height"]
            empty = not row.get("num_keypoints", 1) or not row.get("area", 1) > 0
            if empty or row.get("iscrowd") or box_faults(row["bbox"], *size):
                continue
            if not path.is_file():
                faults.append(Fault(f"images[id={key}]", f"{path} does not exist"))
                continue
            instances.append(
                Instance(
                    path,
                    row["category_id"],
                    clean_box(row["bbox"], *size),
                    flat[:, :2],
                    flat[:, 2] > 0,
                )
            )
    if faults:
        raise InvalidInput(faults)
    seen = dict.fromkeys(one.category for one in instances)
    return Dataset(tuple(instances), {key: name for key, name in names.items() if key in seen})
