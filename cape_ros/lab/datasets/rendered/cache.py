"""A folder of rendered views: a folder for each mesh, written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.core.files import read_text, write_file
from cape_ros.lab.datasets.mp100 import Dataset, Instance
from cape_ros.lab.datasets.rendered.cameras import Camera, Pose
from cape_ros.lab.datasets.rendered.catalogue import Entry
from cape_ros.lab.datasets.rendered.keypoints import SHARED, Keypoints
from cape_ros.lab.datasets.rendered.views import InstanceTruth, Picture

Kind = Literal["views", "scenes", "orbits"]
FORMAT = 1
FACTS, MESH, UNFINISHED = "cache.json", "mesh.json", ".unfinished-"
LEAST_KEYPOINTS = 2  # that a view shows, to be of use


@dataclass(frozen=True)
class CacheConfig:
    """What a cache holds: pictures of a kind. count: pictures of each mesh, beside the registered
    view of scenes. part: train, held-out or all, the meshes."""

    kind: Kind = "views"
    seed: int = 1
    count: int = 8
    part: str = "train"


class RenderedCache:
    """A folder of rendered views."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, config: CacheConfig) -> None:
        """Make the folder, or go on with one of the same settings; remove what a kill cut off.

        Raises `InvalidInput` for a cache with other settings, `SourceError`.
        """
        facts = {"format": FORMAT, **asdict(config)}
        there = self.folder / FACTS
        if there.exists():
            known = self._read(there)
            differing = [key for key in facts if known.get(key) != facts[key]]
            if differing:
                words = ", ".join(f"{key} {known.get(key)}, not {facts[key]}" for key in differing)
                raise InvalidInput.of("OUT", f"{self.folder} was rendered with {words}")
        with says_what_is_kept(self.folder):
            (self.folder / "meshes").mkdir(parents=True, exist_ok=True)
            for left in (self.folder / "meshes").glob(f"{UNFINISHED}*"):
                shutil.rmtree(left)
        write_atomically(there, json.dumps(facts, indent=1) + "\n")

    @property
    def kind(self) -> str:
        """What is in the folder. Raises `InvalidInput` if it is no cache."""
        facts = self.folder / FACTS
        if not facts.is_file():
            raise InvalidInput.of("cache", f"{self.folder} is no cache: it has no {FACTS}")
        return str(self._read(facts).get("kind"))

    def has(self, entry: Entry) -> bool:
        return (self.folder / "meshes" / entry.slug / MESH).is_file()

    def put(
        self,
        entry: Entry,
        keypoints: Keypoints,
        pictures: Sequence[Picture],
        more: Sequence[dict[str, Any]] = (),
    ) -> None:
        """All pictures of a mesh. more: facts of each, beside its truth.

        Raises `SourceError`: the disk is full, nothing of it is kept.
        """
        target = self.folder / "meshes" / entry.slug
        new = target.with_name(f"{UNFINISHED}{os.getpid()}-{entry.slug}")
        with says_what_is_kept(self.folder):
            try:
                new.mkdir()
                rows = [write_picture(new, f"{at:03d}", one) for at, one in enumerate(pictures)]
                for row, facts in zip(rows, more, strict=False):
                    row.update(facts)
                facts = {**facts_of(entry), **facts_of_keypoints(keypoints), "views": rows}
                _write_synced(new / MESH, json.dumps(facts).encode())
                new.rename(target)
            except OSError:
                shutil.rmtree(new, ignore_errors=True)
                raise

    def meshes(self) -> Iterator[dict[str, Any]]:
        """The facts of every mesh that is there, as `mesh.json` has them, with `folder`.

        Raises `SourceError`, `InvalidInput` for a folder that is no cache.
        """
        assert self.kind
        for path in sorted((self.folder / "meshes").glob(f"*/{MESH}")):
            if not path.parent.name.startswith(UNFINISHED):
                yield {**self._read(path), "folder": path.parent}

    def dataset(self, held_out: bool, by: str = "mesh") -> Dataset:
        """The views as annotated objects: a category for each mesh, or (by = "group") for each
        group of two and more meshes, whose keypoints are the places that they share.

        Keypoints that are covered count as not visible, but have their place. A mesh that a
        rotation leaves as it is is no category of its own: two of its sides look the same and have
        other keypoints.
        """
        meshes = [one for one in self.meshes() if one["held_out"] == held_out]
        if by == "group":
            sizes = Counter(one["group"] for one in meshes)
            names = sorted(group for group, size in sizes.items() if group and size > 1)
            key = "group"
        else:
            meshes = [one for one in meshes if not one["rotated"]]
            names, key = [one["id"] for one in meshes], "id"
        numbers = {name: number for number, name in enumerate(names, 1)}
        instances = [
            instance
            for one in meshes
            if one[key] in numbers
            for instance in _instances(one, numbers[one[key]], by == "group")
        ]
        used = {one.category for one in instances}
        return Dataset(tuple(instances), {n: name for name, n in numbers.items() if n in used})

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            content = json.loads(read_text(path))
        except (OSError, ValueError) as error:
            raise SourceError(f"{path}: cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise SourceError(f"{path}: is not of a rendered cache")
        return content


def _instances(mesh: dict[str, Any], category: int, shared_only: bool) -> Iterator[Instance]:
    count = len(SHARED) if shared_only else len(mesh["keypoint_names"])
    points = np.array([p or [np.nan] * 3 for p in mesh["points"][:count]], float)
    kept = np.ones(count, bool) if shared_only else np.isfinite(points).all(axis=1)
    for view in mesh["views"]:
        truth = read_truth(view["instances"][0])
        visible = truth.visible[:count][kept]
        if visible.sum() >= LEAST_KEYPOINTS and min(truth.box[2:]) >= 2:
            yield Instance(
                mesh["folder"] / view["image"],
                category,
                truth.box,
                truth.keypoints[:count][kept],
                visible,
            )


def facts_of(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "name": entry.name,
        "group": entry.group,
        "author": entry.author,
        "licence": entry.licence,
        "held_out": entry.held_out,
    }


def facts_of_keypoints(keypoints: Keypoints) -> dict[str, Any]:
    return {
        "keypoint_names": keypoints.names,
        "points": _rows(keypoints.all, 5),
        "mirrored": keypoints.mirrored,
        "rotated": keypoints.rotated,
        "any_rotation": keypoints.symmetry.any_rotation,
    }


def write_picture(folder: Path, name: str, picture: Picture, depth: bool = True) -> dict[str, Any]:
    """Write NAME.jpg and NAME.png (depth) and return the truth for JSON. Raises `OSError`."""
    bgr = cv2.cvtColor(picture.pixels, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, picture.quality])
    _write_synced(folder / f"{name}.jpg", jpeg.tobytes())
    facts: dict[str, Any] = {"image": f"{name}.jpg"}
    if depth:
        _write_synced(folder / f"{name}.png", cv2.imencode(".png", picture.depth)[1].tobytes())
        facts["depth"] = f"{name}.png"
    camera = picture.camera
    facts["camera"] = {"size": camera.size, "focal": camera.focal, "centre": camera.centre}
    facts["instances"] = [facts_of_truth(one) for one in picture.instances]
    return facts


