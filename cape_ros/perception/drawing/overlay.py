"""Draws keypoints, skeletons and names on RGB images."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw

from cape_ros.perception.category import Category
from cape_ros.perception.drawing.font import load_font, writable
from cape_ros.perception.drawing.instances import Color, instance_colors, instance_title
from cape_ros.perception.geometry import Box
from cape_ros.perception.objects import ObjectKeypoints

Text = tuple[np.ndarray, np.ndarray]  # how much of each pixel the outline and the letters cover
WHITE: Color = (255, 255, 255)
DARK: Color = (16, 18, 24)
LEGIBLE = 200  # luma of letters
SUBPIXEL = 4  # bits of a coordinate behind the point
MOST_SHIFTED = 20  # lines that a title gives way to others
LONGEST_NAME, LONGEST_LINE = 64, 256  # letters; what is longer fits no picture, and costs minutes


def draw(
    image: np.ndarray,
    objects: Sequence[ObjectKeypoints],
    categories: Mapping[str, Category],
    min_score: float = 0.3,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Draw the objects found in an image [H, W, 3] uint8 onto a copy of it.

    A keypoint with a score from `min_score` on is filled, named and joined to its neighbours; any
    other is a small ring. Each object has a colour and a title; the box of one that is only
    predicted is faded. An object with no score above 0 is not there: it is only listed at the
    bottom. Names and edges come from `categories`. out: where to draw; nothing else is allocated
    of the image's size.
    """
    canvas = np.empty_like(image, order="C") if out is None else out
    np.copyto(canvas, image)
    pen = Pen(canvas)
    told_apart = zip(objects, instance_colors(objects), strict=True)
    colored = [(one, color) for one, color in told_apart if (one.scores > 0).any()]
    present, colors = [one for one, _ in colored], [color for _, color in colored]
    known = [_category_of(one, categories) for one in present]
    for one, category, color in zip(present, known, colors, strict=True):
        pen.box(one.box, _faded(color) if one.predicted else color)
        edges = category.edges if category else ()
        pen.skeleton(one.keypoints, one.scores >= min_score, edges)
    for one, color in zip(present, colors, strict=True):
        pen.title(instance_title(one), one.box, color)
    for one, category in zip(present, known, strict=True):
        if category:
            trusted = np.where(one.scores >= min_score, one.scores, 0)
            pen.names(one.keypoints, trusted, category.keypoint_names)
    absent = dict.fromkeys(one.category for one in objects if not (one.scores > 0).any())
    if absent:
        pen.footnote(", ".join(absent) + ": not in view")
    return canvas


