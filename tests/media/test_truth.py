"""Where keypoints are known to be."""

from __future__ import annotations

import numpy as np

from cape_ros.media.truth import Truth, pairs

SQUARE = np.array([[0, 0], [100.0, 0], [100, 50], [0, 50]])  # 100 pixels on the longer side
RIGHT = np.array([1.0, 0])


def truth(visible: tuple[int, ...] = (1, 1, 1, 1)) -> Truth:
    return Truth(SQUARE, np.array(visible, bool))


def test_visible_is_what_lies_on_the_image() -> None:
    points = np.array([[-0.5, 0], [-0.6, 0], [639.5, 479.5], [639.6, 0], [5, 480]])
    seen = Truth.inside(points, 640, 480)
    assert seen.visible.tolist() == [True, False, True, False, False]
    assert np.isnan(seen.errors(points)[1])


def test_size_counts_points_out_of_view_but_not_unknown_ones() -> None:
    assert truth((1, 0, 0, 0)).size == 100
    unknown = Truth(np.array([[0, 0], [30, 20], [np.nan, np.nan]]), np.array([True, True, False]))
    assert unknown.size == 30


def test_each_answer_belongs_to_one_object_and_a_far_one_to_none() -> None:
    left, right, hidden = truth(), Truth(SQUARE + RIGHT * 60, np.ones(4, bool)), truth((0, 0, 0, 0))
    answers = [SQUARE + 1000, SQUARE + RIGHT * 40, SQUARE + RIGHT * 10]
    assert pairs({7: left, 8: hidden, 9: right}, answers) == {7: 2, 9: 1}
    assert pairs({7: left}, []) == pairs({}, answers) == {}
