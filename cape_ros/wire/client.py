"""rclpy.client."""

from __future__ import annotations

import itertools
import re
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from cape_ros.wire.callback_groups import CallbackGroup
from cape_ros.wire.entity import Job
from cape_ros.wire.qos import QoSProfile
from cape_ros.wire.rpc import ServiceEntity
from cape_ros.wire.task import Future

if TYPE_CHECKING:
    from cape_ros.wire.node import Node

SERVICE_ID = re.compile(rb"serviceid=[^;]*")


class Client(ServiceEntity):
    """Made by `Node.create_client`."""

    role = "clientid"
    sends_request = True

    def __init__(
        self,
        node: Node,
        srv_type: Any,
        srv_name: str,
        qos_profile: QoSProfile,
        callback_group: CallbackGroup | None,
    ) -> None:
        super().__init__(node, srv_type, srv_name, qos_profile, callback_group)
        self._guid = secrets.randbits(63)
        self._sequence = itertools.count(1)
        self._pending: dict[int, Future] = {}

    def service_is_ready(self) -> bool:
        """Whether one server has found both topics of this client."""
        listening = _service_ids(self.writer.matched_user_data())
        if b"" in listening:
            self.node.get_logger().warning(
                f"{self.srv_name} is served by a node that does not run rmw_cyclonedds; start it "
                "with RMW_IMPLEMENTATION=rmw_cyclonedds_cpp",
                throttle_duration_sec=5.0,
            )
            return False
        return bool(listening & _service_ids(self.reader.matched_user_data()))

    def wait_for_service(self, timeout_sec: float | None = None) -> bool:
        end = time.monotonic() + (float("inf") if timeout_sec is None else timeout_sec)
        while self.node.context.ok():
            if self.service_is_ready():
                return True
            if time.monotonic() >= end:
                break
            time.sleep(0.01)
        return False

    def call_async(self, request: Any) -> Future:
        """The response later. A call that is given up: `remove_pending_request`.

        Raises TypeError for what is no request, RuntimeError if a server would misread it:
        one with another RMW takes the header for the request.
        """
        if not isinstance(request, self.srv_type.Request):
            raise TypeError(f"Expected {self.srv_type.Request}, got {type(request)}")
        if b"" in _service_ids(self.writer.matched_user_data()):
            raise RuntimeError(
                f"{self.srv_name} is served by a node that would misread the request; start it "
                "with RMW_IMPLEMENTATION=rmw_cyclonedds_cpp"
            )
        future, sequence = Future(), next(self._sequence)
        self._pending[sequence] = future
        try:
            self.send(self._guid, sequence, request)
        except Exception:
            del self._pending[sequence]
            raise
        return future

    def call(self, request: Any, timeout_sec: float | None = None) -> Any:
        """The response; another thread must spin. Raises TimeoutError."""
        future = self.call_async(request)
        if not future.wait(timeout_sec):
            self.remove_pending_request(future)
            raise TimeoutError(f"{self.srv_name} did not answer in {timeout_sec} s")
        return future.result()

    def remove_pending_request(self, future: Future) -> None:
        for sequence, pending in list(self._pending.items()):
            if pending is future:
                self._pending.pop(sequence, None)

    def take(self) -> Job | None:
        while (call := self.receive()) is not None:
            if call.guid == self._guid and (future := self._pending.pop(call.sequence, None)):
                return partial(future.set_result, call.message)
        return None

    def close(self) -> None:
        super().close()
        pending, self._pending = self._pending, {}
        for future in pending.values():
            future.cancel()


def _service_ids(user_data: list[bytes]) -> set[bytes]:
    """Of the servers; b"" stands for those without."""
    found = (SERVICE_ID.search(data) for data in user_data)
    return {match[0] if match else b"" for match in found}
