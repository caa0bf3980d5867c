"""Studio beside the demo: its page is served, and the demo does not end while it is in use."""

from __future__ import annotations

import io
import json
import re
import socket
import struct
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from rich.console import Console
from websockets.sync.client import connect

if not find_spec("rclpy"):
    pytest.skip("needs rclpy", allow_module_level=True)

from cape_ros.core.errors import InvalidInput
from cape_ros.demo import run, studio
from cape_ros.demo.run import run_demo
from cape_ros.demo.scenes import photograph_scenes
from cape_ros.media.photographs import photographs
from cape_ros.media.sources import MovingPhotograph

SECONDS = 120.0


def wait_for(screen: io.StringIO, pattern: str) -> str:
    end = time.monotonic() + SECONDS
    while not (match := re.search(pattern, screen.getvalue())):
        assert time.monotonic() < end, screen.getvalue()
        time.sleep(0.05)
    return match[0]


def watch(address: str, enough: threading.Event) -> None:
    """As the page does."""
    with connect(f"{address.replace('http', 'ws')}api/live", max_size=None) as viewer:
        while not enough.is_set():
            with suppress(TimeoutError):
                packet = viewer.recv(0.1)
                assert isinstance(packet, bytes)
                (length,) = struct.unpack("<I", packet[:4])
                stamp = json.loads(packet[4 : 4 + length])["stamp_ns"]
                viewer.send(json.dumps({"drawn": stamp}))


def test_the_camera_goes_on_while_a_page_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "TEACHING", 1.0)
    monkeypatch.setattr(run, "photograph_scenes", lambda frames: photograph_scenes(frames)[:1])
    screen, status, enough = io.StringIO(), [], threading.Event()

    def demo() -> None:
        console = Console(file=screen, width=200)
        status.append(run_demo(out=tmp_path / "out", frames=3, device="cpu", console=console))

    running = threading.Thread(target=demo)
    running.start()
    address = wait_for(screen, r"http://\S+")
    watching = threading.Thread(target=watch, args=(address, enough))
    watching.start()
    wait_for(screen, "Studio is in use")
    assert running.is_alive()
    enough.set()
    watching.join()
    running.join(SECONDS)
    assert status == [0]
    assert "frames answered" in screen.getvalue()


def test_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((studio.HOST, 0)) as other:
        taken = other.getsockname()[1]
        monkeypatch.setattr(studio, "PORT", taken)
        with pytest.raises(InvalidInput, match=f"--port: {taken} cannot be used"):
            studio.StudioOfNode(taken)
        chosen = studio.StudioOfNode()
    assert chosen.parameters["studio.port"] not in (0, taken)
    assert chosen.remark.startswith(f"Port {taken} is taken")
    with pytest.raises(InvalidInput, match="--port"):
        studio.StudioOfNode(70_000)


def test_a_port_that_is_taken_while_the_node_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((studio.HOST, 0)) as other:
        port = other.getsockname()[1]
    monkeypatch.setattr(studio, "PORT", port)
    both = studio.StudioOfNode(), studio.StudioOfNode(port)
    assert [each.moves() for each in both] == [False, False]
    with socket.create_server((studio.HOST, port)):
        assert [each.moves() for each in both] == [True, False]
    assert both[0].parameters["studio.port"] != port


def test_without_anybody_there_is_nothing_to_wait_for() -> None:
    assert not studio.StudioOfNode().is_in_use()


def test_a_scene_again_and_again() -> None:
    source = studio.Unending(MovingPhotograph(photographs()[0], 3, seed=1))
    images = [source.waiting().image for _ in range(5)]
    assert (images[0] == images[3]).all()
    assert (images[0] != images[1]).any()
