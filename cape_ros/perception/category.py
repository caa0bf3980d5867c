"""Categories of objects: named keypoints, and the annotated support shots that define them."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.core.plurals import counted
from cape_ros.perception.geometry import (
    LONGEST_SIDE,
    Box,
    Crop,
    box_faults,
    clean_box,
    clip_box,
    hull_box,
)
from cape_ros.perception.spatial.camera_model import CameraModel
from cape_ros.perception.spatial.depth import DepthImage
from cape_ros.perception.spatial.frames import FrameDefinition
from cape_ros.perception.spatial.shape import Shape

MOST_KEYPOINTS = 100
MOST_EDGES = 1000
MOST_SHOTS = 64
MOST_SYMMETRIES = 16
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, eq=False, init=False)
class SupportShot:
    """One image of an object with its keypoints.

    image: [H, W, 3] uint8 RGB. keypoints: [K, 2] float32 (x, y) in image pixels, 0 where not
    visible. visible: [K] bool. box: (x, y, width, height) in image pixels. The arrays are copies
    that cannot be written to.
    automatic: taken by the node from a tracked object, not by a person.
    camera: that took the image, if it is calibrated. depth: on the pixels of the image; it is not
        kept once the shape of the category is known from it.
    faults: what is wrong with the shot; the `Category` that takes it raises them all at once.
    """

    image: np.ndarray = field(repr=False)
    keypoints: np.ndarray
    visible: np.ndarray
    box: Box
    automatic: bool
    camera: CameraModel | None
    depth: DepthImage | None = field(repr=False)
    faults: tuple[Fault, ...] = field(init=False, repr=False)

    def __init__(
        self,
        image: ArrayLike,
        keypoints: ArrayLike,
        visible: ArrayLike | None = None,
        box: Sequence[float] | None = None,
        automatic: bool = False,
        camera: CameraModel | None = None,
        depth: DepthImage | None = None,
    ) -> None:
        """Without `visible` every keypoint is; without `box` it is the hull of the visible ones."""
        pixels = np.array(image)
        faults = image_faults(pixels)
        # An unknown size bounds nothing: the other fields are checked all the same.
        height, width = (math.inf, math.inf) if faults else pixels.shape[:2]
        points, seen = _read_keypoints(keypoints, visible, faults)
        faults += _keypoint_faults(points, seen, width, height)
        with np.errstate(over="ignore"):  # such a number has its fault already
            shown = np.where(seen[:, None], points, 0).astype(np.float32)
        around = _read_box(box, width, height, faults)
        faults += _depth_faults(depth, camera, width, height)
        if not faults:
            around = around or clip_box(hull_box(shown[seen]), width, height)
            faults += _view_faults(around, shown[seen], width, height)
        for array in (pixels, shown, seen):
            array.setflags(write=False)
        object.__setattr__(self, "image", pixels)
        object.__setattr__(self, "keypoints", shown)
        object.__setattr__(self, "visible", seen)
        object.__setattr__(self, "box", around or (0.0, 0.0, 0.0, 0.0))
        object.__setattr__(self, "automatic", automatic)
        object.__setattr__(self, "camera", camera)
        object.__setattr__(self, "depth", depth)
        object.__setattr__(self, "faults", tuple(faults))


@dataclass(frozen=True, eq=False)
class Category:
    """A named set of K keypoints in a fixed order, and the shots that show them.

    keypoint_names: K names. edges: pairs of keypoint indices that a skeleton joins.
    version: counts the registrations of this name; 0 = never registered.
    symmetries: permutations of the keypoints that leave the object as it is: in (1, 0, 2) the first
        two can be exchanged. The identity is not among them.
    shape: the keypoints in a frame of the object; None = not known.
    frames: by its keypoints, such as where a gripper takes hold; `read_frames` makes them.
    Raises `InvalidInput` that names every fault of every field. A category without shots can be
    drawn, but neither registered nor searched.
    """

    name: str
    keypoint_names: Sequence[str]
    edges: Sequence[tuple[int, int]] = ()
    shots: Sequence[SupportShot] = ()
    version: int = 0
    symmetries: Sequence[Sequence[int]] = ()
    shape: Shape | None = None
    frames: Sequence[FrameDefinition] = ()

    def __post_init__(self) -> None:
        names, shots = tuple(self.keypoint_names), tuple(self.shots)
        if faults := _length_faults(names, self.edges, shots, self.symmetries):
            raise InvalidInput(faults)
        faults = [*_name_faults(self.name), *_keypoint_name_faults(names)]
        edges = tuple(_read_edges(self.edges, len(names), faults))
        symmetries = tuple(_read_symmetries(self.symmetries, len(names), faults))
        faults += [
            Fault(f"frames.{frame.name}", "names an absent keypoint", "out_of_range")
            for frame in self.frames
            if max(frame.keypoints) >= len(names)
        ]
        if self.shape is not None and len(self.shape.points) != len(names):
            reason = f"{len(self.shape.points)} where the category names {len(names)} keypoints"
            faults.append(Fault("keypoints_3d", reason, "wrong_type"))
        for index, shot in enumerate(shots):
            faults += [fault.at(f"shots[{index}].{fault.field}") for fault in shot.faults]
            unread = any(fault.field == "keypoints" for fault in shot.faults)
            if len(shot.keypoints) != len(names) and not unread:
                points = counted(len(shot.keypoints), "keypoint")
                reason = f"{points} where the category names {len(names)}"
                faults.append(Fault(f"shots[{index}].keypoints", reason, "wrong_type"))
        if faults:
            raise InvalidInput(faults)
        object.__setattr__(self, "keypoint_names", names)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "shots", shots)
        object.__setattr__(self, "symmetries", symmetries)
        object.__setattr__(self, "frames", tuple(self.frames))


def _length_faults(names: Sized, edges: Sized, shots: Sized, symmetries: Sized) -> list[Fault]:
    """Checked before anything is read of them: each entry costs time."""
    return [
        Fault(field, f"has {len(given)}; at most {most} are possible", "too_large")
        for field, given, most in (
            ("keypoint_names", names, MOST_KEYPOINTS),
            ("edges", edges, MOST_EDGES),
            ("shots", shots, MOST_SHOTS),
            ("symmetries", symmetries, MOST_SYMMETRIES),
        )
        if len(given) > most
    ]


def image_faults(image: Any, name: str = "image") -> list[Fault]:
    """The faults of `image` as an [H, W, 3] uint8 RGB image; empty = usable."""
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3:
        reason = f"shape {np.shape(image)} is not height x width x 3"
        return [Fault(name, reason, "wrong_type")]
    if image.dtype != np.uint8:
        return [Fault(name, f"holds {image.dtype} values; give uint8 RGB", "wrong_type")]
    if image.size == 0:
        return [Fault(name, "has no pixels", "missing")]
    height, width, _ = image.shape
    if max(height, width) > LONGEST_SIDE:
        reason = f"{width} x {height} pixels; no side may be longer than {LONGEST_SIDE}"
        return [Fault(name, reason, "too_large")]
    return []


def _read_keypoints(
    keypoints: ArrayLike, visible: ArrayLike | None, faults: list[Fault]
) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints [K, 2] float64 and visible [K] bool, none of either where they cannot be read."""
    nothing = np.empty((0, 2)), np.empty(0, bool)
    try:
        if (count := len(keypoints)) > MOST_KEYPOINTS:  # type: ignore[arg-type]
            reason = f"has {count}; at most {MOST_KEYPOINTS} are possible"
            faults.append(Fault("keypoints", reason, "too_large"))
            return nothing
        points = np.array(keypoints, np.float64)
    except (TypeError, ValueError, OverflowError):
        faults.append(Fault("keypoints", "are not numbers; give K x 2 pixels", "wrong_type"))
        return nothing
    if points.size == 0:
        faults.append(Fault("keypoints", "has none; give at least one (x, y)", "missing"))
        return nothing
    if points.ndim != 2 or points.shape[1] != 2:
        faults.append(Fault("keypoints", f"shape {points.shape} is not K x 2", "wrong_type"))
        return nothing
    if visible is None:
        return points, np.ones(len(points), bool)
    flags = np.asarray(visible)
    if flags.shape != (len(points),) or flags.dtype.kind not in "biuf":
        reason = (
            f"shape {flags.shape} is not one flag for each of {counted(len(points), 'keypoint')}"
        )
        faults.append(Fault("visible", reason, "wrong_type"))
        return points, np.ones(len(points), bool)
    return points, flags > 0


