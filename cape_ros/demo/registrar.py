"""Client of the registration service."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.client import Client
from rclpy.node import Node
from std_msgs.msg import Header

from cape_ros.core.errors import CapeError
from cape_ros.msg import Keypoint, SupportShot
from cape_ros.perception.category import Category
from cape_ros.ros.conversions import to_image, to_region
from cape_ros.server.server import RegisterMode
from cape_ros.srv import RegisterCategory, RemoveCategory

OTHERS = 1.0  # [s] to discover a node that is running already
POLL_INTERVAL = 0.02  # [s]


class Registrar(Node):
    """check: called again and again while waiting; raises what ends the wait."""

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__("demo_registrar")
        self._check = check
        self._register = self.create_client(RegisterCategory, "/cape/register_category")
        self._remove = self.create_client(RemoveCategory, "/cape/remove_category")

    def ready(self) -> bool:
        return all(client.service_is_ready() for client in (self._register, self._remove))

    def expect_no_other_node(self) -> None:
        """Raises `CapeError` if a node offers the services before the demo's own has started."""
        if self._register.wait_for_service(OTHERS):
            raise CapeError(
                "a node /cape is running already in this ROS domain; stop it, or give the demo a "
                "domain of its own: ROS_DOMAIN_ID=42 cape demo"
            )

    def register(self, category: Category, seconds: float) -> str:
        """The node's answer. Raises `CapeError` if it refuses or does not answer in time."""
        return self.send(to_request(category, RegisterMode.REPLACE), seconds)

    def send(self, request: RegisterCategory.Request, seconds: float) -> str:
        """As `register`, of a request."""
        response = self._call(self._register, request, seconds)
        if not response.success:
            raise CapeError(f"the node refused to register {request.name}: {response.message}")
        return str(response.message)

    def remove(self, name: str, seconds: float) -> None:
        """Raises `CapeError` if the node refuses or does not answer in time."""
        response = self._call(self._remove, RemoveCategory.Request(name=name), seconds)
        if not response.success:
            raise CapeError(f"the node refused to remove {name}: {response.message}")

    def wait(self, condition: Callable[[], bool], seconds: float | None) -> bool:
        """Whether the condition came true in that time; None waits for ever."""
        end = float("inf") if seconds is None else time.monotonic() + seconds
        while not condition():
            self._check()
            if time.monotonic() >= end:
                return False
            time.sleep(POLL_INTERVAL)
        self._check()
        return True

    def wait_until(
        self, condition: Callable[[], bool], seconds: float | None, otherwise: str = ""
    ) -> None:
        """Raises `CapeError` if the condition does not come true in that time."""
        if not self.wait(condition, seconds):
            raise CapeError(f"{otherwise} within {seconds:.0f} s")

    def _call(self, client: Client, request: Any, seconds: float) -> Any:
        future = client.call_async(request)
        self.wait_until(future.done, seconds, f"{client.srv_name} did not answer")
        return future.result()


def to_request(category: Category, mode: RegisterMode) -> RegisterCategory.Request:
    """A request that registers the category."""
    return RegisterCategory.Request(
        name=category.name,
        mode=int(mode),
        keypoint_names=list(category.keypoint_names),
        edges=[index for edge in category.edges for index in edge],
        shots=[_to_message(shot) for shot in category.shots],
    )


def _to_message(shot: Any) -> SupportShot:
    """A perception `SupportShot` as its message."""
    return SupportShot(
        image=to_image(shot.image, Header()),
        box=to_region(shot.box),
        keypoints=[
            Keypoint(x=x, y=y, visibility=Keypoint.VISIBLE if seen else Keypoint.OCCLUDED)
            for (x, y), seen in zip(shot.keypoints.tolist(), shot.visible.tolist(), strict=True)
        ],
    )
