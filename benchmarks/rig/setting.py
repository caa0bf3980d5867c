"""What is measured: the node, a camera and a robot, each in a process of its own."""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from cape_ros.core import fastdds
from cape_ros.lab.benchmark.machine import cores, processor
from cape_ros.media.photographs import photographs
from cape_ros.perception.category import Category, SupportShot
from cape_ros.ros import MIDDLEWARE
from cape_ros.server.server import RegisterMode
from rig.camera import TOPIC
from rig.processes import Child
from rig.robot import Robot

KEYPOINTS = 17
CALL = 30.0  # [s] for an answer of a service
POLL_INTERVAL = 0.2  # [s] between two checks that all processes run
COUNTING = 3.0  # [s] until the diagnostics have the last counts


@dataclass(frozen=True)
class Setting:
    """network: as in `networks.estimator`. parameters: further ones of the node, as `name:=value`.

    scene: what the camera shows, as in `camera.images`. record: whether the node writes down what
    becomes of each frame.
    """

    network: str
    scene: str = "noise"
    width: int = 1280
    height: int = 720
    rate: float = 30.0
    reliability: str = "best_effort"
    record: bool = False
    parameters: Sequence[str] = ()


class Stand:
    """What runs during a measurement; the camera from `show` to `end`."""

    def __init__(self, setting: Setting, folder: Path, node: Child, robot: Robot) -> None:
        self.node = node
        self.robot = robot
        self.camera: Child | None = None
        self._setting = setting
        self._folder = folder

    def check(self) -> None:
        self.node.check()
        if self.camera is not None:
            self.camera.check()

    def show(self) -> None:
        """Start the camera, and wait for the first result."""
        s = self._setting
        size = (str(s.width), str(s.height))
        words = (s.scene, *size, str(s.rate), s.reliability, str(self._folder / "camera.json"))
        self.camera = Child(self._folder / "camera.log", "camera", *words)
        before = len(self.robot.heard)
        if not self.robot.wait(lambda: len(self.robot.heard) > before, CALL):
            raise RuntimeError("no result came; the node logged: " + self.node.log_tail())

    def run(self, seconds: float) -> None:
        """Let time go by. Raises RuntimeError if a process ends."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, POLL_INTERVAL))

    def end(self) -> dict[str, float]:
        """Stop the camera, let the node count to the end, and say what was sent."""
        assert self.camera is not None
        self.camera.stop()
        self.camera = None
        self.run(COUNTING)
        report: dict[str, float] = json.loads((self._folder / "camera.json").read_text())
        return report

    def lost(self, sent: int) -> float:
        """Share of the images that never reached the node, once the camera has ended."""
        return 1 - int(self.robot.diagnostics["image"]["received"]) / sent

    def end_camera(self) -> None:
        """In any state. Idempotent."""
        if self.camera is not None:
            self.camera.__exit__()

    def frames(self) -> np.ndarray:
        """What the node wrote down, [frames, columns of `probes`]; ends the node."""
        self.node.stop()
        return np.load(self._folder / "frames.npy")


@contextmanager
def stand(setting: Setting) -> Iterator[Stand]:
    """The node with one registered category, waiting for images."""
    fastdds.use_profile()  # as the launch file and the demo do
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        robot = ends.enter_context(Robot())
        robot.expect_no_other_node()
        parameters = (
            f"library:='{folder / 'library'}'",
            f"warm_up_size:=[{setting.width},{setting.height}]",
            f"image_reliability:={setting.reliability}",
            *setting.parameters,
        )
        node = ends.enter_context(
            Child(
                folder / "node.log",
                "stub_node",
                setting.network,
                str(folder / "frames.npy") if setting.record else "-",
                *("--ros-args", "-r", f"/cape/image:={TOPIC}"),
                *(word for parameter in parameters for word in ("-p", parameter)),
            )
        )
        robot.check = node.check
        made = Stand(setting, folder, node, robot)
        ends.callback(made.end_camera)
        robot.wait_for_node()
        seen = photographs()[0] if setting.scene == "photograph" else noise("thing", KEYPOINTS)
        answer = robot.register(seen, RegisterMode.CREATE, CALL)
        if answer is None or not answer.success:
            raise RuntimeError(f"nothing was registered: {answer}")
        time.sleep(1.0)
        yield made


def noise(name: str, keypoints: int) -> Category:
    """A category that is nowhere."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    shot = SupportShot(image, rng.uniform((80, 60), (240, 180), (keypoints, 2)))
    return Category(name, [f"k{number}" for number in range(keypoints)], [], [shot])


def machine() -> dict[str, Any]:
    """Where it was measured, and with what."""
    return {
        "processor": processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.release()}",
        "net.core.rmem_max": int(Path("/proc/sys/net/core/rmem_max").read_text()),
        "python": platform.python_version(),
        "middleware": MIDDLEWARE,
        "cape_ros": _version("cape_ros"),
        "cyclonedds": _version("cyclonedds"),
        "rclpy": _version("rclpy"),
        "rmw": os.environ.get("RMW_IMPLEMENTATION", ""),
        "discovery": os.environ.get("ROS_AUTOMATIC_DISCOVERY_RANGE", ""),
        "CYCLONEDDS_URI": os.environ.get("CYCLONEDDS_URI", ""),
        "torch": torch.__version__,
        "torch threads": torch.get_num_threads(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }


def disturbances(found: dict[str, Any]) -> str:
    """What a measurement was up against, in words."""
    copy, loop = found["references_ms"].values()
    return (
        f"{100 * found['lost_before_the_node']:.1f} % of the images never reached the node. Others "
        f"kept {found['processors_busy_with_other_things']:.2f} processors busy; a copy of such an "
        f"image took {copy:.2f} ms, and 100 000 iterations of an empty loop {loop:.2f} ms."
    )


def references(repeats: int = 20) -> dict[str, float]:
    """Milliseconds (median) of two simple things with nothing to do between them, while all runs:
    what to compare other machines by, and other moments of this one."""
    source = np.ones((720, 1280, 3), np.uint8)
    target = np.zeros_like(source)
    copies, loops = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        np.copyto(target, source)
        copied = time.perf_counter()
        for _ in range(100_000):
            pass
        copies.append(copied - began)
        loops.append(time.perf_counter() - copied)
    return {
        "copy of a 1280x720 image": 1e3 * float(np.median(copies)),
        "100 000 iterations of an empty loop in Python": 1e3 * float(np.median(loops)),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
