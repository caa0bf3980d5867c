"""The objects that live from configure to cleanup: server, cameras, outputs, Studio."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile

from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.core.extras import require_studio
from cape_ros.core.files import expand
from cape_ros.messages import bridge
from cape_ros.msg import CategoryArray
from cape_ros.perception.category import Category
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.perception.library.library_use import LibraryUse
from cape_ros.perception.tracking import TrackingSettings
from cape_ros.perception.trust import Trust
from cape_ros.ros import parameters
from cape_ros.ros.camera import Camera
from cape_ros.ros.conversions import Seen, header_of_now, to_category_array
from cape_ros.ros.diagnostics import Diagnostics, NodeState
from cape_ros.ros.frame_buffer import FrameBuffer, check_camera
from cape_ros.ros.meters import nanoseconds
from cape_ros.ros.outputs import Outputs
from cape_ros.ros.overlay_publisher import Style
from cape_ros.ros.parameter_table import ALL, RANDOM
from cape_ros.ros.shape_messages import given_camera
from cape_ros.ros.transforms import TransformListener
from cape_ros.server.activation import check_names, name_faults
from cape_ros.server.server import Frame, Result, Server

if TYPE_CHECKING:
    from cape_ros.studio.studio import Studio


class Session:
    """Inactive when made. Raises `CapeError` if weights, device or library cannot be used."""

    def __init__(self, node: Node, values: parameters.Values) -> None:
        self._node = node
        self._values = values
        self._style = _style(values)
        self._ends = ExitStack()
        self._switching = threading.Lock()
        self._active = False
        self._enabled = True
        self.frames = FrameBuffer(self._names)
        self.cameras: Sequence[Camera] = ()
        self.outputs: Mapping[str, Outputs] = {}
        self.studio: Studio | None = None
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        values, node = self._values, self._node
        estimator = Estimator.load(values["weights"], values["device"], values["precision"])
        library = CategoryLibrary(expand(Path(values["library"]), "library"))
        for damaged in library.damaged:
            node.get_logger().error(f"library: set aside {damaged}")
        if state := bridge.state():
            node.get_logger().info(state)
        self._library_use = LibraryUse(library.root, node.get_fully_qualified_name())
        self._ends.callback(self._library_use.close)
        for warning in self._library_troubles():
            node.get_logger().warning(warning)
        self.device = estimator.device
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._categories = node.create_publisher(CategoryArray, "~/categories", latched)
        self._ends.callback(node.destroy_publisher, self._categories)
        self.server = Server(
            estimator, library, _tracking(values), self._publish, self._publish_categories
        )
        self._ends.callback(self.server.close)
        self.server.auto_shots = values["auto_shots"]
        self.server.pause()
        width, height = values["warm_up_size"]
        self.server.warm_up((height, width))
        self.cameras = [
            Camera(node, name, values, self.server, self.frames)
            for name in parameters.camera_names(values)
        ]
        transforms = TransformListener(node)
        self._ends.callback(transforms.close)
        self.outputs = {
            camera.key: Outputs(
                node, camera, self.server, transforms, lambda: self._style, lambda: self.studio
            )
            for camera in self.cameras
        }
        self._activate_at_first()
        self._publish_categories(self.server.categories, self.server.database_version)
        diagnostics = Diagnostics(node, self.server, self.cameras, self._node_state)
        self._ends.callback(diagnostics.close)
        if values["studio.enable"]:
            self._start_studio()

    def activate(self) -> None:
        """Listen to the cameras."""
        with self._switching, ExitStack() as undo:
            for camera in self.cameras:
                undo.callback(camera.stop)
                camera.start()
            undo.pop_all()
            self._active = True
            if self._enabled:
                self.server.resume()

    def deactivate(self) -> None:
        """After this no input is processed, and nothing is published of any image."""
        with self._switching:
            self._active = False
            for camera in self.cameras:
                camera.stop()
            self._pause()

    def close(self) -> None:
        """End everything. Idempotent."""
        for camera in self.cameras:
            camera.stop()
        self._ends.close()  # the server ends its frame before the publishers go
        for outputs in self.outputs.values():
            outputs.close()

    def change(self, values: parameters.Values) -> None:
        """Live parameters have other values now. Raises `InvalidInput`; then nothing changed."""
        changed = {
            name: _names(values[name])
            for name in values
            if name.endswith("active_categories") and values[name] != self._values[name]
        }
        known = self.server.categories
        faults = [
            fault.at(name)
            for name, chosen in changed.items()
            for fault in name_faults(known, chosen or ())
        ]
        if faults:
            raise InvalidInput(faults)
        for name, chosen in changed.items():
            camera = name.rpartition(".")[0]
            if camera in self._names:  # else it is only the default of cameras with names
                self.server.activate(camera or None, chosen)
        self._values = values
        self._style = _style(values)
        self.server.tracking = _tracking(values)
        self.server.auto_shots = values["auto_shots"]
        for each in self.cameras:
            each.values = values

    def _start_studio(self) -> None:
        require_studio()
        from cape_ros.studio.studio import Studio

        values = self._values
        names = {camera.key: camera.name for camera in self.cameras}
        token = values["studio.token"]
        self.studio = studio = Studio(
            self.server,
            values["studio.host"],
            values["studio.port"],
            None if token == RANDOM else token,
            cameras=lambda: list(names),
            activate=lambda camera, chosen: self.activate_categories(names[camera], chosen),
            stamp=lambda frame: nanoseconds(frame.header.stamp),
            space_inputs=lambda camera: self.outputs[camera].space_inputs,
            seen=self._seen,
        )
        self._ends.callback(studio.close)
        self._node.get_logger().info(f"Studio: {studio.address}")

    def _activate_at_first(self) -> None:
        """A name that is not registered any more must not keep a robot from starting."""
        for warning in self._unknown():
            self._node.get_logger().warning(
                f"active_categories: {warning!r} is not registered; it is left out"
            )
        known = self.server.categories
        if self._names != [""]:
            self.server.activate(None, [])
        for camera in self._names:
            names = _names(parameters.of(self._values, camera, "active_categories"))
            if names is not None:
                names = [name for name in names if name in known]
            self.server.activate(camera or None, names)

    def activate_categories(self, camera: str, names: Sequence[str] | None) -> None:
        """names: None = all. camera: "" = every one. Raises `InvalidInput`, `CapeError`.

        Goes through the parameters, so that both say the same.
        """
        check_camera(self._names, camera)
        check_names(self.server.categories, names or ())
        chosen = [ALL] if names is None else list(names) or [""]
        cameras = [camera] if camera else self._names
        result = self._node.set_parameters_atomically(
            [
                Parameter(
                    f"{each}.active_categories" if each else "active_categories",
                    Parameter.Type.STRING_ARRAY,
                    chosen,
                )
                for each in cameras
            ]
        )
        if not result.successful:
            raise CapeError(result.reason)

    def enable(self, enabled: bool) -> str:
        """Go on, or pause until further notice; returns what it did."""
        with self._switching:
            self._enabled = enabled
            if not enabled:
                self._pause()
                return "paused: no image is looked at"
            if not self._active:
                return "enabled: images are looked at once the node is active"
            self.server.resume()
            return "images are looked at"

    def _pause(self) -> None:
        self.server.pause()
        for outputs in self.outputs.values():
            outputs.space.discard()

    def seen(self, shot: Any, message: Any, size: tuple[int, int], prefix: str) -> Seen:
        """The calibration and the depth of a shot: its own, else those of the frame that it means.

        message: of its image, of that size (width, height). Raises `InvalidInput` for its own.
        """
        camera, depth = given_camera(shot, size, self._values["image_rectified"], prefix)
        key = self.frames.camera_of(message)
        if key is None or camera or depth:
            return camera, depth
        return self.outputs[key].space.seen(message.header, size)

    def _seen(self, frame: Frame) -> Seen:
        """The calibration and the depth of a camera's frame."""
        height, width = frame.image.shape[:2]
        return self.outputs[frame.camera].space.seen(frame.header, (width, height))

    @property
    def _names(self) -> Sequence[str]:
        return parameters.camera_names(self._values)

    def _unknown(self) -> Sequence[str]:
        """Active categories that are not registered."""
        known = self.server.categories
        chosen = [_names(parameters.of(self._values, c, "active_categories")) for c in self._names]
        return sorted({name for names in chosen for name in names or () if name not in known})

    def _node_state(self) -> NodeState:
        word = "inactive" if not self._active else "active" if self._enabled else "paused"
        troubles = self._library_troubles()
        return NodeState(word == "active", word, self.device, self._unknown(), troubles)

    def _library_troubles(self) -> Sequence[str]:
        if (other := self._library_use.other) is None:
            return []
        return [
            f"the library {self._library_use.root} is used by {other}, too: what one registers the "
            "other does not find before its next configure; give each a library of its own"
        ]

    def _publish(self, result: Result) -> None:
        if not self._node.context.ok():  # stopped while the frame was in work
            return
        try:
            self.outputs[result.frame.camera].publish(result)
        except Exception:
            if self._node.context.ok():
                raise
            return  # stopped in this moment
        if self.studio is not None:
            self.studio.offer(result)

    def _publish_categories(self, categories: Mapping[str, Category], version: int) -> None:
        self._categories.publish(
            to_category_array(categories, version, header_of_now(self._node), self.server.is_active)
        )


def _names(chosen: Sequence[str]) -> list[str] | None:
    """The names in a parameter active_categories; None = all."""
    return None if ALL in chosen else [name for name in chosen if name]


def _tracking(values: parameters.Values) -> TrackingSettings:
    trust = Trust(values["trusted_point"], values["found_object"], values["kept_object"])
    return TrackingSettings(
        trust,
        values["max_instances"],
        values["smoothing"],
        values["prediction_time"],
        values["reidentification_time"],
    )


def _style(values: parameters.Values) -> Style:
    return Style(values["trusted_point"], values["overlay"], values["jpeg_quality"])
