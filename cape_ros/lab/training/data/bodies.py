"""Procedural categories: flat parts that hang on joints, and keypoints defined on them.

A body is a trunk with limbs of one to three parts, often in mirrored pairs. What makes it a
category is fixed: which part hangs where, the shapes, the material and the keypoints. What makes an
object of it is its pose: joint angles and sizes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.random import Generator

from cape_ros.lab.training.data.textures import TextureStyle

SEED = 20231  # of all bodies: a number always stands for the same one
MOST_PARTS = 9
CLOSEST = 0.1  # a place on the surface is at least this far from joints and tips
ALONG = 15  # points of one half of an outline, with both ends
MIRROR = np.array([1, -1])


@dataclass(frozen=True, eq=False)
class Part:
    """A flat piece in its own frame: it rotates about (0, 0) and reaches along x. The trunk, which
    is part 0 and hangs on nothing, is 1 long; all lengths are in that unit.

    parent: the part it hangs on, and joint: [2], where on it, in the parent's frame. rest: radians
    from the parent's x axis. swing: the largest rotation from there, radians. layer: what is higher
    covers what is lower. outline: [V, 2]. original: itself, or the part that it mirrors.
    """

    parent: int
    joint: np.ndarray
    rest: float
    swing: float
    layer: float
    outline: np.ndarray
    original: int

    @property
    def tip(self) -> np.ndarray:
        """[2]: the far end, a little inside."""
        return np.array([0.96 * self.outline[:, 0].max(), 0])


@dataclass(frozen=True, eq=False)
class Landmark:
    """A keypoint at a place [2] of the frame of a part; a joint also belongs to the part that this
    one hangs on, and neither hides it."""

    part: int
    place: np.ndarray
    owners: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Body:
    """A procedural category. heading: its usual rotation, radians. own_pattern: every
    object has its own texture of the material, as cats have; otherwise all have the same."""

    number: int
    parts: tuple[Part, ...]
    landmarks: tuple[Landmark, ...]
    material: TextureStyle
    heading: float
    own_pattern: bool
    tiles: tuple[np.ndarray, ...] = field(repr=False)

    @property
    def mirrored(self) -> bool:
        """Whether it has pairs of parts, so that a flip would exchange left and right."""
        return any(part.original != at for at, part in enumerate(self.parts))

    def pose(self, generator: Generator) -> list[np.ndarray]:
        """An object: a matrix [3, 3] for each part, from its frame to the body's."""
        originals = [part.original for part in self.parts]
        sizes = np.exp(generator.normal(0, 0.12, (len(self.parts), 2)))[originals]
        stretch = np.exp(generator.normal(0, 0.06))
        heading = _rotation(self.heading) @ np.diag([stretch, 1 / stretch, 1])
        joints: list[np.ndarray] = []  # the frames before a part's own size
        for part in self.parts:
            angle = part.rest + part.swing * generator.uniform(-1, 1)
            if part.parent < 0:
                joints.append(heading)
            else:
                place = part.joint * sizes[part.parent]
                joints.append(joints[part.parent] @ _shift(place) @ _rotation(angle))
        return [frame @ np.diag([*s, 1]) for frame, s in zip(joints, sizes, strict=True)]


def body(number: int, photographs: Sequence[Path]) -> Body:
    """The category of this number; `photographs` give textures and colours."""
    generator = np.random.default_rng((SEED, number))
    parts = _parts(generator)
    material = TextureStyle.drawn(generator, photographs)
    return Body(
        number,
        tuple(parts),
        tuple(_landmarks(parts, generator)),
        material,
        heading=generator.uniform(0, 2 * math.pi),
        own_pattern=bool(generator.random() < 0.3),
        tiles=tiles(parts, material, generator),
    )


def tiles(
    parts: Sequence[Part], material: TextureStyle, generator: Generator
) -> tuple[np.ndarray, ...]:
    """A texture for each part; a mirrored part has the mirrored texture."""
    made: list[np.ndarray] = []
    for at, part in enumerate(parts):
        same = part.original == at
        made.append(material.tile(generator) if same else made[part.original][::-1])
    return tuple(made)


def _parts(generator: Generator) -> list[Part]:
    width, swing = generator.uniform(0.3, 0.8), math.radians(generator.uniform(8, 50))
    trunk = Part(-1, np.zeros(2), 0, 0, 0, _outline(generator, 1, width, overlap=0.5), 0)
    parts = [trunk]
    slender = generator.uniform(0.25, 0.6)
    for _ in range(int(generator.integers(1, 5))):
        limb = _limb(trunk, len(parts), slender, swing, generator)
        parts += limb
        if generator.random() < 0.6:
            same_side = generator.random() < 0.6
            parts += [_twin(part, len(limb), same_side) for part in limb]
        if len(parts) >= MOST_PARTS - 1:
            break
    return parts[:MOST_PARTS]


