"""Named frames of a category, by its keypoints: such as where a gripper takes hold.

    grasp: {origin: [rim_left, rim_right], x: rim_left->rim_right, z: approach}

The origin is the middle of keypoints. One or two axes point from a keypoint to another, or along a
direction with a name: `approach`, the line of sight from the camera to the origin, or `down`, that
of gravity. An axis between keypoints is exact, and of two equals the first one; the other is as
near to its direction as that allows. Without a second axis z is near `approach`, or, if z is the
only axis, x points to the right of the image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cape_ros.core.errors import Fault, InvalidInput

FRAME_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")  # part of the name of a TF frame
MOST_FRAMES = 16
MOST_ORIGINS = 16
LONGEST_AXIS = 1000  # characters
AXES = "xyz"
DIRECTIONS = ("approach", "down")
ARROW = "->"
FIELDS = ("origin", *AXES)


@dataclass(frozen=True)
class Axis:
    """One axis of a frame: 0 = x, 1 = y, 2 = z.

    along: indices of two keypoints, or the name of a direction.
    """

    number: int
    along: tuple[int, int] | str


@dataclass(frozen=True)
class FrameDefinition:
    """A frame of a category. origin: indices of keypoints. axes: the exact one, then the other."""

    name: str
    origin: tuple[int, ...]
    axes: tuple[Axis, Axis]

    @property
    def keypoints(self) -> tuple[int, ...]:
        """The indices of all keypoints that it needs."""
        ends = [end for axis in self.axes if not isinstance(axis.along, str) for end in axis.along]
        return tuple(dict.fromkeys((*self.origin, *ends)))

    def reordered(self, now: Mapping[int, int]) -> FrameDefinition:
        """The same frame where keypoints have other indices. now: index before -> index after."""
        exact, other = (
            axis
            if isinstance(axis.along, str)
            else Axis(axis.number, (now[axis.along[0]], now[axis.along[1]]))
            for axis in self.axes
        )
        return FrameDefinition(self.name, tuple(now[at] for at in self.origin), (exact, other))


def read_frames(frames: Any, keypoint_names: Sequence[str]) -> tuple[FrameDefinition, ...]:
    """The frames of a category, by name, as a person writes them (see above).

    Raises `InvalidInput` that names every fault, such as an unknown keypoint, by its field:
    `frames.grasp.origin[1]`.
    """
    if not isinstance(frames, Mapping):
        reason = "is not a mapping of names to frames"
        raise InvalidInput.of("frames", reason, "wrong_type")
    if len(frames) > MOST_FRAMES:
        reason = f"has {len(frames)}; at most {MOST_FRAMES} are possible"
        raise InvalidInput.of("frames", reason, "too_large")
    faults: list[Fault] = []
    read = [_read(name, frame, keypoint_names, faults) for name, frame in frames.items()]
    if faults:
        raise InvalidInput(faults)
    return tuple(frame for frame in read if frame is not None)


def _read(
    name: Any, frame: Any, known: Sequence[str], faults: list[Fault]
) -> FrameDefinition | None:
    field = f"frames.{name}"
    if not isinstance(name, str) or not FRAME_NAME.fullmatch(name):
        reason = "must be 1 to 64 of A-Z a-z 0-9 _ and start with a letter"
        faults.append(Fault("frames", f"{name!r} {reason}"))
        return None
    if not isinstance(frame, Mapping):
        faults.append(Fault(field, "is not a mapping of origin and axes", "wrong_type"))
        return None
    before = len(faults)
    faults += [
        Fault(f"{field}.{key}", f"is not one of {', '.join(FIELDS)}", "unknown_field")
        for key in frame
        if key not in FIELDS
    ]
    origin = tuple(_read_origin(frame.get("origin"), f"{field}.origin", known, faults))
    axes = [
        _read_axis(key, along, f"{field}.{key}", known, faults)
        for key, along in frame.items()
        if key in tuple(AXES)
    ]
    if not 1 <= len(axes) <= 2:
        reason = f"has {len(axes)} axes; give one or two of {', '.join(AXES)}"
        faults.append(Fault(field, reason, "missing" if not axes else "invalid"))
    if len(faults) > before:
        return None
    return FrameDefinition(name, origin, _ordered([axis for axis in axes if axis is not None]))


def _read_origin(
    origin: Any, field: str, known: Sequence[str], faults: list[Fault]
) -> Iterator[int]:
    names = [origin] if isinstance(origin, str) else origin
    if not isinstance(names, Sequence) or not 1 <= len(names) <= MOST_ORIGINS:
        reason = f"is not a list of 1 to {MOST_ORIGINS} keypoints"
        faults.append(Fault(field, reason, "missing" if origin is None else "wrong_type"))
        return
    for index, name in enumerate(names):
        if name in known:
            yield known.index(name)
        else:
            faults.append(Fault(f"{field}[{index}]", _unknown(name, known), "out_of_range"))


def _read_axis(
    key: str, along: Any, field: str, known: Sequence[str], faults: list[Fault]
) -> Axis | None:
    number = AXES.index(key)
    if along in DIRECTIONS:
        return Axis(number, along)
    if not isinstance(along, str) or ARROW not in along:
        reason = f"is neither 'keypoint{ARROW}keypoint' nor one of {', '.join(DIRECTIONS)}"
        faults.append(Fault(field, reason, "wrong_type"))
        return None
    if len(along) > LONGEST_AXIS:
        faults.append(Fault(field, f"is longer than {LONGEST_AXIS} characters", "too_large"))
        return None
    parts = along.split(ARROW)  # names of keypoints may hold arrows
    ends = [
        (ARROW.join(parts[:at]).strip(), ARROW.join(parts[at:]).strip())
        for at in range(1, len(parts))
    ]
    pair = next((pair for pair in ends if pair[0] in known and pair[1] in known), None)
    if pair is None:
        unknown = next(end for end in ends[0] if end not in known)
        faults.append(Fault(field, _unknown(unknown, known), "out_of_range"))
        return None
    if pair[0] == pair[1]:
        faults.append(Fault(field, f"points from {pair[0]!r} to itself"))
        return None
    return Axis(number, (known.index(pair[0]), known.index(pair[1])))


def _unknown(name: Any, known: Sequence[str]) -> str:
    return f"{name!r} is not a keypoint (known: {', '.join(known)})"


def _ordered(axes: list[Axis]) -> tuple[Axis, Axis]:
    axes.sort(key=lambda axis: isinstance(axis.along, str))
    if len(axes) == 1:
        axes.append(Axis(0, "right") if axes[0].number == 2 else Axis(2, "approach"))
    return axes[0], axes[1]


def to_mapping(
    frames: Sequence[FrameDefinition], keypoint_names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """What `read_frames` reads as these frames, for files and messages."""

    def written(axis: Axis) -> str:
        if isinstance(axis.along, str):
            return axis.along
        return ARROW.join(keypoint_names[end] for end in axis.along)

    return {
        frame.name: {
            "origin": [keypoint_names[index] for index in frame.origin],
            **{AXES[axis.number]: written(axis) for axis in frame.axes if axis.along != "right"},
        }
        for frame in frames
    }