def _keypoint_faults(
    points: np.ndarray, visible: np.ndarray, width: float, height: float
) -> Iterator[Fault]:
    for index, ((x, y), seen) in enumerate(zip(points, visible, strict=True)):
        where = f"keypoints[{index}]"
        if np.isinf((x, y)).any() or (seen and np.isnan((x, y)).any()):
            yield Fault(where, f"({x:g}, {y:g}) is not finite", "out_of_range")
        elif seen and not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            reason = f"({x:g}, {y:g}) is outside the {width} x {height} image; mark it not visible"
            yield Fault(where, reason, "out_of_range")
    shown = points[visible]
    if len(shown) > 1 and ((shown >= -0.5) & (shown < 1)).all():
        reason = "all that are visible lie in the first pixel; give pixels, "
        yield Fault("keypoints", f"{reason}not parts of the image's size", "out_of_range")
    if len(points) and not visible.any():
        yield Fault("visible", "no keypoint is visible; at least one must be", "missing")


def _read_box(
    box: Sequence[float] | None, width: float, height: float, faults: list[Fault]
) -> Box | None:
    if box is None:
        return None
    try:
        x, y, w, h = (float(value) for value in box)
    except (TypeError, ValueError, OverflowError):
        reason = "must be four numbers: x, y, width, height in pixels"
        faults.append(Fault("box", reason, "wrong_type"))
        return None
    faults += box_faults((x, y, w, h), width, height)
    return x, y, w, h


