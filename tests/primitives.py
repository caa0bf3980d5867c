"""Tiny meshes as OBJ files; x is the viewer's right, y up, z to the viewer, who is in front."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cape_ros.lab.datasets.rendered.catalogue import Entry
from cape_ros.lab.datasets.rendered.meshes import load_mesh
from cape_ros.lab.datasets.rendered.tracing import Body

Block = tuple[tuple[float, float, float], tuple[float, float, float]]  # its low and high corner
CUBE: list[Block] = [((-1, -1, -1), (1, 1, 1))]
LEG = 0.1
CHAIR: list[Block] = [
    ((-0.5, 0.5, -0.5), (0.5, 0.6, 0.5)),
    ((-0.5, 0.6, -0.5), (0.5, 1.2, -0.4)),
    *(((x, 0.0, z), (x + LEG, 0.5, z + LEG)) for x in (-0.5, 0.5 - LEG) for z in (-0.5, 0.5 - LEG)),
]
WEDGE: list[Block] = [((0, 0, 0), (1, 0.3, 0.6)), ((0, 0.3, 0), (0.3, 0.8, 0.2))]
FACES = ((1, 3, 4, 2), (5, 6, 8, 7), (1, 2, 6, 5), (3, 7, 8, 4), (1, 5, 7, 3), (2, 4, 8, 6))


def write_obj(
    path: Path, blocks: Sequence[Block], material: str = "Kd 0.8 0.2 0.1", inverted: bool = False
) -> Path:
    """An OBJ file with one material; `material` = "" names an MTL file that is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"mtllib {path.stem}.mtl", "usemtl paint"]
    for number, (low, high) in enumerate(blocks):
        lines += [
            f"v {(low, high)[x][0]} {(low, high)[y][1]} {(low, high)[z][2]}"
            for z in (0, 1)
            for y in (0, 1)
            for x in (0, 1)
        ]
        for face in FACES:
            order = face[::-1] if inverted else face
            lines.append("f " + " ".join(str(8 * number + at) for at in order))
    path.write_text("\n".join(lines) + "\n")
    if material:
        path.with_suffix(".mtl").write_text(f"newmtl paint\n{material}\n")
    return path


def entry_of(path: Path, size: tuple[float, float, float] | None = None) -> Entry:
    return Entry(path.stem, path.stem, path, None, "someone", "Public domain", "", size)


def body_of(path: Path, blocks: Sequence[Block]) -> Body:
    return Body(load_mesh(entry_of(write_obj(path, blocks))))


def cylinder(path: Path, sides: int = 96) -> Path:
    """An upright one, without its ends."""
    angles = 2 * np.pi * np.arange(sides) / sides
    lines = [f"v {np.cos(a)} {y} {np.sin(a)}" for y in (0, 2) for a in angles]
    for at in range(sides):
        after = (at + 1) % sides
        lines.append(f"f {at + 1} {after + 1} {sides + after + 1} {sides + at + 1}")
    path.write_text("\n".join(lines) + "\n")
    return path