def facts_of_truth(truth: InstanceTruth) -> dict[str, Any]:
    return {
        "rotation": truth.pose.rotation.round(7).tolist(),
        "translation": truth.pose.translation.round(6).tolist(),
        "scale": truth.pose.scale,
        "keypoints": _rows(truth.keypoints, 3),
        "visible": truth.visible.astype(int).tolist(),
        "box": truth.box,
        "shown": round(truth.shown, 4),
    }


def read_truth(row: dict[str, Any]) -> InstanceTruth:
    """The opposite of `facts_of_truth`."""
    x, y, width, height = row["box"]
    return InstanceTruth(
        Pose(np.array(row["rotation"]), np.array(row["translation"]), row["scale"]),
        np.array([point or [np.nan] * 2 for point in row["keypoints"]], np.float32),
        np.array(row["visible"], bool),
        (x, y, width, height),
        row["shown"],
    )


def read_camera(row: dict[str, Any]) -> Camera:
    (height, width), (x, y) = row["size"], row["centre"]
    return Camera((height, width), row["focal"], (x, y))


def write_atomically(path: Path, content: str) -> None:
    """A text file that is whole or as it was. Raises `SourceError`."""
    new = path.with_name(f".{path.name}.new")
    write_file(new, content)
    with says_what_is_kept(path.parent):
        new.replace(path)


@contextmanager
def says_what_is_kept(folder: Path) -> Iterator[None]:
    """Makes one sentence of a disk that is full or cannot be written. Raises `SourceError`."""
    try:
        yield
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
        raise SourceError(
            f"{folder}: cannot be written: {why}; "
            "what is finished is kept, the same command goes on"
        ) from error


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _rows(points: np.ndarray, digits: int) -> list[list[float] | None]:
    """Points for JSON, null where they are NaN."""
    return [
        [round(float(value), digits) for value in one] if np.isfinite(one).all() else None
        for one in points
    ]
