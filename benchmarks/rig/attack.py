"""What a running node bears: malformed messages, oversized requests, half-open connections.

The node has three cameras: one at 10 Hz that follows an object and that nobody attacks, a raw and a
compressed one that are attacked.
"""

from __future__ import annotations

import re
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
from rclpy.publisher import Publisher
from rich.markup import escape
from rich.table import Table
from sensor_msgs.msg import CompressedImage

from cape_ros.media.photographs import photographs
from cape_ros.server.server import RegisterMode
from cape_ros.srv import Estimate, RegisterCategory
from rig.camera import TOPIC
from rig.damage import flip_bits, put_traps
from rig.malformed import Malformed
from rig.oversized import packed_image, requests
from rig.processes import Child, peak, reset_peak, resident
from rig.robot import Robot

PACE = 1 / 500  # [s] between two malformed messages
ANSWER = 60.0  # [s] before an answer counts as none
SIZE = (640, 480)
RATE = 10.0  # [Hz] of the camera that nobody attacks
RECOVERY = 3.0  # [s] after each attack, in which its results count, too; of few attacks a third
CONNECTIONS = 110  # half-open ones; Studio has room for fewer
STUDIO_ADDRESS = re.compile(r"Studio: (http://\S+)")
AIMS = {"memory_mb": 500.0, "answer_s": 5.0, "gap_s": 1.0, "crashes": 0}


class Target:
    """The node under attack, and who asks it."""

    def __init__(self, node: Child, robot: Robot, log: Path, recovery: float) -> None:
        self.node, self.robot, self.log = node, robot, log
        self._recovery = recovery
        self.answers: dict[str, float] = {}
        self.moments: dict[str, tuple[float, float]] = {}
        self._clients = {
            "register": robot.node.create_client(RegisterCategory, "/cape/register_category"),
            "estimate": robot.node.create_client(Estimate, "/cape/estimate"),
        }

    @contextmanager
    def attack(self, what: str) -> Iterator[None]:
        """Notes when it was; a crash ends the block and is counted."""
        began = time.monotonic()
        with suppress(RuntimeError):  # of a node that has ended: counted at the end
            self.node.check()
            yield
            self.robot.wait(lambda: False, self._recovery)
        self.moments[what] = began, time.monotonic()

    def ask(self, what: str, service: str, request: Any) -> None:
        future = self._clients[service].call_async(request)  # has been serialised by now
        began = time.monotonic()
        answered = self.robot.wait(future.done, ANSWER)
        seconds = time.monotonic() - began if answered else float("inf")
        self.answers[what] = max(seconds, self.answers.get(what, 0.0))
        if answered and future.result().success:
            raise RuntimeError(f"{what}: was accepted")


def measure(messages: int, seed: int, share: float, studio: bool) -> dict[str, Any]:
    """messages: malformed ones. share: of the numbers of all other attacks, 1 for all."""
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        flips = flip_bits(folder / "flipped", round(2000 * share), seed)
        put_traps(folder / "library")
        robot = ends.enter_context(Robot())
        robot.expect_no_other_node()
        log = folder / "node.log"
        node = ends.enter_context(_node(log, folder / "library", studio))
        robot.check = node.check
        robot.wait_for_node()
        made = robot.register(photographs()[0], RegisterMode.CREATE, ANSWER)
        if made is None or not made.success:
            raise RuntimeError(f"nothing was registered: {made}")
        shown = ("photograph", *map(str, SIZE), str(RATE), "reliable", "/dev/null")
        camera = Child(folder / "camera.log", "camera", *shown)
        ends.enter_context(camera)
        arrivals = folder / "arrivals.npy"
        watcher = Child(folder / "watcher.log", "watcher", "/cape/good/keypoints", str(arrivals))
        ends.enter_context(watcher)
        recovery = RECOVERY * max(share, 1 / 3)
        target = Target(node, robot, log, recovery)
        if not robot.wait(lambda: _answered(robot), ANSWER):
            raise RuntimeError("the camera had no result; " + node.log_tail())
        robot.wait(lambda: False, recovery)  # the watcher is connected, too
        idle = resident(node.pid)[0]
        reset_peak(node.pid)
        _attack(target, messages, seed, share, studio)
        crashes = int(node.process.poll() is not None)
        memory = float("nan") if crashes else peak(node.pid) - idle
        said = log.read_text(encoding="utf-8", errors="replace")
        counted = dict(robot.diagnostics.get("model", {}))
        watcher.stop()
        gaps = _gaps(np.load(arrivals), target.moments)
        if crashes:
            print(node.log_tail())
    found = {
        "memory_mb": memory,
        "answer_s": max(target.answers.values(), default=float("nan")),
        "gap_s": max(gaps.values(), default=float("inf")),
        "crashes": crashes,
    }
    return {
        "messages": messages,
        "seed": seed,
        "idle_mb": idle,
        **found,
        "aims": AIMS,
        "gaps_s": gaps,
        "answers_s": target.answers,
        "flipped_bits": flips,
        "log_lines": said.count("\n"),
        "counted": {k: v for k, v in counted.items() if k.startswith(("rejected", "failed"))},
    }


