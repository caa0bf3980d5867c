from __future__ import annotations

import numpy as np
import pytest

from cape_ros.perception.follow import GROWTH, Follower, Trust, limit_growth, search_windows
from cape_ros.perception.objects import ObjectKeypoints

SIZE = (640, 480)
SQUARE = np.array([[100, 100], [200, 100], [200, 200], [100, 200]], np.float32)


def found(
    keypoints: np.ndarray = SQUARE,
    score: float | list[float] = 0.9,
    box: tuple[float, float, float, float] = (80, 80, 140, 140),
) -> ObjectKeypoints:
    scores = np.broadcast_to(np.float32(score), len(keypoints)).copy()
    return ObjectKeypoints("cup", 1, box, keypoints, scores)


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
    trust = Trust(point=0.2, found=0.6, kept=0.3)
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
