from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from steered import IMAGE, SteeredEstimator, category

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.geometry import box_faults
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.search import (
    GROWTH,
    SMALLEST,
    Follower,
    limit_growth,
    search,
    search_all,
    search_windows,
    warm_up,
)
from cape_ros.perception.trust import Trust

SIZE = (640, 480)
SQUARE = np.array([[100, 100], [200, 100], [200, 200], [100, 200]], np.float32)


def found(
    keypoints: np.ndarray = SQUARE,
    score: float | list[float] = 0.9,
    box: tuple[float, float, float, float] = (80, 80, 140, 140),
) -> ObjectKeypoints:
    matches = np.broadcast_to(np.float32(score), len(keypoints)).copy()
    return ObjectKeypoints("cup", 1, box, keypoints, matches / 10, matches, "abcd")


@pytest.mark.parametrize("size", [(640, 480), (333, 97)])
def test_windows_cover_the_whole_frame_and_stay_in_it(size: tuple[int, int]) -> None:
    windows = search_windows(*size)
    assert len(windows) == 1 + 4 + 9
    assert windows[0] == (0, 0, *size)
    for rows in (windows[1:5], windows[5:]):
        covered = np.zeros(size[::-1], bool)
        for x, y, w, h in rows:
            assert x >= 0
            assert y >= 0
            assert x + w <= size[0] + 1e-6
            assert y + h <= size[1] + 1e-6
            covered[int(y) : int(np.ceil(y + h)), int(x) : int(np.ceil(x + w))] = True
        assert covered.all()


def test_a_found_object_is_followed_under_one_track() -> None:
    follower = Follower(Trust())
    assert follower.box is None
    first = follower.update(found(), SIZE, 7)
    second = follower.update(found(SQUARE + 5), SIZE, 8)
    assert first.track_id == second.track_id == 7
    x, y, w, h = follower.box
    assert x < 105
    assert y < 105
    assert x + w > 205
    assert y + h > 205


def test_a_loss_is_published_as_one_and_ends_the_track() -> None:
    follower = Follower(Trust())
    follower.update(found(), SIZE, 7)
    lost = follower.update(found(score=0.1), SIZE, 8)
    assert lost.track_id == -1
    assert lost.score == 0
    assert lost.keypoints.shape == (4, 2)
    assert follower.box is None
    assert follower.update(found(), SIZE, 9).track_id == 9


def test_finding_takes_more_than_keeping() -> None:
    trust = Trust(point_threshold=0.2, presence_threshold=0.6, tracking_threshold=0.3)
    follower = Follower(trust)
    assert follower.update(found(score=0.5), SIZE, 1).track_id == -1
    assert follower.update(found(score=0.7), SIZE, 2).track_id == 2
    assert follower.update(found(score=0.5), SIZE, 3).track_id == 2


def test_untrusted_points_do_not_pull_the_box() -> None:
    follower = Follower(Trust())
    astray = np.concatenate((SQUARE, [[600, 400]])).astype(np.float32)
    follower.update(found(astray, [0.9, 0.9, 0.9, 0.9, 0.05]), SIZE, 1)
    assert follower.box[0] + follower.box[2] < 300


def test_the_box_grows_and_shrinks_by_a_bounded_factor() -> None:
    follower = Follower(Trust())
    follower.update(found(), SIZE, 1)
    before = follower.box
    follower.update(found(SQUARE * 2 - 100), SIZE, 1)
    assert follower.box[2] == pytest.approx(before[2] * GROWTH)
    before = follower.box
    follower.update(found(150 + (SQUARE - 150) * 0.1), SIZE, 1)
    assert follower.box[2] == pytest.approx(before[2] / GROWTH)
    assert limit_growth((0, 0, 10, 10), (2, 2, 11, 9)) == (2, 2, 11, 9)


@given(
    st.tuples(st.integers(SMALLEST, 700), st.integers(SMALLEST, 500)),
    st.lists(
        st.tuples(st.floats(-300, 1000), st.floats(-300, 800), st.floats(0, 2)),
        min_size=1,
        max_size=5,
    ),
)
@settings(deadline=None)
def test_a_followed_box_can_always_be_cropped(
    size: tuple[int, int], moves: list[tuple[float, float, float]]
) -> None:
    """Also of an object that leaves the image: a box off it would fail every frame to come."""
    follower = Follower(Trust())
    for x, y, scale in moves:
        seen = found((SQUARE - 150) * np.float32(scale) + np.array([x, y], np.float32))
        closer = follower.closer(seen, size)
        assert closer is None or not box_faults(closer, *size)
        follower.update(seen, size, 1)
        assert follower.box is None or not box_faults(follower.box, *size)
    for window in search_windows(*size):
        assert not box_faults(window, *size)


def test_an_object_that_left_the_image_is_lost() -> None:
    follower = Follower(Trust())
    follower.update(found(), SIZE, 1)
    gone = follower.update(found(SQUARE - [0, 400]), SIZE, 2)
    assert gone.track_id == -1
    assert gone.score == 0
    assert follower.box is None


def steered(*names: str, **settings: Any) -> SteeredEstimator:
    estimator = SteeredEstimator()
    for name in names:
        estimator.register(category(name))
    for setting, value in settings.items():
        setattr(estimator, setting, value)
    return estimator


def test_several_categories_are_searched_in_the_same_passes() -> None:
    estimator = steered("cup", "pan", "pot", only={"cup", "pot"})
    cup, pan, pot = search_all(estimator, IMAGE, ["cup", "pan", "pot"])  # type: ignore[arg-type]
    assert estimator.batches == [3 * 14, 2]
    assert [each.category for each in (cup, pan, pot)] == ["cup", "pan", "pot"]
    assert cup.score > 0.8
    assert pot.score > 0.8
    assert pan.score == 0
    assert {each.track_id for each in (cup, pan, pot)} == {-1}
    assert cup.box != (0, 0, 64, 48)  # a second, closer pass


def test_searching_one_or_several_is_the_same() -> None:
    estimator = steered("cup", "pan")
    together = search_all(estimator, IMAGE, ["cup", "pan"])  # type: ignore[arg-type]
    for name, found in zip(("cup", "pan"), together, strict=True):
        alone = search(estimator, IMAGE, name)  # type: ignore[arg-type]
        assert alone.box == found.box
        np.testing.assert_array_equal(alone.scores, found.scores)
    assert search_all(estimator, IMAGE, []) == []  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="too few to search in"):
        search_all(estimator, IMAGE[:2], ["cup"])  # type: ignore[arg-type]


def test_warming_up_runs_the_passes_of_one_object_and_of_a_search() -> None:
    estimator = steered("cup")
    warm_up(estimator, (48, 64), keypoints=3)  # type: ignore[arg-type]
    assert estimator.batches == [1, 14]
    assert estimator.asked_for == {("stand-in", 3)}
    assert list(estimator.known) == ["cup"]