def _node(log: Path, library: Path, studio: bool) -> Child:
    parameters = (
        f"library:='{library}'",
        f"warm_up_size:=[{SIZE[0]},{SIZE[1]}]",
        "cameras:=[good,bad,packed]",
        "image_reliability:=reliable",
        "packed.image_transport:=compressed",
        "bad.boxes:=detections",
        *(("studio.enable:=true", "studio.port:=0") if studio else ()),
    )
    remaps = (f"/cape/good/image:={TOPIC}",)
    words = [w for each in remaps for w in ("-r", each)]
    words += [w for each in parameters for w in ("-p", each)]
    return Child(log, "stub_node", "shipped", "-", "--ros-args", *words)


def _attack(target: Target, messages: int, seed: int, share: float, studio: bool) -> None:
    node = target.robot.node
    malformed = Malformed(node, "/cape/bad", "/cape/packed/image/compressed", seed)
    packed = node.create_publisher(CompressedImage, "/cape/packed/image/compressed", 10)
    if not target.robot.wait(lambda: malformed.heard, ANSWER):
        raise RuntimeError("the node does not listen to the cameras; " + target.node.log_tail())
    with target.attack("nothing"):
        pass
    with target.attack("malformed messages"):
        for number in range(messages):
            malformed.publish(number)
            time.sleep(PACE)
            if number % 100 == 0:
                target.node.check()
    with target.attack("frames of 64 megapixels"):
        _show_packed(packed, max(2, round(20 * share)))
    for each in requests(share):
        with target.attack(each.what):
            for _ in range(each.times):
                target.ask(each.what, each.service, each.request)
    if studio:
        with target.attack(f"{CONNECTIONS} half-open connections"):
            target.answers["a page behind them"] = _half_open(target.log)


def _show_packed(publisher: Publisher, frames: int) -> None:
    message = packed_image()
    for number in range(frames):
        message.header.stamp.sec = number + 1
        publisher.publish(message)
        time.sleep(0.2)


def _half_open(log: Path) -> float:
    """Seconds until Studio's page is answered although so many others have only begun to ask."""
    found = STUDIO_ADDRESS.search(log.read_text(encoding="utf-8", errors="replace"))
    if found is None:
        raise RuntimeError("Studio did not start")
    host, port = found[1].removeprefix("http://").strip("/").split(":")
    with ExitStack() as ends:
        for _ in range(CONNECTIONS):
            one = ends.enter_context(socket.create_connection((host, int(port))))
            one.sendall(b"GET / HTTP/1.1\r\nHost: localh")
        began = time.monotonic()
        while time.monotonic() - began < ANSWER:
            with suppress(OSError), urlopen(found[1], timeout=ANSWER) as page:
                page.read()
                return time.monotonic() - began
            time.sleep(0.2)
    return float("inf")


def _answered(robot: Robot) -> int:
    """Frames of the camera that nobody attacks."""
    return int(robot.diagnostics.get("good", {}).get("answered", 0))


def _gaps(arrivals: np.ndarray, moments: dict[str, tuple[float, float]]) -> dict[str, float]:
    """The longest time without a result of the good camera during each attack."""
    longest = {}
    for what, (began, ended) in moments.items():
        inside = arrivals[(arrivals > began) & (arrivals < ended)]
        longest[what] = float(np.diff([began, *inside, ended]).max())
    return longest


def table(found: dict[str, Any]) -> Table:
    made = Table(title=f"{found['messages']} malformed messages and the rest, seed {found['seed']}")
    for name in ("", "measured", "aim"):
        made.add_column(name, justify="left" if not name else "right")
    for name, words in (
        ("memory_mb", "peak memory above idle [MB]"),
        ("answer_s", "longest answer [s]"),
        ("gap_s", "longest gap of another camera's results [s]"),
        ("crashes", "crashes"),
    ):
        made.add_row(escape(words), f"{found[name]:.4g}", f"{found['aims'][name]:g}")
    flips = found["flipped_bits"]
    made.add_row(
        f"categories served after {flips['flips']} flipped bits", str(flips["served"]), "0"
    )
    for what, seconds in found["gaps_s"].items():
        made.add_row(escape(f"  gap during {what} [s]"), f"{seconds:.2f}", "")
    for what, seconds in found["answers_s"].items():
        made.add_row(escape(f"  answer to {what} [s]"), f"{seconds:.2f}", "")
    return made
