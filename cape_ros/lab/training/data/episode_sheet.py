"""Draws a sheet of training episodes: a row of supports and queries of each kind.

python -m cape_ros.lab.training.data.episode_sheet DATA PHOTOGRAPHS --out sheet.png --seed 1

With --rendered CACHE also the kinds that show rendered meshes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from PIL import Image, ImageDraw

from cape_ros.core.errors import SourceError, exit_status
from cape_ros.lab.datasets.mp100 import Dataset, read
from cape_ros.lab.datasets.rendered.cache import RenderedCache
from cape_ros.lab.datasets.views import View, images_in
from cape_ros.lab.training.data.bodies import Body
from cape_ros.lab.training.data.episodes import KINDS, EpisodeConfig, Episodes, Kind, Thing
from cape_ros.lab.training.data.rendered import RENDERINGS, Rendered, RenderedObjects
from cape_ros.model import CapeFormerConfig
from cape_ros.perception.drawing.font import load_font
from cape_ros.perception.drawing.overlay import keypoint_color

PAIRS = 3  # in a row
KEYPOINTS = 8  # of an episode, at most
TILE, GAP, LABEL, TOP, CAPTION = 288, 8, 270, 112, 48  # pixels
RADIUS = 6  # of a disc; a ring is larger, so that what it marks is seen in it
PAPER, INK, PALE = (250, 250, 248), (24, 26, 32), (96, 100, 110)
EXPLAINED: dict[Kind, str] = {
    "annotated": "Two annotated objects of one\ncategory, cropped at their boxes,\n"
    "@"
    "both flipped or neither.",
    "affine": "One photograph twice:\nrotated, stretched, sheared,\nflipped on its own.\n"
    "Parallel lines stay parallel.",
    "homography": "One photograph twice, each\ntime as a flat picture seen\nat an angle.",
    "thin plate": "One photograph twice, each\ntime also bent, as a printed\ncloth would be.",
    "procedural": "Two objects of one made-up\ncategory: the same parts on\n"
    "the same joints, with other\nangles, sizes and colours;\nsometimes partly covered.",
    "rendered": "One mesh from two sides.\nWhat only the other side shows\nis hidden.",
    "rendered group": "Meshes of one group from\ntwo sides: the places that\nthey share.",
}


def sheet(
    episodes: Episodes, dataset: Dataset, seed: int, kinds: Sequence[Kind] = KINDS
) -> Image.Image:
    """The page; a row for each kind. Episodes must have two views."""
    pair = 2 * TILE + GAP
    row = TILE + CAPTION + 3 * GAP
    width = LABEL + PAIRS * (pair + 4 * GAP)
    page = Image.new("RGB", (width, TOP + len(kinds) * row), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((2 * GAP, 14), "What the network is trained on", INK, load_font(30))
    _legend(draw, 2 * GAP, 68)
    for at, kind in enumerate(kinds):
        y = TOP + at * row
        draw.line((2 * GAP, y - GAP, width - 2 * GAP, y - GAP), (210, 210, 206))
        draw.text((2 * GAP, y + 4), kind.capitalize(), INK, load_font(25))
        draw.multiline_text((2 * GAP, y + 46), EXPLAINED[kind], PALE, load_font(16), spacing=6)
        for number in range(PAIRS):
            generator = np.random.default_rng((seed, at, number))
            thing, views = episodes.episode(kind, generator)
            x = LABEL + number * (pair + 4 * GAP)
            for place, (role, view) in enumerate(zip(("support", "query"), views, strict=True)):
                left = x + place * (TILE + GAP)
                page.paste(picture(view), (left, y))
                draw.text((left, y + TILE + 4), f"{role}: {_counted(view)}", INK, load_font(15))
            draw.text((x, y + TILE + 25), _name(thing, dataset), PALE, load_font(15))
    return page


def picture(view: View) -> Image.Image:
    """A view as a tile, its keypoints numbered: discs where visible, rings where hidden."""
    tile = Image.fromarray(cv2.resize(view.pixels, (TILE, TILE), interpolation=cv2.INTER_LINEAR))
    draw = ImageDraw.Draw(tile)
    font = load_font(15)
    extent = np.array(view.pixels.shape[1::-1])
    for number, (point, visible) in enumerate(zip(view.points * extent, view.visible, strict=True)):
        if not ((point >= 0) & (point <= extent - 1)).all():  # NaN is nowhere
            continue
        x, y = (point + 0.5) * TILE / extent - 0.5
        _mark(draw, float(x), float(y), number, bool(visible))
        beside = RADIUS + 4 if x < TILE - 30 else -RADIUS - 14
        where = (x + beside, min(y - RADIUS - 4, TILE - 20))
        draw.text(where, str(number + 1), "white", font, stroke_width=2, stroke_fill="black")
    return tile


def _mark(draw: ImageDraw.ImageDraw, x: float, y: float, number: int, filled: bool) -> None:
    colour = keypoint_color(number)

    def circle(radius: float) -> tuple[float, float, float, float]:
        return x - radius, y - radius, x + radius, y + radius

    if filled:
        draw.ellipse(circle(RADIUS + 1.5), fill="black")
        draw.ellipse(circle(RADIUS), fill=colour)
    else:
        draw.ellipse(circle(RADIUS + 3), outline="black", width=4)
        draw.ellipse(circle(RADIUS + 2), outline=colour, width=2)


def _legend(draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
    words = (
        (
            True,
            "keypoint that is visible: the same number and colour is the same place of the thing",
        ),
        (False, "hidden by something in front: known to be there, not asked for"),
    )
    for filled, text in words:
        _mark(draw, x + 10, y + 10, 0, filled)
        draw.text((x + 26, y), text, INK, load_font(17))
        x += 60 + round(draw.textlength(text, load_font(17)))
    draw.text((x, y), "outside, or not annotated: not drawn, only counted", INK, load_font(17))


def _name(thing: Thing, dataset: Dataset) -> str:
    if isinstance(thing, Body):
        return f"body {thing.number}"
    if isinstance(thing, Path):
        return "photograph"
    if isinstance(thing, Rendered):
        return thing.mesh or thing.group
    return "image of the annotated set" if thing is None else dataset.categories[thing]


def _counted(view: View) -> str:
    """The numbers of keypoints that are visible, hidden, outside, and not annotated."""
    known = np.isfinite(view.points).all(axis=1)
    last = 1 - 1 / np.array(view.pixels.shape[1::-1])
    inside = known & ((view.points >= 0) & (view.points <= last)).all(axis=1)
    counts = {
        "visible": view.visible.sum(),
        "hidden": (inside & ~view.visible).sum(),
        "outside": (known & ~inside).sum(),
        "not annotated": (~known).sum(),
    }
    return ", ".join(f"{n} {word}" for word, n in counts.items() if n or word == "visible")


def main(
    data: Annotated[Path, typer.Argument(help="Folder with images/ and annotations/train.json.")],
    photographs: Annotated[Path, typer.Argument(help="Folder of images without annotations.")],
    out: Annotated[Path, typer.Option(help="The page, a PNG.")],
    seed: Annotated[int, typer.Option(min=0)] = 1,
    rendered: Annotated[Path | None, typer.Option(help="Views made by cape lab render.")] = None,
) -> None:
    """Show what a network is trained on, on one page."""
    dataset = read(data / "annotations" / "train.json", data / "images")
    config = EpisodeConfig(views=2, keypoints=KEYPOINTS, balance=0.0)
    meshes = RenderedObjects(RenderedCache(rendered), config.views) if rendered else None
    episodes = Episodes(dataset, list(images_in(photographs)), config, CapeFormerConfig(), meshes)
    kinds = [kind for kind in KINDS if meshes or kind not in RENDERINGS]
    page = sheet(episodes, dataset, seed, kinds)
    try:
        page.save(out, "PNG")
    except OSError as error:
        raise SourceError(f"{out}: cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(exit_status(lambda: typer.run(main)))
