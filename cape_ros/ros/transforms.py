"""Listens to TF, from the moment that somebody needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.subscription import Subscription
from tf2_msgs.msg import TFMessage

from cape_ros.perception.spatial import Pose
from cape_ros.perception.spatial.rigid import rotation_from
from cape_ros.perception.spatial.transforms import CERTAIN, TransformTree
from cape_ros.ros.meters import NANOSECONDS, nanoseconds

QUEUE = 100  # messages, as tf2 has it


class TransformListener:
    """The transforms of /tf and /tf_static."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tree = TransformTree()
        self._starting = threading.Lock()
        self._ends = ExitStack()
        self._listens = False

    @property
    def subscriptions(self) -> int:
        """How many of the subscriptions to /tf are its own."""
        return int(self._listens)

    def find(self, target: str, source: str, stamp: int) -> Pose:
        """As `TransformTree.find`; stamp: in nanoseconds. Listens from the first question on."""
        self._listen()
        return self._tree.find(target, source, stamp / NANOSECONDS)

    def close(self) -> None:
        """Idempotent."""
        with self._starting:
            self._listens = True
            self._ends.close()

    def _listen(self) -> None:
        with self._starting:
            if self._listens:
                return
            self._listens = True
            latched = QoSProfile(depth=QUEUE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
            group = MutuallyExclusiveCallbackGroup()
            made: dict[bool, Subscription] = {}
            for name, qos, static in (
                ("/tf", QoSProfile(depth=QUEUE), False),
                ("/tf_static", latched, True),
            ):

                def take(message: Any, static: bool = static) -> None:
                    self._take(message, static)
                    if static in made:  # else it has only just begun to listen
                        for one in _behind(made[static]):
                            self._take(one, static)

                made[static] = self._node.create_subscription(
                    TFMessage, name, take, qos, callback_group=group
                )
                self._ends.callback(self._node.destroy_subscription, made[static])

    def _take(self, message: Any, static: bool) -> None:
        for one in message.transforms:
            place, turn = one.transform.translation, one.transform.rotation
            numbers = np.array((place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w))
            length = np.linalg.norm(numbers[3:])
            if not np.isfinite(numbers).all() or length < 1e-6:
                continue
            pose = Pose(rotation_from(numbers[3:] / length), numbers[:3], CERTAIN)
            stamp = nanoseconds(one.header.stamp) / NANOSECONDS
            parent, child = one.header.frame_id.lstrip("/"), one.child_frame_id.lstrip("/")
            self._tree.add(parent, child, pose, stamp, static)


def _behind(subscription: Subscription) -> Iterator[Any]:
    """The messages that wait behind the one in work: an executor takes one each time that it waits,
    and the joints, wheels and sensors of a robot send more."""
    with suppress(Exception), subscription.handle:  # InvalidHandle, of a subscription that ended
        for _ in range(QUEUE):
            taken = subscription.handle.take_message(TFMessage, False)
            if taken is None:
                return
            yield taken[0]
