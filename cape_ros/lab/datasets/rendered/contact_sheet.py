"""A page of rendered views with their keypoints, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from cape_ros.core.images import read_image
from cape_ros.core.plurals import counted
from cape_ros.lab.datasets.rendered.cache import RenderedCache, read_truth
from cape_ros.lab.datasets.rendered.keypoints import SHARED
from cape_ros.perception.drawing.font import load_font
from cape_ros.perception.drawing.overlay import keypoint_color

TILE, GAP, LABEL, CAPTION, TOP = 288, 6, 250, 14, 92  # pixels
PAPER, INK, PALE = (250, 250, 248), (24, 26, 32), (96, 100, 110)
TITLES = {
    "views": "Rendered views",
    "scenes": "Scenes: the registered view, then instances at an angle from it",
    "orbits": "Orbits around one object",
}
LEGEND = (
    "Each row is one mesh, seen from several sides. The same number and colour is the same place "
    "of the mesh; 1 to 19 are places\nthat a group shares (all chairs, all tables), the others "
    "are of this mesh alone. Discs: visible; rings: covered, or on the far side. Frame: the box."
)


def contact_sheet(
    cache: RenderedCache, rows: int = 12, columns: int = 5, seed: int = 1
) -> Image.Image:
    """A page of meshes drawn at random. Raises `SourceError`, `InvalidInput`."""
    meshes = list(cache.meshes())
    drawn = np.random.default_rng(seed).permutation(len(meshes))[:rows]
    chosen = sorted((meshes[int(at)] for at in drawn), key=lambda one: (one["group"], one["id"]))
    sheets = [
        [view_tile(one["folder"], view, TILE) for view in one["views"][:columns]] for one in chosen
    ]
    tile = max((tile.width for row in sheets for tile in row), default=TILE) + GAP
    width = LABEL + columns * tile
    page = Image.new("RGB", (width, TOP + len(chosen) * (TILE + CAPTION)), PAPER)
    draw = ImageDraw.Draw(page)
    title = f"{TITLES.get(cache.kind, cache.kind)}; {counted(len(meshes), 'mesh', 'meshes')}"
    draw.text((GAP, 8), title, INK, load_font(26))
    draw.multiline_text((GAP, 44), LEGEND, PALE, load_font(15))
    for at, (mesh, tiles) in enumerate(zip(chosen, sheets, strict=True)):
        y = TOP + at * (TILE + CAPTION)
        draw.multiline_text((GAP, y), _title(mesh), INK, load_font(14), spacing=5)
        for column, one in enumerate(tiles):
            page.paste(one, (LABEL + column * tile, y))
    return page


def view_tile(folder: Path, view: dict[str, Any], height: int) -> Image.Image:
    """One image with the truth of its instances drawn, scaled to a height in pixels."""
    pixels = read_image(folder / view["image"])
    scale = height / pixels.shape[0]
    tile = Image.fromarray(pixels).resize((round(pixels.shape[1] * scale), height))
    draw = ImageDraw.Draw(tile)
    angles = view.get("angles", [view["angle"]] if "angle" in view else None)
    for at, row in enumerate(view["instances"]):
        truth = read_truth(row)
        x, y, w, h = (value * scale for value in truth.box)
        draw.rectangle((x, y, x + w, y + h), outline=(255, 220, 60))
        if angles:  # small objects: their points would cover them
            text = f"{angles[at]:.0f}°"
            draw.text(
                (x + 2, y - 15), text, "white", load_font(13), stroke_width=2, stroke_fill="black"
            )
            continue
        for number, (point, seen) in enumerate(zip(truth.keypoints, truth.visible, strict=True)):
            if np.isfinite(point).all():
                mark(draw, (point + 0.5) * scale - 0.5, number, bool(seen))
    return tile


def mark(draw: ImageDraw.ImageDraw, at: np.ndarray, number: int, filled: bool) -> None:
    """A disc with its number, or a ring."""
    x, y = float(at[0]), float(at[1])
    colour = keypoint_color(number)
    radius = (4 if number < len(SHARED) else 3) if filled else 2
    circle = (x - radius, y - radius, x + radius, y + radius)
    if filled:
        draw.ellipse(circle, fill=colour, outline="black")
        draw.text(
            (x + 4, y - 12),
            str(number + 1),
            "white",
            load_font(11),
            stroke_width=1,
            stroke_fill="black",
        )
    else:
        draw.ellipse(circle, outline=colour)


def _title(mesh: dict[str, Any]) -> str:
    lines = [mesh["name"][:26], f"group: {mesh['group'] or 'none'}", *_wrapped(mesh["id"], 28)]
    lines.append(f"by {mesh['author'][:24]}")
    if list(mesh["mirrored"]) != list(range(len(mesh["mirrored"]))):
        lines.append("left and right are mirror images")
    if mesh["rotated"]:
        lines.append(f"alike from {len(mesh['rotated']) + 1} sides")
    if mesh["any_rotation"]:
        lines.append("round")
    return "\n".join(lines)


def _wrapped(text: str, width: int) -> Sequence[str]:
    return [text[at : at + width] for at in range(0, len(text), width)]
