"""Charts as inline SVG whose colours come from the page's style sheet, light or dark.

Drawn at 360 units across, so that text stays legible on a telephone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 38, 18, 8, 36  # around the plot
BAR, GAP = 11, 14  # units: of a bar, between groups
ROW_LABEL = 16
SMALLEST_DOT, LARGEST_DOT = 1.5, 5.5  # units, of its radius


@dataclass(frozen=True, eq=False)
class Line:
    """One curve; kind: the class that colours it in the style sheet. counts: of what each of its
    points stands for; each then has a dot, the larger the more."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    kind: str
    counts: Sequence[float] = ()


@dataclass(frozen=True)
class Axis:
    """From 0 to `most`, with a tick at each multiple of `step`; percent: of values in [0, 1]."""

    title: str
    most: float
    step: float
    percent: bool = True

    def ticks(self) -> list[float]:
        return [self.step * n for n in range(round(self.most / self.step) + 1)]

    def name(self, value: float) -> str:
        return f"{100 * value:.0f} %" if self.percent else f"{value:g}"


def line_chart(lines: Sequence[Line], across: Axis, up: Axis, what: str) -> str:
    """what: the chart in a sentence, for who cannot see it."""
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(value: float) -> float:
        return LEFT + plot_width * value / across.most

    def y(value: float) -> float:
        return TOP + plot_height * (1 - min(value, up.most) / up.most)

    parts = []
    for tick in up.ticks():
        parts.append(f'<path class="grid" d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(_text(LEFT - 5, y(tick) + 3.5, up.name(tick), "end"))
    for tick in across.ticks():
        parts.append(f'<path class="grid" d="M{x(tick):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(_text(x(tick), HEIGHT - BOTTOM + 14, across.name(tick), "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, across.title, "middle"))
    for line in lines:
        sizes = np.sqrt(line.counts or np.ones(len(line.x)))
        points = [
            (x(a), y(b), SMALLEST_DOT + LARGEST_DOT * size / max(sizes))
            for a, b, size in zip(line.x, line.y, sizes, strict=True)
            if np.isfinite((a, b)).all() and a <= across.most + 1e-9
        ]
        if not points:
            continue
        path = "L".join(f"{a:.1f} {b:.1f}" for a, b, _ in points)
        parts.append(f'<path class="line {line.kind}" d="M{path}"/>')
        if line.counts:
            parts += [
                f'<circle class="dot {line.kind}" cx="{a:.1f}" cy="{b:.1f}" r="{size:.1f}"/>'
                for a, b, size in points
            ]
    return _svg(parts, HEIGHT, what)


def bar_chart(
    groups: Sequence[tuple[str, Sequence[float]]], kinds: Sequence[str], what: str
) -> str:
    """Lying bars in [0, 1], a group of them for each name; the numbers stand behind the bars."""
    parts, y = [], 0.0
    most = WIDTH - 40
    for name, values in groups:
        parts.append(_text(0, y + ROW_LABEL - 5, name, "start", "name"))
        y += ROW_LABEL
        for value, kind in zip(values, kinds, strict=True):
            length = max(1.0, most * value)
            parts.append(
                f'<rect class="bar {kind}" x="0" y="{y:.1f}" width="{length:.1f}" '
                f'height="{BAR - 2}" rx="2"/>'
            )
            parts.append(_text(length + 5, y + BAR - 3.5, f"{100 * value:.1f}", "start"))
            y += BAR
        y += GAP
    return _svg(parts, round(y), what)


def thinned(x: np.ndarray, y: np.ndarray, most: int = 200) -> tuple[list[float], list[float]]:
    """At most so many points of a curve, its ends among them."""
    if not len(x):
        return [], []
    at = np.unique(np.linspace(0, len(x) - 1, most).round().astype(int))
    return x[at].tolist(), y[at].tolist()


def _text(x: float, y: float, words: str, anchor: str, kind: str = "label") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def _svg(parts: Sequence[str], height: int, what: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(what)}">{"".join(parts)}</svg>'
    )
