"""`cape serve`, as a person types it."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import dds  # noqa: F401  # skips where there is no rclpy
import pytest
import rclpy
from rclpy.node import Node
from serving import serve_until_ctrl_c

from cape_ros import cli
from cape_ros.core import extras
from cape_ros.ros import node

SECONDS = 120.0
CAPE = [
    sys.executable,
    "-c",
    "import sys; from cape_ros.cli import main; sys.exit(main())",
    "serve",
]


def test_studio_on_the_demo_until_ctrl_c(tmp_path: Path) -> None:
    words = ["--demo", "--port", "0", "--library", str(tmp_path / "library"), "--device", "cpu"]
    serve_until_ctrl_c([*CAPE, *words], tmp_path / "log", (640, 480))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--demo", "--camera", "0"], "one of them"),
        (["--demo", "--ros-args", "-p", "a:=b"], "--ros-args: is for the node"),
        (["--video", "absent.mp4"], "absent.mp4"),
        (["--demo", "--library", "~nobody_of_that_name/x"], "Could not determine home directory"),
        (["--camera", "97"], "camera 97"),
        (["--demo", "--port", "70000"], "70000 is not 0 to 65535"),
        (["--demo", "--host", "no.such.host.invalid"], "choose another port or host"),
    ],
)
def test_what_is_wrong_comes_in_one_sentence(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["cape", "serve", "--library", str(tmp_path), *words])
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    before = [signal.getsignal(number) for number in numbers]
    try:
        assert cli.main() == 1
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    error = capsys.readouterr().err
    assert error.startswith("cape: ")
    assert message in error


def test_the_node_gets_what_was_typed_and_ros_arguments_count_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[list[str]] = []
    monkeypatch.setattr(node, "main", lambda words: given.append(words) or 0)
    words = [
        "--host",
        "0.0.0.0",
        "--port",
        "9000",
        "--library",
        "2024-10-01",
        "--token",
        "some-token",
    ]
    ros = ["--ros-args", "-p", "studio.port:=9001", "-r", "/cape/image:=/camera/image_raw"]
    monkeypatch.setattr(sys, "argv", ["cape", "serve", *words, *ros])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 0
    context = rclpy.Context()
    rclpy.init(args=["cape", *given[0]], context=context)
    try:
        cape = Node("cape", context=context, automatically_declare_parameters_from_overrides=True)
        wanted = {
            "studio.enable": True,
            "studio.host": "0.0.0.0",
            "studio.port": 9001,
            "studio.token": "some-token",
            "library": "2024-10-01",
        }
        assert {name: cape.get_parameter(name).value for name in wanted} == wanted
        assert cape.resolve_topic_name("~/image") == "/camera/image_raw"
    finally:
        rclpy.shutdown(context=context)


def test_without_what_it_is_made_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(extras.EXTRAS, "studio", {"no_such_module": "no-such-package>=3"})
    monkeypatch.setattr(sys, "argv", ["cape", "serve", "--demo"])
    assert cli.main() == 1
    wanted = "Studio needs no_such_module: pip install 'no-such-package>=3'"
    assert wanted in capsys.readouterr().err
