"""Real DDS on the loopback device, in a domain of this run's own, and a real second process."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

if importlib.util.find_spec("cyclonedds") is None or importlib.util.find_spec("rclpy"):
    collect_ignore_glob = ["*"]  # with a real ROS 2, wire is never loaded
else:
    from cape_ros import wire

    wire.install()


def wait_for(
    condition: Callable[[], object],
    seconds: float = 120.0,  # the machine may be busy
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Return as soon as the condition holds; fail if it never does.

    meanwhile: done again and again, as a message published until a late subscriber has it.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        meanwhile()
        time.sleep(0.02)


@dataclass(frozen=True)
class OtherProcess:
    """peer.py while it runs."""

    process: subprocess.Popen
    log_file: Path

    def log(self) -> str:
        return self.log_file.read_text()


@contextlib.contextmanager
def peer_process(log_file: Path, *arguments: str) -> Iterator[OtherProcess]:
    command = [sys.executable, Path(__file__).with_name("peer.py"), *arguments]
    with log_file.open("w") as log, subprocess.Popen(command, stderr=log) as process:
        other = OtherProcess(process, log_file)
        try:
            wait_for(lambda: "peer is up" in other.log() or process.poll() is not None)
            yield other
        finally:
            process.kill()


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherProcess]:
    """One for all tests that leave it as it was."""
    with peer_process(tmp_path_factory.mktemp("peer") / "log") as other:
        yield other


@pytest.fixture
def start_peer(tmp_path: Path) -> Iterator[Callable[..., OtherProcess]]:
    """A function that starts peers of this test's own, with the command line that it is given."""
    with contextlib.ExitStack() as running:

        def start(*arguments: str) -> OtherProcess:
            log_file = tmp_path / f"log{len(list(tmp_path.glob('log*')))}"
            return running.enter_context(peer_process(log_file, *arguments))

        yield start


@pytest.fixture
def ros() -> Iterator[None]:
    """rclpy, initialised."""
    import rclpy

    rclpy.init(args=[])
    yield
    rclpy.try_shutdown()


@pytest.fixture
def spin(ros: None) -> Iterator[Callable]:
    """A function that spins nodes in the background until the test ends."""
    from rclpy.executors import MultiThreadedExecutor

    spinning = []

    def start(*nodes):
        executor = MultiThreadedExecutor(2)
        for node in nodes:
            executor.add_node(node)
        thread = threading.Thread(target=executor.spin)
        thread.start()
        spinning.append((executor, thread, nodes))
        return executor

    yield start
    for executor, thread, nodes in spinning:
        executor.shutdown(5)
        thread.join()
        for node in nodes:
            node.destroy_node()
