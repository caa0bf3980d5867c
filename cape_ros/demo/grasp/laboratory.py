"""The simulated world and the node together: register an object, look for it, grasp it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from rclpy.time import Time

from cape_ros.core.errors import CapeError
from cape_ros.demo.film import Film
from cape_ros.demo.grasp.arm import Arm, Unreachable
from cape_ros.demo.grasp.depth_camera import SIZE, DepthCamera
from cape_ros.demo.grasp.grasp import execute, plan
from cape_ros.demo.grasp.objects import GraspFrame, SimulatedObject
from cape_ros.demo.grasp.robot_node import RobotNode
from cape_ros.demo.grasp.scene import Scene
from cape_ros.demo.grasp.situations import MIDDLE, Situation, registered, view_of
from cape_ros.demo.grasp.trial import Outcome, Sighting, blame, settle, sighting
from cape_ros.demo.registrar import Registrar
from cape_ros.msg import FrameDefinition, Keypoint, SupportShot
from cape_ros.perception.drawing.overlay import Pen
from cape_ros.ros.conversions import to_region
from cape_ros.server.server import RegisterMode
from cape_ros.srv import RegisterCategory

ANSWER = 60.0  # [s] a service call may take
RATE = 6.0  # pictures of the film for each second of simulated time
OVERLAY = 1.0  # [s] the picture of an image may take
RESULT = 5.0  # [s] the result of an image may take
PICTURE = 1 / RATE  # [s] of simulated time between two pictures of the film
CONCLUSION = 0.7  # [s]
CLICK = 1.0  # [pixels] standard deviation of a person's click
ONLOOKER = np.array([1.05, -0.75, 0.6]), np.array([0.38, 0.0, 0.18])


class Laboratory:
    """film: None = none. caption: in the film, from now on. `close` it."""

    def __init__(
        self, objects: Sequence[SimulatedObject], film: Film | None, generator: np.random.Generator
    ) -> None:
        self.scene = Scene(objects)
        self.camera = DepthCamera(self.scene, generator)
        self.node = RobotNode(self.camera.model, film is not None)
        self._arm = Arm(self.scene, self._on_time)
        self._film = film
        self._generator = generator
        self._registrar: Registrar | None = None
        self.caption = ""
        self._views: dict[str, list[np.ndarray]] = {}
        self._filmed = -1.0
        self._time = 0.0  # [s] of the simulated world, over all situations

    def close(self) -> None:
        self.camera.close()

    def connect(self, registrar: Registrar) -> None:
        """Speak to the node from now on."""
        self._registrar = registrar

    def arrange(self, situation: Situation) -> None:
        self.camera.look("onlooker", *ONLOOKER)
        self.camera.look("camera", situation.camera, MIDDLE)
        self.scene.light(*situation.lamp)
        self.scene.reset(situation.placements)

    def register(self, one: SimulatedObject, sides: Sequence[float]) -> str:
        """By an image of the node's camera for each of these sides, with what a person would click.
        Returns the node's last answer. Raises `CapeError`."""
        self._views[one.name] = []
        return [self._register(one, side) for side in sides][-1]

    def _register(self, one: SimulatedObject, side: float) -> str:
        self.arrange(registered(one, side))
        stamp = self.look()
        shot = self.camera.shoot()  # the same view
        pixels, visible = self.camera.pixels(self.scene.points(one.name), shot)
        pixels = pixels + self._generator.normal(0, CLICK, pixels.shape)
        low, high = pixels[visible].min(axis=0), pixels[visible].max(axis=0)
        margin = 0.1 * (high - low).max()
        box = (*(low - margin).tolist(), *(high - low + 2 * margin).tolist())
        keypoints = [
            Keypoint(x=x, y=y, visibility=Keypoint.VISIBLE if seen else Keypoint.OCCLUDED)
            for (x, y), seen in zip(pixels.tolist(), visible.tolist(), strict=True)
        ]
        known = self._views[one.name]
        mode = RegisterMode.ADD_SHOTS if known else RegisterMode.REPLACE
        known.append(self._view(one))
        request = RegisterCategory.Request(
            name=one.name,
            mode=int(mode),
            keypoint_names=list(one.keypoints),
            edges=[index for edge in one.edges for index in edge],
            frames=[FrameDefinition(name=name, **axes) for name, axes in one.frames.items()],
            shots=[
                SupportShot(
                    stamp=Time(nanoseconds=stamp).to_msg(), box=to_region(box), keypoints=keypoints
                )
            ],
        )
        return self._speaking.send(request, ANSWER)

    def look(self) -> int:
        """The stamp of an image whose results have come. Raises `CapeError`."""
        node = self.node
        for _ in range(5):
            self.scene.step(PICTURE)
            self._time += PICTURE
            stamp = node.publish(self.camera.shoot())
            if self._speaking.wait(partial(node.has_results, stamp), RESULT):
                self._picture(stamp)
                return stamp
        raise CapeError("no result came for images of the simulated camera")

    def sight(self, one: SimulatedObject) -> Sighting:
        stamp = self.look()
        return sighting(one, self.node.flat[stamp], self.node.spaces[stamp])

    def attempt(self, one: SimulatedObject, situation: Situation) -> Outcome:
        """Look for the object, and grasp it."""
        self.arrange(situation)
        nearest = max(self._view(one) @ known for known in self._views[one.name])
        angle = float(np.degrees(np.arccos(np.clip(nearest, -1, 1))))
        seen = settle(lambda: self.sight(one))
        shot, points = self.camera.shoot(), self.scene.points(one.name)
        pixels, _ = self.camera.pixels(points, shot)
        metre = self.camera.model.focal / float(np.linalg.norm(shot.camera.translation - points[0]))
        lifted, reason = False, seen.reason
        if seen.frame is not None:
            lifted, reason = self.take(one, seen.frame)
        cause, flat, off = blame(one, seen, pixels, points, metre)
        cause = "" if lifted else cause
        return Outcome(one.name, lifted, cause, reason, seen.score, angle, flat, off)

    def conclude(self, words: str) -> None:
        """Show them in the film for a moment."""
        self.caption = words
        self._arm.rest(CONCLUSION)

    def take(self, one: SimulatedObject, frame: GraspFrame) -> tuple[bool, str]:
        """Whether the object was lifted, and if not, why."""
        try:
            planned = plan(self._arm, frame, one)
            lifted = execute(self._arm, self.scene, planned, one)
        except Unreachable as error:
            return False, str(error)
        return lifted, "" if lifted else "it was not lifted"

    @property
    def _speaking(self) -> Registrar:
        assert self._registrar is not None, "connect first"
        return self._registrar

    def _view(self, one: SimulatedObject) -> np.ndarray:
        place = self.scene.data.camera("camera").xpos
        return view_of(*self.scene.pose(one.name), place)

    def _on_time(self) -> None:
        """While the arm moves: a picture for the film."""
        if self._film is None:
            return
        if self.scene.data.time - self._filmed < PICTURE and self.scene.data.time > self._filmed:
            return
        self._filmed = self.scene.data.time
        self._time += PICTURE
        self._picture(self.node.publish(self.camera.shoot(with_depth=False)))

    def _picture(self, stamp: int) -> None:
        if self._film is None:
            return
        self._speaking.wait(lambda: stamp in self.node.overlays, OVERLAY)
        shown = self.node.overlays.get(stamp)
        if shown is None:
            return
        beside = self.camera.picture("onlooker", with_shadows=False)
        if self.caption:
            Pen(beside).footnote(self.caption)
        assert shown.shape == (SIZE[1], SIZE[0], 3)
        self._film.add(np.hstack((shown, beside)), round(1e9 * self._time))
