"""Objects in space in; a target to follow out, over DDS and in simulated time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dds  # before the message packages
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from constant_velocity import Motion
from follow_object import FollowObject
from geometry_msgs.msg import PoseStamped, TwistStamped
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header

from cape_ros.msg import ObjectFrame, ObjectKeypoints3D, ObjectKeypoints3DArray

FRAME = 1 / 30  # [s] between two images
LATENCY = 0.1  # [s] from an image to its result
SPEED = 0.2  # [m/s] along x
NOISE = 0.002  # [m] of a measured position


def to_time(seconds: float) -> Time:
    whole, rest = divmod(round(seconds * 1e9), 10**9)
    return Time(sec=whole, nanosec=rest)


def cup(x: float, track: int = 3, **fields: Any) -> ObjectKeypoints3D:
    """With a frame `grasp` 10 cm beside it."""
    made = ObjectKeypoints3D(**({"category": "cup", "track_id": track, "score": 0.9} | fields))
    grasp = ObjectFrame(name="grasp")
    for part, place in ((made, x), (grasp, x + 0.1)):
        part.pose.pose.position.x = place
        part.pose.pose.position.z = 0.5
        part.pose.covariance = np.eye(6).ravel() * NOISE**2
    made.frames = [grasp]
    return made


class Heard(FollowObject):
    """Keeps what it has handled and said."""

    def __init__(self) -> None:
        self.handled, self.reasons = dds.Inbox(), dds.Inbox()
        super().__init__()

    def _on_keypoints(self, message: ObjectKeypoints3DArray) -> None:
        super()._on_keypoints(message)
        self.handled(message)

    def _say(self, reason: str) -> None:
        self.reasons(reason)


class Stage:
    """The example in simulated time, and what it publishes."""

    def __init__(self, start: Callable[..., Any], **parameters: Any) -> None:
        values = {"category": "cup", "use_sim_time": "true"} | parameters
        self.node, robot = start(Heard, **values)
        self._targets, self._velocities = dds.Inbox(), dds.Inbox()
        robot.create_subscription(PoseStamped, "/follow_object/target", self._targets, 10)
        robot.create_subscription(TwistStamped, "/follow_object/velocity", self._velocities, 10)
        self._results = robot.create_publisher(ObjectKeypoints3DArray, "cape/keypoints_3d", 10)
        self._clock = robot.create_publisher(Clock, "/clock", 10)
        dds.wait_for(lambda: robot.count_publishers("/follow_object/velocity"))
        dds.wait_for(self._results.get_subscription_count)

    def show(self, stamp: float, *objects: ObjectKeypoints3D, frame_id: str = "base") -> None:
        """A result that the example has handled when this returns."""
        header = Header(stamp=to_time(stamp), frame_id=frame_id)
        before = len(self.node.handled.messages)
        self._results.publish(ObjectKeypoints3DArray(header=header, objects=objects))
        dds.wait_for(lambda: len(self.node.handled.messages) > before)

    def advance(self, now: float) -> None:
        """Returns once the example's clock shows that."""
        clock, message = self.node.get_clock(), Clock(clock=to_time(now))
        dds.wait_for(lambda: clock.now().to_msg() == message.clock or self._clock.publish(message))

    def target_at(self, now: float, frame_id: str = "base") -> tuple[float, float]:
        """x of the target and of its velocity, published at that time."""
        self.advance(now)
        header = Header(stamp=to_time(now), frame_id=frame_id)
        target = self._targets.wait(lambda each: each.header == header)
        velocity = self._velocities.wait(lambda each: each.header == header)
        return target.pose.position.x, velocity.twist.linear.x

    def reason_at(self, now: float) -> str:
        """Why there is no target at that time."""
        self.advance(now)
        self.node.reasons.messages.clear()
        reason = self.node.reasons.wait()
        assert not any(each.header.stamp == to_time(now) for each in self._targets.messages)
        return str(reason)


def errors(start: Callable[..., Any], **parameters: Any) -> np.ndarray:
    """[m] of targets, each published 100 ms after an image of a moving cup."""
    stage, noise = Stage(start, **parameters), np.random.default_rng(0).normal(0, NOISE, 60)
    found = []
    for number, wrong in enumerate(noise):
        seen = number * FRAME
        stage.show(10 + seen, cup(SPEED * seen + wrong))
        x, _ = stage.target_at(10 + seen + LATENCY)
        found.append(x - SPEED * (seen + LATENCY))
    return np.array(found[20:])


def test_the_target_is_where_the_object_is_now(start: Callable[..., Any]) -> None:
    assert np.abs(errors(start)).mean() < 0.2 * SPEED * LATENCY