@lru_cache(maxsize=128)
def keypoint_color(index: int) -> Color:
    """Colours that stay apart: the hue advances by the golden ratio, lightness alternates."""
    hue = (0.98 + index * 0.618034) % 1
    red, green, blue = colorsys.hsv_to_rgb(hue, (0.85, 0.55)[index % 2], 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


class Pen:
    """Draws on one image, with sizes that suit it."""

    def __init__(self, canvas: np.ndarray) -> None:
        self._canvas = canvas
        self._height, self._width = canvas.shape[:2]
        size = math.sqrt(self._height * self._width)
        self.radius = max(2.5, size / 150)
        self.line = max(1, round(size / 350))
        self.font = max(10, round(size / 46))
        # left, top, right, bottom of what must not be covered: by labels, by other titles
        self._taken = np.empty((0, 4))
        self._titles = np.empty((0, 4))

    def box(self, box: Box, color: Color = WHITE) -> None:
        """The four corners of a box: a whole frame would hide more than it shows."""
        x, y, w, h = box
        arm = 0.18 * min(w, h)
        for left, top, across, down in (
            *((x, y, arm, arm), (x + w, y, -arm, arm)),
            *((x, y + h, arm, -arm), (x + w, y + h, -arm, -arm)),
        ):
            corner = [(left + across, top), (left, top), (left, top + down)]
            self._path(np.array(corner), color)

    def skeleton(
        self, points: np.ndarray, trusted: np.ndarray, edges: Sequence[tuple[int, int]]
    ) -> None:
        """Edges between trusted points, filled dots for those and small rings for the others."""
        near = self._near(points)
        solid = near & trusted
        for start, end in edges:
            if solid[start] and solid[end]:
                red, green, blue = np.add(keypoint_color(start), keypoint_color(end)) // 2
                self._path(points[[start, end]], (int(red), int(green), int(blue)))
        for index in np.flatnonzero(near & ~trusted).tolist():
            self.ring(points[index], _pale(keypoint_color(index)), 0.9 * self.radius)
        for index in np.flatnonzero(solid).tolist():
            self.dot(points[index], keypoint_color(index), self.radius)
        reach = np.full(2, self.radius)
        self._take(np.hstack([points[solid] - reach, points[solid] + reach]))

    def dot(self, point: np.ndarray, color: Color, radius: float) -> None:
        """A filled disc with a dark rim; `radius` in pixels."""
        self._circle(point, radius + max(1.0, radius / 4), DARK, cv2.FILLED)
        self._circle(point, radius, color, cv2.FILLED)

    def ring(self, point: np.ndarray, color: Color, radius: float) -> None:
        """A circle with a dark rim; `radius` in pixels."""
        thin = max(1, self.line // 2)
        self._circle(point, radius, DARK, thin + 1)
        self._circle(point, radius, color, thin)

    def names(self, points: np.ndarray, scores: np.ndarray, names: Sequence[str]) -> None:
        """Names of the points with a score, the best first, as long as each finds a free place."""
        shown = np.flatnonzero(self._near(points) & (scores > 0)).tolist()
        for index in sorted(shown, key=lambda index: -scores[index]):
            text = text_mask(_shortened(names[index], LONGEST_NAME), self.font)
            place = self._free_place(points[index], *text[0].shape)
            if place is not None:
                self._write(text, place, _pale(keypoint_color(index)))

    def title(self, words: str, box: Box, color: Color = WHITE) -> None:
        """On a plate at a corner of a box, where it covers no other title and, if there is such a
        place, no point."""
        text = text_mask(words, round(1.2 * self.font))
        height, width = text[0].shape
        width += 2 * (self.font // 4)
        places = list(self._title_places(box, height, width))
        rooms = np.vstack([self._taken, self._titles]), self._titles
        free = (p for taken in rooms for p in places if self._is_free(*p, height, width, taken))
        x, y = next(free, places[0])
        self._plate(text, x, y, color)
        self._titles = np.vstack([self._titles, (x, y, x + width, y + height)])

    def _title_places(self, box: Box, height: int, width: int) -> Iterator[tuple[float, float]]:
        """Above the box, below it and in its upper edge, then line by line further away."""
        x, y, w, h = box
        lefts = [max(0.0, min(left, self._width - width)) for left in (x, x + w - width)]
        above, below = y - height - 2 * self.line, y + h + 2 * self.line
        lowest = max(0, self._height - height)
        for line in range(MOST_SHIFTED):
            away = line * (height + 1)
            for top in (above - away, below + away, y + 2 * self.line + away):
                yield from ((left, top) for left in lefts if 0 <= top <= lowest)
        yield lefts[0], max(0.0, min(y, lowest))

    def footnote(self, words: str) -> None:
        """On a plate at the lower left corner of the image."""
        text = text_mask(_shortened(words, LONGEST_LINE), round(1.2 * self.font))
        self._plate(text, 0, self._height - text[0].shape[0], WHITE)

    def _path(self, points: np.ndarray, color: Color) -> None:
        fixed = [np.rint(points * 2**SUBPIXEL).astype(np.int32)]
        for shade, width in ((DARK, self.line + max(1, self.line // 2 * 2)), (color, self.line)):
            cv2.polylines(self._canvas, fixed, False, shade, width, cv2.LINE_AA, SUBPIXEL)

    def _circle(self, point: np.ndarray, radius: float, color: Color, width: int) -> None:
        x, y, fixed = (round(float(value) * 2**SUBPIXEL) for value in (*point, radius))
        cv2.circle(self._canvas, (x, y), fixed, color, width, cv2.LINE_AA, SUBPIXEL)

    def _plate(self, text: Text, x: float, y: float, color: Color) -> None:
        height, width = text[0].shape
        top, left = max(0, round(y)), max(0, round(x))
        edge = self.font // 4
        under = self._canvas[top : top + height, left : left + width + 2 * edge]
        under[:] = (under * 0.3 + np.multiply(DARK, 0.7)).astype(np.uint8)
        self._write(text, (left + edge, top), color)

    def _write(self, text: Text, place: tuple[float, float], color: Color) -> None:
        """Letters with a dark outline, so that they can be read on any background."""
        left, top = max(0, round(place[0])), max(0, round(place[1]))
        height, width = text[0].shape
        under = self._canvas[top : top + height, left : left + width]
        for mask, shade in zip(text, (DARK, color), strict=True):
            share = mask[: under.shape[0], : under.shape[1], None]
            under[:] = (under * (1 - share) + share * shade).astype(np.uint8)
        self._take(np.array([[left, top, left + width, top + height]]))

    def _take(self, rectangles: np.ndarray) -> None:
        self._taken = np.vstack([self._taken, rectangles])

    def _free_place(self, point: np.ndarray, height: int, width: int) -> tuple[float, float] | None:
        """Upper left corner of a label beside a point that covers neither points nor labels."""
        x, y = float(point[0]), float(point[1])
        for gap in (1.3 * self.radius + 1, 3 * self.radius):
            right, left = x + gap, x - gap - width
            above, below = y - gap - height, y + gap
            middle, centred = y - height / 2, x - width / 2
            for place in (
                *((right, middle), (left, middle), (centred, above), (centred, below)),
                *((right, above), (right, below), (left, above), (left, below)),
            ):
                if self._is_free(*place, height, width, self._taken):
                    return place
        return None

    def _is_free(self, x: float, y: float, height: int, width: int, taken: np.ndarray) -> bool:
        if x < 0 or y < 0 or x + width > self._width or y + height > self._height:
            return False
        left, top, right, bottom = taken.T
        covered = (x < right) & (left < x + width) & (y < bottom) & (top < y + height)
        return not covered.any()

    def _near(self, points: np.ndarray) -> np.ndarray:
        """Which points [K, 2] lie on the image or close to it: [K] bool."""
        size = np.array([self._width, self._height])
        return np.asarray(((points > -size) & (points < 2 * size)).all(axis=1))


def _pale(color: Color) -> Color:
    """Lighter, the darker hues more, to be legible against a dark outline."""
    luma = float(np.dot(color, (0.299, 0.587, 0.114)))
    white = max(0.5, (LEGIBLE - luma) / (255 - luma))
    red, green, blue = (round(value + white * (255 - value)) for value in color)
    return red, green, blue


def _faded(color: Color) -> Color:
    red, green, blue = (round(0.55 * value) for value in color)
    return red, green, blue


def _shortened(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 3]}..."


def _category_of(one: ObjectKeypoints, categories: Mapping[str, Category]) -> Category | None:
    """The category that a result speaks of, None if it is gone or has other keypoints by now."""
    category = categories.get(one.category)
    if category is None or len(category.keypoint_names) != len(one.keypoints):
        return None
    return category


@lru_cache(maxsize=1024)
def text_mask(words: str, size: int) -> Text:
    """How much of each pixel [h, w] the outline and the letters cover, 0..1; `size` in pixels."""
    font = load_font(size)
    words = writable(words, font)
    stroke = max(1, size // 10)
    left, top, right, bottom = font.getbbox(words + "Ág", stroke_width=stroke)
    right = font.getbbox(words, stroke_width=stroke)[2]
    extent = math.ceil(right - left) + 2, math.ceil(bottom - top)
    masks = []
    for width in (stroke, 0):
        mask = Image.new("L", extent)
        ImageDraw.Draw(mask).text((1 - left, -top), words, 255, font, stroke_width=width)
        masks.append(np.asarray(mask, np.float32) / 255)
    return masks[0], masks[1]