def _limb(
    trunk: Part, first: int, slender: float, swing: float, generator: Generator
) -> list[Part]:
    """One to three parts, the first on the trunk's rim, pointing away from it."""
    rim = trunk.outline[int(generator.integers(len(trunk.outline) // 2))]  # the half with y > 0
    joint, rest = 0.8 * rim, math.atan2(rim[1], rim[0]) + generator.normal(0, 0.4)
    layer, length = generator.uniform(-1, 1), generator.uniform(0.35, 0.9)
    limb: list[Part] = []
    for number in range(int(generator.integers(1, 4))):
        outline = _outline(generator, length, length * slender, overlap=0.12)
        parent = 0 if number == 0 else first + number - 1
        limb.append(Part(parent, joint, rest, swing, layer, outline, first + number))
        joint, rest = np.array([0.92 * length, 0]), generator.normal(0, 0.6)
        layer += 0.01 * generator.choice((-1, 1))
        length *= generator.uniform(0.6, 1.0)
    return limb


def _twin(part: Part, away: int, same_side: bool) -> Part:
    """The same on the other side of the trunk, `away` parts later; in front of it or behind."""
    return replace(
        part,
        parent=part.parent + away if part.parent else 0,
        joint=part.joint * MIRROR,
        rest=-part.rest,
        layer=part.layer * (1.001 if same_side else -1),
        outline=part.outline * MIRROR,
    )


def _outline(generator: Generator, length: float, width: float, overlap: float) -> np.ndarray:
    """[V, 2]: a random round or cornered shape about the x axis, first its half with y > 0.

    It reaches from -overlap * length to length * (1 - overlap) for a trunk (overlap 0.5), for a
    limb to length; the axis is always inside.
    """
    along = (1 - np.cos(np.linspace(0, math.pi, ALONG))) / 2
    corners = np.linspace(0, 1, 5)
    roundness = generator.uniform(1.8, 5)
    cap = (1 - np.abs(2 * along - 1) ** roundness) ** (1 / roundness)
    sides = [
        0.5 * width * cap * np.interp(along, corners, generator.uniform(0.55, 1.25, 5))
        for _ in range(2)
    ]
    reach = length if overlap == 0.5 else length * (1 + overlap)
    x = along * reach - overlap * length
    upper, lower = np.stack((x, sides[0]), 1), np.stack((x, -sides[1]), 1)
    return np.concatenate((upper, lower[-2:0:-1]))


def _landmarks(parts: Sequence[Part], generator: Generator) -> list[Landmark]:
    """Every joint, every tip of a limb, both ends of the trunk, and places on the surfaces."""
    landmarks = [Landmark(0, parts[0].tip * sign, (0,)) for sign in (1, -1)]
    landmarks += [
        Landmark(at, np.zeros(2), (at, part.parent)) for at, part in enumerate(parts) if at
    ]
    carrying = {part.parent for part in parts}
    ends = [at for at in range(1, len(parts)) if at not in carrying]
    landmarks += [Landmark(at, parts[at].tip, (at,)) for at in ends]
    spots: dict[int, np.ndarray] = {}
    for at, part in enumerate(parts):
        if part.original == at:
            taken = [mark.place for mark in landmarks if mark.part == at]
            taken += [other.joint for other in parts if other.parent == at]
            drawn = _on_surface(part.outline, int(generator.integers(0, 3)), generator)
            spots[at] = drawn[_away(drawn, np.array(taken)) > CLOSEST]
            mirror = np.ones(2)
        else:
            mirror = MIRROR
        landmarks += [Landmark(at, place * mirror, (at,)) for place in spots[part.original]]
    return landmarks


def _on_surface(outline: np.ndarray, count: int, generator: Generator) -> np.ndarray:
    """[count, 2] random places inside an outline about the x axis, away from its ends."""
    sides = np.r_[2 : ALONG - 2, ALONG + 1 : len(outline) - 1]
    rim = outline[generator.choice(sides, count)]
    return rim * np.stack((np.ones(count), generator.uniform(-0.2, 0.7, count)), 1)


def _away(places: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[N]: how far each of places [N, 2] is from the nearest of others [M, 2]."""
    nearest: np.ndarray = np.linalg.norm(places[:, None] - others, axis=2).min(axis=1)
    return nearest


def _rotation(angle: float) -> np.ndarray:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _shift(place: np.ndarray) -> np.ndarray:
    return np.array([[1, 0, place[0]], [0, 1, place[1]], [0, 0, 1]])