def test_without_extrapolation_the_target_is_late(start: Callable[..., Any]) -> None:
    late = errors(start, longest_extrapolation=0.0)
    assert late.mean() == pytest.approx(-SPEED * LATENCY, rel=0.1)


def test_a_lost_object_is_extrapolated_then_held_then_followed_no_more(
    start: Callable[..., Any],
) -> None:
    stage = Stage(start)
    for number in range(60):
        stage.show(10 + number * FRAME, cup(SPEED * number * FRAME))
    last, x = 10 + 59 * FRAME, SPEED * 59 * FRAME
    stage.show(last + FRAME, cup(9.0, predicted=True))
    assert stage.target_at(last + 0.4) == pytest.approx((x + 0.4 * SPEED, SPEED), abs=0.005)
    held, speed = stage.target_at(last + 0.7)
    assert held == pytest.approx(x + 0.5 * SPEED, abs=0.005)
    assert speed == 0
    assert stage.target_at(last + 0.9)[0] == held
    assert stage.reason_at(last + 1.1) == "no tracked cup in the image"
    stage.show(last + 1.2, cup(1.0))
    assert stage.target_at(last + 1.3) == (1.0, 0.0)


def test_it_keeps_its_track_until_that_is_lost(start: Callable[..., Any]) -> None:
    stage = Stage(start)
    better = cup(2.0, track=4, score=0.95)
    stage.show(10.0, cup(1.0), cup(3.0, track=5, score=0.5))
    stage.show(10.5, better, cup(1.0))
    assert stage.target_at(10.6) == (1.0, 0.0)
    stage.show(11.4, better)
    assert stage.target_at(11.45) == (1.0, 0.0)
    stage.show(11.6, better)
    assert stage.target_at(11.7) == (2.0, 0.0)


def test_it_begins_anew_where_stamps_or_frames_do(start: Callable[..., Any]) -> None:
    stage = Stage(start)
    stage.show(100.0, cup(1.0))
    assert stage.target_at(100.1) == (1.0, 0.0)
    stage.advance(10.05)
    stage.show(10.0, cup(5.0, track=0))
    assert stage.target_at(10.1) == (5.0, 0.0)
    stage.show(10.1, cup(7.0, track=0), frame_id="camera")
    assert stage.target_at(10.2, "camera") == (7.0, 0.0)


def test_a_named_frame_can_be_followed(start: Callable[..., Any]) -> None:
    stage = Stage(start, frame="grasp")
    stage.show(10.0, cup(1.0, refusal="without a shape"))
    assert stage.target_at(10.1) == (pytest.approx(1.1), 0.0)


@pytest.mark.slow
def test_why_there_is_no_target_is_said(start: Callable[..., Any]) -> None:
    stage = Stage(start)
    assert stage.reason_at(0.0) == "use_sim_time is set, and no /clock comes"
    assert stage.reason_at(10.0) == "no result has come on /cape/keypoints_3d"
    broken = cup(1.0)
    broken.pose.pose.position.y = np.nan
    for found, reason in (
        (cup(1.0, category="mug"), "no tracked cup in the image"),
        (cup(1.0, track=-1), "no tracked cup in the image"),
        (cup(1.0, refusal="'rim' has no depth"), "'rim' has no depth"),
        (broken, "its pose is not finite"),
    ):
        stage.show(10.0, found)
        assert stage.reason_at(10.0) == reason
    stage.show(20.0, cup(1.0))
    assert stage.reason_at(10.0) == "the newest result is 10.0 s ahead of the clock"
    assert stage.reason_at(25.0) == "the newest result is 5.0 s old"


def test_a_frame_that_the_category_lacks_is_said(start: Callable[..., Any]) -> None:
    stage = Stage(start, frame="lid")
    stage.show(10.0, cup(1.0))
    assert stage.reason_at(10.0) == "cup has no frame 'lid' (known: grasp)"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"category": "''"}, "category"),
        ({"rate": 0.0}, "rate"),
        ({"acceleration": 0.0}, "acceleration"),
        ({"longest_extrapolation": -1.0}, "longest_extrapolation"),
        ({"lost_after": 0.0}, "lost_after"),
    ],
)
def test_a_wrong_parameter_is_refused(
    start: Callable[..., Any], change: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        start(FollowObject, **({"category": "cup"} | change))


def test_a_still_object_trembles_less_than_its_measurements() -> None:
    noise = np.random.default_rng(0).normal(0, NOISE, (300, 3))
    variance = np.full(3, NOISE**2)
    motion, targets = Motion(0.0, noise[0], variance), []
    for number, position in enumerate(noise[1:], 1):
        motion.update(number * FRAME, position, variance, acceleration=0.1)
        targets.append(motion.after(0.0))
    assert np.std(targets[30:]) < 0.75 * NOISE
