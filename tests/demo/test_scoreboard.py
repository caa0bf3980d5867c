"""Figures that were worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cape_ros.demo.scoreboard import LEGEND, Detection, Entry, Figures, Scoreboard
from cape_ros.media.truth import Truth

SQUARE = np.array([[0, 0], [100.0, 0], [100, 50], [0, 50]])  # 100 pixels on the longer side


def truth(visible: tuple[int, ...] = (1, 1, 1, 1)) -> Truth:
    return Truth(SQUARE, np.array(visible, bool))


def detection(offsets: tuple[float, ...] = (0, 0, 0, 0), track_id: int = 0) -> Detection:
    points = SQUARE + np.array(offsets)[:, None] * (1, 0)
    return Detection("abcd", 1, track_id, 0.5, (0, 0, 1, 1), points, np.ones(4), np.full(4, 2))


def entry(index: int | None, latency: float | None, answer: Detection | None, seen: Truth) -> Entry:
    stamp = 1_000_000_000 + (index or 0) * 100_000_000
    return Entry(stamp, "cup", index, (seen,), latency, (answer,) if answer else ())


def test_the_figures_of_a_scene() -> None:
    entries = [
        entry(0, 0.1, detection((1, 2, 3, 11)), truth()),  # 3 of 4 right
        entry(1, 0.3, detection((50, 50, 50, 50), track_id=-1), truth()),  # lost: 0 of 4
        entry(2, None, None, truth()),  # dropped
        entry(3, 0.2, detection((4, 99, 99, 5)), truth((1, 0, 0, 1))),  # 2 of 2 that can be seen
        entry(4, 0.5, None, truth((1, 0, 0, 0))),  # answered, the object not mentioned: 0 of 1
    ]
    figures = Figures.of(entries, rate=10)
    assert (figures.frames_sent, figures.frames_answered, figures.frames_dropped) == (5, 4, 1)
    assert figures.frames_reported == 2
    assert figures.frames_per_second == pytest.approx(4 / 0.5)
    assert figures.latency_median_ms == pytest.approx(250)
    assert figures.latency_p95_ms == pytest.approx(np.percentile([100, 300, 200, 500], 95))
    assert figures.error_median_px == pytest.approx(np.median([1, 2, 3, 11, 4, 5]))
    assert figures.pck == pytest.approx(5 / 6)
    assert figures.right_share == pytest.approx(5 / 11)


def test_no_figure_is_made_up() -> None:
    figures = Figures.of([], rate=10)
    assert figures.frames_sent == 0
    assert figures.frames_per_second is figures.pck is figures.right_share is None
    unlabelled = [Entry(1, "cup", 0, (), 0.1, (detection(),))]
    assert Figures.of(unlabelled, 10).error_median_px is None
    assert Figures.of(unlabelled, 10).frames_reported == 1
    assert set(LEGEND) == set(Figures.__dataclass_fields__)


def test_every_scene_counts_with_its_own_time() -> None:
    late = [Entry(10**12 + i * 10**8, "b", i, (), 0.1, (detection(),)) for i in range(5)]
    early = [Entry(i * 10**8, "a", i, (), 0.1, (detection(),)) for i in range(5)]
    assert Figures.of(early + late, 10).frames_per_second == pytest.approx(10)


def test_frames_before_the_scene_do_not_count() -> None:
    scoreboard = Scoreboard()
    scoreboard.sent(Entry(1, "cup", None))
    scoreboard.sent(Entry(2, "cup", 0))
    assert not scoreboard.any_answer()
    assert scoreboard.answered(1, 0.1, ()) is scoreboard.find(1)
    assert scoreboard.answered(99, 0.1, ()) is None
    assert scoreboard.any_answer()
    assert [entry.stamp for entry in scoreboard.counted("cup")] == [2]
    assert scoreboard.counted("mug") == []


def test_three_objects_are_matched_one_to_one_and_switches_of_identity_counted() -> None:
    places = [np.array([300.0 * number, 0]) for number in range(3)]
    truths = tuple(Truth(SQUARE + place, np.ones(4, bool)) for place in places)

    def found(*tracks: int | None) -> tuple[Detection, ...]:
        reports = [
            replace(detection(track_id=track), keypoints=SQUARE + place + 1)
            for track, place in zip(tracks, places, strict=True)
            if track is not None
        ]
        return tuple(reversed(reports))

    def switches(*frames: tuple[Detection, ...]) -> Figures:
        return Figures.of(
            [Entry(i, "cup", i, truths, 0.1, frame) for i, frame in enumerate(frames)], 10
        )

    steady = switches(found(0, 1, 2), found(0, None, 2), found(0, 1, 2))
    assert steady.identity_switches == 0
    assert steady.right_share == pytest.approx(8 / 9)
    assert switches(found(0, 1, 2), found(1, 0, 2)).identity_switches == 2
    assert switches(found(0, 1, 2), found(0, None, 2), found(0, 7, 2)).identity_switches == 1
    spare = (*found(0, 1, 2), replace(detection(track_id=9), keypoints=SQUARE + 900))
    assert switches(spare).pck == 1
