"""Annotated objects in MP-100's format, read as the release reads them.

Equal to the released implementation, except where its choice is a fault (see `read`).
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.core.files import read_text
from cape_ros.core.plurals import counted
from cape_ros.perception.geometry import Box, Crop, box_faults, clean_box

logger = logging.getLogger(__name__)

LISTED = 10  # an error names so many of a kind; the others are counted
KEY, WHOLE, TEXT, NUMBER, LIST = "number or text", "whole number", "text", "finite number", "list"
TYPES = {KEY: (int, float, str), WHOLE: (int,), TEXT: (str,), NUMBER: (int, float), LIST: (list,)}
NEEDED = {
    "images": {"id": KEY, "file_name": TEXT, "width": NUMBER, "height": NUMBER},
    "categories": {"id": WHOLE, "name": TEXT},
    "annotations": {"id": KEY, "image_id": KEY, "category_id": KEY},
}
OPTIONAL = {"annotations": {"bbox": LIST, "keypoints": LIST, "area": NUMBER}}
MOST = 1e9  # no size in pixels is larger
Row = dict[str, Any]


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
        """The normaliser of errors: the longer side of the clean box, in pixels."""
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


def read(annotations: Path, images: Path, allow_missing: bool = False) -> Dataset:
    """Read a COCO-like file; `images` is the folder that its file names start from.

    Left out, as the release does: crowds, objects without a box or area, off their image, or with
    no keypoint that counts. The number of keypoints is that of the annotation: some categories of
    MP-100 name none. A keypoint is visible if its flag is above 0, also where it lies off the
    image, again as the release does: whether a view shows it, the view says.

    allow_missing: objects whose image does not exist are left out and counted in the log. The
        release drops them silently; here they are an error unless this is set.
    Raises `InvalidInput` that names the faults: the first `LISTED`, and how many more there are.
    Beside what is missing or malformed it is one if objects of a category differ in their number
    of keypoints, or if none of them shows any.
    """
    content, faults = _load(annotations), list[Fault]()
    files = {row["id"]: row for row in _rows(content, "images", faults)}
    names = {row["id"]: row["name"] for row in _rows(content, "categories", faults)}
    of_image: dict[Any, list[Instance]] = {key: [] for key in files}
    for row in _rows(content, "annotations", faults):
        field = f"annotations[id={row['id']}]"
        for name, known in (("image_id", files), ("category_id", names)):
            if row[name] not in known:
                faults.append(Fault(f"{field}.{name}", f"{row[name]} is not in the file"))
                break
        else:
            if not _is_box(row.get("bbox")):
                reason = f"{row['bbox']!r} is not four finite numbers x, y, width, height"
                faults.append(Fault(f"{field}.bbox", reason))
            elif _counts(row, files[row["image_id"]]):
                try:
                    one = _instance(row, files[row["image_id"]], images)
                    of_image[row["image_id"]].append(one)
                except (TypeError, ValueError) as error:
                    faults.append(Fault(f"{field}.keypoints", str(error)))
    instances = [one for some in of_image.values() for one in some]
    faults += _useless(instances, names)
    paths = dict.fromkeys(one.image for one in instances)
    missing = {path: _below(path, images) for path in paths if not path.is_file()}
    if missing and not allow_missing:
        faults.insert(0, Fault(str(images), _absent([*missing.values()])))
    if faults:
        more = len(faults) - LISTED
        raise InvalidInput(
            faults[:LISTED] + [Fault("and", counted(more, "more fault"))] * (more > 0)
        )
    kept = tuple(one for one in instances if one.image not in missing)
    if missing:
        lost = len(instances) - len(kept)
        logger.warning(
            "%s: objects left out: %d, because %s", images, lost, _absent([*missing.values()])
        )
    seen = {one.category for one in kept}
    return Dataset(kept, {key: name for key, name in names.items() if key in seen})


def _load(annotations: Path) -> dict[str, list[Row]]:
    try:
        content = json.loads(read_text(annotations))
        sections = {name: content[name] for name in NEEDED}
        if not all(isinstance(row, dict) for rows in sections.values() for row in rows):
            raise TypeError("every entry must be an object")
    except OSError as error:
        raise InvalidInput.of(str(annotations), f"cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInput.of(str(annotations), f"not a COCO-like file: {error!r}") from error
    return sections


def _rows(content: dict[str, list[Row]], section: str, faults: list[Fault]) -> Iterator[Row]:
    """The entries of a section that have every key they need, and values of the right kind."""
    for at, row in enumerate(content[section]):
        if absent := [key for key in NEEDED[section] if key not in row]:
            faults.append(Fault(f"{section}[{at}]", f"has no {', '.join(absent)}"))
            continue
        given = {k: v for k, v in OPTIONAL.get(section, {}).items() if row.get(k) is not None}
        wrong = [
            Fault(f"{section}[{at}].{key}", f"{row[key]!r} is no {kind}")
            for key, kind in (NEEDED[section] | given).items()
            if not _is(kind, row[key])
        ]
        faults += wrong
        if not wrong:
            yield row


def _is(kind: str, value: Any) -> bool:
    fits = isinstance(value, TYPES[kind])
    return fits and (kind != NUMBER or abs(value) < MOST)


def _counts(row: Row, image: Row) -> bool:
    """Whether the release uses an object at all."""
    area = row.get("area")
    if row.get("iscrowd") or not row.get("num_keypoints", 1) or (area is not None and area <= 0):
        return False
    if not row.get("bbox") or not any(row.get("keypoints") or []):
        return False
    return not box_faults(row["bbox"], image["width"], image["height"])


def _is_box(value: Any) -> bool:
    """None and an empty one mean that there is no box."""
    return not value or (len(value) == 4 and all(_is(NUMBER, part) for part in value))


def _useless(instances: Sequence[Instance], names: Mapping[int, str]) -> Iterator[Fault]:
    """Categories whose objects differ in their number of keypoints, or show none of them."""
    objects: dict[int, list[Instance]] = {}
    for one in instances:
        objects.setdefault(one.category, []).append(one)
    for key, some in objects.items():
        field = f"categories[id={key}]"
        counts = Counter(len(one.visible) for one in some)
        if len(counts) > 1:
            listed = ", ".join(f"{count} in {objects}" for count, objects in counts.most_common())
            yield Fault(
                field, f"{names[key]}: numbers of keypoints differ between objects: {listed}"
            )
        elif not any(_shows_one(one) for one in some):
            yield Fault(field, f"{names[key]}: no object shows a keypoint in its box")


def _shows_one(instance: Instance) -> bool:
    """Whether a visible keypoint lies in the object's crop."""
    crop = Crop.of_box(instance.box)
    seen = crop.to_crop(instance.keypoints[instance.visible])
    return bool(((seen >= 0) & (seen < crop.size[::-1])).all(axis=1).any())


def _below(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _instance(row: Row, image: Row, images: Path) -> Instance:
    """Raises `ValueError` or `TypeError` for keypoints that are none."""
    flat = np.array(row["keypoints"], np.float32)
    if flat.ndim != 1 or flat.size % 3 or not np.isfinite(flat).all():
        raise ValueError("must be finite numbers x, y, flag, x, y, flag, ...")
    flat = flat.reshape(-1, 3)
    return Instance(
        images / image["file_name"],
        row["category_id"],
        clean_box(row["bbox"], image["width"], image["height"]),
        flat[:, :2],
        flat[:, 2] > 0,
    )


def _absent(names: Sequence[str]) -> str:
    """The first few of the missing images and how many there are."""
    if len(names) == 1:
        return f"{names[0]} does not exist"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{len(names)} images do not exist: {', '.join(names[:LISTED])}{more}"
