from __future__ import annotations

import pytest
from builtin_interfaces.msg import Time as TimeMessage
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.time import Time

STAMPS = st.builds(TimeMessage, sec=st.integers(0, 2**31 - 1), nanosec=st.integers(0, 10**9 - 1))


@settings(derandomize=True)
@given(STAMPS, STAMPS)
def test_stamps_keep_every_nanosecond(one, other):
    assert Time.from_msg(one).to_msg() == one
    between = Time.from_msg(one) - Time.from_msg(other)
    assert Time.from_msg(other) + between == Time.from_msg(one)
    assert Duration.from_msg(between.to_msg()) == between
    assert (between > Duration()) == (Time.from_msg(one) > Time.from_msg(other))


def test_times_of_two_clocks_do_not_compare():
    ros, steady = (Clock(clock_type=kind).now() for kind in (ClockType.ROS_TIME, 3))
    with pytest.raises(TypeError, match="different clocks"):
        ros < steady  # noqa: B015
    with pytest.raises(TypeError, match="different clocks"):
        ros - steady


def test_time_is_not_negative():
    with pytest.raises(ValueError, match="not negative"):
        Time() - Duration(seconds=1)
