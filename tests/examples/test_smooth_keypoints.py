from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import dds  # before the message packages
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from smooth_keypoints import Settings, Smoother, SmoothKeypoints, is_trusted, smoothing_factor

from cape_ros.msg import Keypoint, KeypointArray, ObjectKeypoints

SECOND = 10**9
coordinates = st.floats(-1e4, 1e4)
periods = st.integers(1_000_000, 400_000_000)  # [ns] below the longest gap
settings = st.builds(Settings, st.floats(0.01, 50), st.floats(0, 1), st.floats(0.01, 50))
Signal = list[tuple[int, float]]
signals = st.lists(st.tuples(periods, coordinates), min_size=1, max_size=20)


def smooth(signal: Signal, with_settings: Settings, start: int = SECOND) -> list[float]:
    """x of one keypoint; y goes the other way and must mirror it."""
    smoother, stamp, result = Smoother(with_settings), start, []
    for period, value in signal:
        stamp += period
        assert smoother.begin(stamp)
        x, y = smoother.smooth("point", (value, -value))
        assert y == -x
        result.append(x)
    return result


@given(signals, settings)
def test_as_the_paper_defines_it(signal: Signal, with_settings: Settings) -> None:
    """Against its equations, written down as they stand there, with sums instead of states."""

    def alpha(cutoff: float, te: float) -> float:
        return 2 * math.pi * cutoff * te / (2 * math.pi * cutoff * te + 1)

    (_, x), *rest = signal
    expected, dx = [x], 0.0
    for period, value in rest:
        te = period / 1e9
        a = alpha(with_settings.derivative_cutoff, te)
        dx = a * (value - x) / te + (1 - a) * dx
        a = alpha(with_settings.min_cutoff + with_settings.beta * abs(dx), te)
        x = a * value + (1 - a) * x
        expected.append(x)
    np.testing.assert_allclose(smooth(signal, with_settings), expected, rtol=1e-6, atol=1e-6)


@given(signals, settings)
def test_a_result_lies_between_the_values_so_far(signal: Signal, with_settings: Settings) -> None:
    values = [value for _, value in signal]
    for count, result in enumerate(smooth(signal, with_settings), 1):
        assert min(values[:count]) - 1e-6 <= result <= max(values[:count]) + 1e-6


@given(signals, settings, coordinates, st.integers(0, 10**18))
def test_it_goes_by_differences_of_place_and_time(
    signal: Signal, with_settings: Settings, shift: float, start: int
) -> None:
    moved = [(period, value + shift) for period, value in signal]
    np.testing.assert_allclose(
        smooth(moved, with_settings, start), np.add(smooth(signal, with_settings), shift), atol=1e-4
    )


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1))
def test_the_factor_grows_with_cutoff_and_period(cutoff: float, period: float) -> None:
    factor = smoothing_factor(cutoff, period)
    assert 0 < factor < 1
    assert smoothing_factor(cutoff * 2, period) > factor
    assert smoothing_factor(cutoff, period * 2) == pytest.approx(
        smoothing_factor(cutoff * 2, period)
    )


def test_it_trembles_less_at_rest_and_follows_in_motion() -> None:
    noise = np.random.default_rng(0).normal(0, 1, 300)
    frame = SECOND // 30
    rest = smooth([(frame, value) for value in 100 + noise], Settings())
    assert np.std(rest[30:]) < 0.5 * np.std(noise)
    path = np.arange(300) * 600 / 30  # 600 pixels a second
    lag = np.abs(np.subtract(smooth([(frame, value) for value in path], Settings()), path))
    slow = np.abs(np.subtract(smooth([(frame, v) for v in path], Settings(beta=0)), path))
    assert lag[-1] < 15 < 80 < slow[-1]


def test_when_a_point_begins_anew() -> None:
    smoother = Smoother(Settings(longest_gap=0.5))

    def show(seconds: float, x: float, key: str = "point") -> float:
        smoother.begin(round(seconds * SECOND))
        return smoother.smooth(key, (x, 0.0))[0]

    assert show(1.0, 0.0) == 0
    assert 0 < show(1.1, 10.0) < 10
    assert show(1.2, 20.0, "another") == 20
    assert 0 < show(1.6, 10.0) < 10  # half a second later, not more
    assert show(2.2, 7.0) == 7
    assert show(2.1, 9.0) == 9  # the stamps jump back
    assert show(2.1, 8.0) == 8  # or stand still
    assert 8 < show(2.2, 9.0) < 9
    assert smoother.smooth("point", (5.0, 0.0)) == (5.0, 0.0)  # twice in one frame


@pytest.mark.parametrize(
    "wrong", [{"min_cutoff": 0.0}, {"beta": -1.0}, {"derivative_cutoff": -1.0}, {"longest_gap": 0}]
)
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)


def test_what_is_trusted() -> None:
    assert is_trusted(Keypoint(x=1.0, y=2.0, visibility=Keypoint.VISIBLE))
    assert not is_trusted(Keypoint(x=1.0, y=2.0, visibility=Keypoint.UNKNOWN))
    assert not is_trusted(Keypoint(x=math.nan, y=2.0, visibility=Keypoint.VISIBLE))


def frame(second: int, x: float, **changes: Any) -> KeypointArray:
    """A cup with one trusted keypoint at x, and one that is not."""
    points = [Keypoint(x=x, y=0.0, visibility=Keypoint.VISIBLE), Keypoint(x=x, y=0.0)]
    found = ObjectKeypoints(category="cup", category_version=1, keypoints=points)
    found.keypoint_names = ["rim", "foot"]
    for name, value in changes.items():
        setattr(found, name, value)
    return KeypointArray(header=dds.image(second).header, objects=[found], image_width=120)


def test_the_node_publishes_smoothed_messages(start: Callable[..., Any]) -> None:
    node, robot = start(SmoothKeypoints, longest_gap=5.0, min_cutoff=0.1)
    inbox = dds.Inbox()
    robot.create_subscription(KeypointArray, "/smooth_keypoints/keypoints", inbox, 10)
    publisher = robot.create_publisher(KeypointArray, "/cape/keypoints", 10)
    dds.wait_for(publisher.get_subscription_count)
    dds.wait_for(node._publisher.get_subscription_count)

    def answer(message: KeypointArray) -> list[float]:
        inbox.messages.clear()
        publisher.publish(message)
        result = inbox.wait()
        assert (result.header, result.image_width) == (message.header, 120)
        (found,) = result.objects
        assert (found.category, found.keypoint_names) == ("cup", ["rim", "foot"])
        assert len(found.keypoints) == 2
        return [keypoint.x for keypoint in found.keypoints]

    assert answer(frame(1, 0.0)) == [0, 0]
    trusted, not_trusted = answer(frame(2, 10.0))
    assert 0 < trusted < 10
    assert not_trusted == 10
    assert answer(frame(3, 30.0, category_version=2)) == [30, 30]
    assert answer(frame(4, 40.0, track_id=5)) == [40, 40]
    assert answer(frame(5, 50.0, track_id=-1)) == [50, 50]
    assert answer(frame(3, 60.0)) == [60, 60]