def _depth_faults(
    depth: DepthImage | None, camera: CameraModel | None, width: float, height: float
) -> Iterator[Fault]:
    if depth is None:
        return
    if camera is None:
        reason = "is missing; depth needs the calibration of the image's camera"
        yield Fault("camera_info", reason, "missing")
    if width < math.inf and depth.size != (width, height):
        seen = " x ".join(map(str, depth.size))
        reason = f"has {seen} pixels, its image {width} x {height}; align it to the image"
        yield Fault("depth", reason, "wrong_type")


def _view_faults(box: Box, points: np.ndarray, width: float, height: float) -> list[Fault]:
    """The faults of a box whose crop must show at least one of the points."""
    if faults := box_faults(box, width, height):
        return faults
    crop = Crop.of_box(clean_box(box, width, height))
    inside = (crop.to_crop(points) >= 0) & (crop.to_crop(points) <= crop.size[::-1])
    if inside.all(axis=1).any():
        return []
    return [Fault("box", "lies away from every keypoint", "out_of_range")]


def not_registered(known: Iterable[str], name: str) -> str:
    """The reason of a fault: `name` is not among the `known` ones."""
    return f"{name!r} is not registered (known: {', '.join(known) or 'none'})"


def name_like(text: str) -> str:
    """Converts any text to a valid category name."""
    allowed = re.sub(r"[^A-Za-z0-9_.-]", "_", text)
    return (allowed if allowed[:1].isalnum() else f"object_{allowed}")[:64]


def _name_faults(name: Any) -> Iterator[Fault]:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        reason = "must be 1 to 64 of A-Z a-z 0-9 _ . - and start with a letter or digit"
        yield Fault("name", f"{name!r} {reason}")


def _keypoint_name_faults(names: tuple[Any, ...]) -> Iterator[Fault]:
    if not names:
        yield Fault("keypoint_names", "has none; name at least one keypoint", "missing")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            yield Fault(f"keypoint_names[{index}]", f"{name!r} is not a name; give printable text")
        elif name in names[:index]:
            first = names.index(name)
            reason = f"{name!r} is already keypoint {first}"
            yield Fault(f"keypoint_names[{index}]", reason, "duplicate")


def _read_edges(edges: Sequence[Any], count: int, faults: list[Fault]) -> Iterator[tuple[int, int]]:
    for index, edge in enumerate(edges):
        try:
            start, end = (operator.index(end) for end in edge)
        except (TypeError, ValueError):
            reason = f"{edge!r} is not a pair of keypoint indices"
            faults.append(Fault(f"edges[{index}]", reason, "wrong_type"))
            continue
        absent = [end for end in (start, end) if not 0 <= end < count]
        if absent:
            reason = f"({start}, {end}) names absent keypoint {absent[0]}; there are {count}"
            faults.append(Fault(f"edges[{index}]", reason, "out_of_range"))
        elif start == end:
            faults.append(Fault(f"edges[{index}]", f"joins keypoint {start} to itself"))
        yield start, end


def _read_symmetries(
    symmetries: Sequence[Any], count: int, faults: list[Fault]
) -> Iterator[tuple[int, ...]]:
    for index, symmetry in enumerate(symmetries):
        field = f"symmetries[{index}]"
        try:
            order = tuple(operator.index(at) for at in symmetry)
        except TypeError:
            reason = "is not a list of keypoint indices"
            faults.append(Fault(field, reason, "wrong_type"))
            continue
        if len(order) != count:
            reason = f"has {len(order)} indices for {counted(count, 'keypoint')}"
            faults.append(Fault(field, reason, "wrong_type"))
        elif sorted(order) != list(range(count)):
            reason = f"does not name each keypoint from 0 to {count - 1} once"
            faults.append(Fault(field, reason, "out_of_range"))
        elif order != tuple(range(count)):
            yield order
