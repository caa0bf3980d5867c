"""Prints the evaluation of a video."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from cape_ros.lab.evaluation.video_figures import STILL, VideoFigures
from cape_ros.media.truth import PCK_AT


def show(figures: VideoFigures, console: Console) -> None:
    facts = figures.facts()
    jitter = facts["jitter"]
    console.print(f"{facts['registered']} Truth: {facts['reference']}.")
    table = Table("figure", "value")
    size = _pixels(facts["object_size_px"])
    table.add_row("box", facts["box"])
    table.add_row("objects evaluated, reported", f"{facts['objects']}, {facts['reported']}")
    table.add_row("median error", f"{_pixels(facts['error_median_px'])} (object: {size})")
    table.add_row(f"PCK@{PCK_AT}", _percent(facts[f"pck@{PCK_AT}"]))
    for track, of_track in facts["by_track"].items() if len(facts["by_track"]) > 1 else ():
        share = _percent(of_track[f"pck@{PCK_AT}"])
        table.add_row(f"  track {track}", f"{_pixels(of_track['error_median_px'])}, {share}")
    table.add_row(
        f"jitter of still points (< {STILL} px), median / p95",
        f"{_pixels(jitter['median_px'])} / {_pixels(jitter['p95_px'])} of {jitter['points']}",
    )
    for name, value in facts["error_median_px_by_keypoint"].items():
        table.add_row(f"  {name}", _pixels(value))
    console.print(table)


def _pixels(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} px"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
