"""The node as a process of its own: how it starts, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import cv2
import dds  # before the message packages
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from forks import Forks, Process
from sensor_msgs.msg import Image

from cape_ros.msg import KeypointArray

ROOT = Path(__file__).resolve().parents[2]
CYCLONES = re.compile(r"\d+\.\d+ \[\d+\] +\S+: ")
Node = subprocess.Popen | Process
Run = Callable[..., Node]


def environ() -> dict[str, str]:
    """With this checkout and its tests beside what a sourced ROS 2 needs."""
    folders = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(folders)}


def end(process: Node) -> None:
    """Well, so that its peers know: a killed one seems to be there for ten seconds more."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=dds.SECONDS)
    finally:
        process.kill()


def own(said: str) -> list[str]:
    """The lines that are not of Cyclone DDS, which names the network interface that it chose."""
    return [line for line in said.splitlines() if not CYCLONES.match(line)]


@pytest.fixture
def run(weights: Path, tmp_path: Path, forks: Forks) -> Iterator[Run]:
    """A function that starts the executable with some arguments for ROS.

    new: by an interpreter of its own, as everywhere but here. Seconds slower.
    """
    with ExitStack() as ends:

        def begin(*arguments: str, new: bool = False) -> Node:
            words = ["-p", f"weights:={weights}", "-p", "device:=cpu"]
            words += ["-p", f"library:={tmp_path}", "-p", "image_reliability:=reliable"]
            words += ["-p", "max_instances:=1"]
            words = [str(ROOT / "scripts" / "cape_node"), "--ros-args", *words, *arguments]
            process = (
                subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, text=True)
                if new
                else forks.start(words)
            )
            ends.enter_context(process)
            ends.callback(end, process)
            return process

        yield begin


@pytest.fixture
def robot() -> Iterator[dds.Robot]:
    rclpy.init(args=[])
    spinner = dds.Spinner(robot := dds.Robot())
    yield robot
    try:
        spinner.stop()
    finally:
        rclpy.try_shutdown()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_main_job_in_two_processes(run: Run, robot: dds.Robot, stop: int) -> None:
    node = run(new=stop == signal.SIGINT)
    assert robot.register().success
    assert [c.name for c in robot.categories.wait(lambda m: m.categories).categories] == ["cup"]
    dds.wait_for(robot.camera.get_subscription_count)
    message, found = robot.show()
    assert found.header == message.header
    assert [cup.category_version for cup in found.objects] == [1]
    node.send_signal(stop)
    if stop == signal.SIGINT:
        node.send_signal(stop)  # as to a process in the group of `ros2 launch`
    _, printed = node.communicate(timeout=dds.SECONDS)
    assert "Traceback" not in printed
    assert node.returncode == 0


def test_a_start_that_fails_says_why_in_one_line(run: Run) -> None:
    _, printed = (node := run("-p", "trusted_point:=7.0")).communicate(timeout=dds.SECONDS)
    assert node.returncode == 1
    (line,) = [line for line in printed.splitlines() if line.startswith("cape_node: ")]
    assert "trusted_point" in line
    assert "7.0" in line
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    "words", [["-r", "~/image:=/cam-1/image_raw"], ["--params-file", "/absent.yaml"]], ids=" ".join
)
def test_a_ros_argument_that_cannot_be_is_named(run: Run, words: list[str]) -> None:
    _, printed = (node := run(*words)).communicate(timeout=dds.SECONDS)
    assert node.returncode == 1
    (line,) = [line for line in printed.splitlines() if line.startswith("cape_node: ")]
    assert words[-1] in line
    assert ".c:" not in line
    assert "Traceback" not in printed


@pytest.mark.parametrize("executable", ["cape_node", "register"])
@pytest.mark.parametrize("variable", ["HOME", "ROS_HOME", "ROS_LOG_DIR"])
def test_a_log_that_cannot_be_written_is_named_with_its_remedy(
    variable: str, executable: str
) -> None:
    """As in a container whose file system is read-only, or as a service without a home."""
    words = [sys.executable, str(ROOT / "scripts" / executable), "cup", "cup.jpg"]
    names = {name: text for name, text in environ().items() if name not in ("ROS_HOME", "HOME")}
    names.pop("ROS_LOG_DIR", None)
    names[variable] = "/dev/null/nowhere"
    done = subprocess.run(
        words, env=names, capture_output=True, text=True, timeout=dds.SECONDS, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = [line for line in own(done.stderr) if line.startswith(f"{executable}: ")]
    assert "/dev/null/nowhere" in line
    assert "set ROS_LOG_DIR to a folder that can be written" in line


def test_a_start_that_cannot_be_configured_says_why_in_one_line(run: Run) -> None:
    node = run("-p", "library:=/dev/null/library")
    _, printed = node.communicate(timeout=dds.SECONDS)
    assert node.returncode == 1
    (line,) = [line for line in printed.splitlines() if line.startswith("cape_node: ")]
    assert "/dev/null/library" in line
    assert "Traceback" not in printed


STOPPED = """
import os, signal, sys
from cape_ros.ros import node

def stop_before(owner, name):
    go_on = getattr(owner, name)
    def stopped(*given, **named):
        os.kill(os.getpid(), signal.SIGINT)
        return go_on(*given, **named)
    setattr(owner, name, stopped)

stop_before({moment})
sys.exit(node.main())
"""


@pytest.mark.parametrize(
    "moment",
    [
        "node.rclpy, 'init'",
        "node.parameters, 'declare'",
        "node.CapeNode, 'start'",
        "node.Session, '_begin'",
    ],
)
def test_a_node_may_be_stopped_while_it_starts(moment: str, tmp_path: Path, forks: Forks) -> None:
    words = ["--ros-args", "-p", "device:=cpu", "-p", f"library:={tmp_path}"]
    ended = forks.run(["-c", STOPPED.format(moment=moment), *words], dds.SECONDS)
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 0


HANGS = """
import sys, threading
from cape_ros.perception.estimator import Estimator
from cape_ros.ros import node

def hang(*given, **named):
    print("it hangs", file=sys.stderr, flush=True)
    threading.Event().wait()

go_on = node.CapeNode.start
def start(self):
    if {at_start}:
        Estimator.estimate = hang
    go_on(self)
    Estimator.estimate = hang
node.CapeNode.start = start
node.run()
"""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at_start", [False, True])
def test_a_node_whose_model_hangs_ends_when_told(
    at_start: bool, stop: int, weights: Path, tmp_path: Path, forks: Forks
) -> None:
    words = ["--ros-args", "-p", f"weights:={weights}", "-p", "device:=cpu"]
    words += ["-p", f"library:={tmp_path}", "-p", "image_reliability:=reliable"]
    with ExitStack() as ends:
        if not at_start:
            rclpy.init(args=[])
            ends.callback(rclpy.try_shutdown)
            robot = dds.Robot()
            ends.callback(dds.Spinner(robot).stop)
        node = ends.enter_context(forks.start(["-c", HANGS.format(at_start=at_start), *words]))
        if not at_start:
            assert robot.register().success
            dds.wait_for(robot.camera.get_subscription_count)
            robot.camera.publish(dds.image(1))
        dds.wait_for(lambda: "it hangs" in node.said())
        node.send_signal(stop)
        _, said = node.communicate(timeout=dds.SECONDS)
    assert node.returncode == (1 if at_start else 0)
    wanted = "cape_node: it hangs" if at_start else "stopped without the frame in work"
    assert wanted in said


SHORT_OF_MEMORY = """
import sys
from cape_ros.ros import executor, node

class Full(executor.MultiThreadedExecutor):
    left = {count}

    def _take_subscription(self, sub):
        taken = super()._take_subscription(sub)
        if sub.topic_name == "/cape/image" and Full.left:
            Full.left -= 1
            raise MemoryError("no room for a message")
        return taken

executor.Executor.__bases__ = (Full,)
on_image = node.Session.activate

def activate(session):
    on_image(session)
    server = session.server
    submit = server.submit
    def full(frame):
        server.submit = submit
        raise MemoryError
    server.submit = full

node.Session.activate = activate
node.run()
"""


def test_a_node_that_is_short_of_memory_for_a_while_goes_on(
    weights: Path, tmp_path: Path, robot: dds.Robot, forks: Forks
) -> None:
    words = ["--ros-args", "-p", f"weights:={weights}", "-p", "device:=cpu"]
    words += ["-p", f"library:={tmp_path}", "-p", "image_reliability:=reliable"]
    heard = robot.hear(DiagnosticArray, "/diagnostics")
    with forks.start(["-c", SHORT_OF_MEMORY.format(count=3), *words]) as node:
        try:
            assert robot.register().success
            dds.wait_for(robot.camera.get_subscription_count)

            def counted(name: str, count: str) -> bool:
                """After one more image."""
                robot.camera.publish(dds.image(robot.next_second()))
                time.sleep(0.2)
                values = [v for m in heard.messages for s in m.status for v in s.values]
                return any((value.key, value.value) == (name, count) for value in values)

            dds.wait_for(lambda: counted("rejected: NotTaken", "3"))
            dds.wait_for(lambda: counted("rejected: internal error", "1"))
            message, found = robot.show()
            assert found.header == message.header
        finally:
            end(node)
        assert node.returncode == 0


@pytest.mark.parametrize(
    ("program", "module", "status"),
    [
        ("cape_node", "numpy", 0),
        ("cape_node", "torch", 0),
        ("cape_node", "cape_ros.perception.estimator", 0),
        ("register", "numpy", 130),
        ("cape", "typer", 130),
    ],
)
def test_a_ctrl_c_during_the_imports_is_quiet(program: str, module: str, status: int) -> None:
    command = [sys.executable, "-X", "importtime", str(ROOT / "scripts" / program), "--help"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ()) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.rpartition("|")[2].strip() == module:
                break
        process.send_signal(signal.SIGINT)
        printed = process.stderr.read()
    assert "Traceback" not in printed
    assert process.returncode == status


def test_a_ctrl_c_while_register_waits_is_quiet(tmp_path: Path, forks: Forks) -> None:
    cv2.imwrite(str(tmp_path / "mug.png"), dds.PIXELS)
    (tmp_path / "mug.json").write_text(
        '{"name": "mug", "keypoints": [{"name": "rim", "x": 9, "y": 9}]}'
    )
    files = [str(tmp_path / "mug.png"), str(tmp_path / "mug.json")]
    program = (
        "import os, signal, sys\n"
        "from cape_ros.ros import register\n"
        "wait = register._call\n"
        "def call(*given):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return wait(*given)\n"
        "register._call = call\n"
        "sys.exit(register.main())"
    )
    done = forks.run(["-c", program, *files, "--node", "/nobody"], dds.SECONDS)
    assert (done.returncode, own(done.stderr)) == (130, [])


@pytest.mark.parametrize("simulated", ["false", "true"])
def test_without_autostart_it_waits_to_be_configured_or_ended(
    run: Run, robot: dds.Robot, simulated: str
) -> None:
    node = run("-p", "autostart:=false", "-p", f"use_sim_time:={simulated}")  # without a /clock
    assert robot.lifecycle_state() == "unconfigured"
    node.send_signal(signal.SIGINT)
    assert node.wait(dds.SECONDS) == 0


def test_a_node_that_was_killed_comes_back_for_the_same_peers(run: Run, robot: dds.Robot) -> None:
    node = run()
    assert robot.register().success
    node.kill()
    node.wait(dds.SECONDS)
    dds.wait_for(lambda: not robot.camera.get_subscription_count())
    run()
    dds.wait_for(robot.camera.get_subscription_count)
    _, found = robot.show()
    assert [cup.category for cup in found.objects] == ["cup"]


def test_two_nodes_keep_apart(run: Run, robot: dds.Robot, tmp_path: Path) -> None:
    run()
    run("-r", "__ns:=/second", "-p", f"library:={tmp_path / 'second'}")
    assert robot.register().success
    answers = robot.hear(KeypointArray, "/second/cape/keypoints")
    camera = robot.create_publisher(Image, "/second/cape/image", 10)
    dds.wait_for(camera.get_subscription_count)
    # Repeated: the node answers once it knows of the listener.
    dds.wait_for(lambda: camera.publish(dds.image(500)) or answers.messages)
    dds.wait_for(robot.camera.get_subscription_count)
    assert [cup.category for cup in robot.show()[1].objects] == ["cup"]
    assert {message.header.stamp.sec for message in answers.messages} == {500}
    assert not any(message.objects for message in answers.messages)


WITHOUT_VISION_MSGS = """
import sys
from absent import hide
hide(["vision_msgs"])
from cape_ros.core.program import cape_node
sys.exit(cape_node())
"""


def test_without_vision_msgs_boxes_of_a_detector_are_refused(tmp_path: Path, forks: Forks) -> None:
    words = ["--ros-args", "-p", "boxes:=detections", "-p", f"library:={tmp_path}"]
    ended = forks.run(["-c", WITHOUT_VISION_MSGS, *words], dds.SECONDS)
    assert ended.returncode == 1
    (line,) = own(ended.stderr)
    assert line.startswith("cape_node: boxes: detections need the package vision_msgs")
