"""A package is generated, compiled and installed; an obstacle is named in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cape_ros.core.errors import CapeError
from cape_ros.interfaces import compiler, environment
from cape_ros.interfaces.build import build_package
from cape_ros.interfaces.compiler import Compiler, Library
from cape_ros.interfaces.generate import generate
from cape_ros.interfaces.packages import Package, is_current

POINT = "std_msgs/Header header\nfloat32 x\nstring[] names\n"
MOVE = "Point to\n---\nbool done\n"
ROUND_TRIP = """
from rclpy.serialization import deserialize_message, serialize_message
from tiny_msgs.msg import Point
from tiny_msgs.srv import Move
sent = Point(x=1.5, names=["a", "b"])
assert deserialize_message(serialize_message(sent), Point) == sent
assert Move.Request(to=sent).to.x == 1.5
"""

needs_rosidl = pytest.mark.skipif(
    find_spec("rosidl_generator_py") is None, reason="needs the generators of ROS 2 messages"
)


def tiny(folder: Path, point: str = POINT) -> Package:
    for name, text in {"msg/Point.msg": point, "srv/Move.srv": MOVE}.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    return Package("tiny_msgs", folder)


@needs_rosidl
@pytest.mark.slow
def test_a_package_is_built_into_an_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = os.environ.get("AMENT_PREFIX_PATH") or str(environment.here())
    prefix = tmp_path / "an environment"
    site_packages = prefix / "lib" / "site-packages"
    monkeypatch.setenv("AMENT_PREFIX_PATH", paths)
    monkeypatch.setattr(environment, "here", lambda: prefix)
    monkeypatch.setattr(environment, "site_packages", lambda: site_packages)
    package = tiny(tmp_path / "a checkout")
    build_package(package, Compiler(), [Path(path) for path in paths.split(os.pathsep)])
    assert is_current(package)
    environ = os.environ | {"PYTHONPATH": str(site_packages)}
    subprocess.run([sys.executable, "-c", ROUND_TRIP], env=environ, check=True)


@needs_rosidl
def test_a_definition_that_is_none(tmp_path: Path) -> None:
    package = tiny(tmp_path / "tiny", "float33 x\n")
    with pytest.raises(CapeError, match="tiny_msgs: rosidl could not generate"):
        generate(package, tmp_path / "out", [environment.here() / "share"])


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(compiler, "find_spec", lambda name: None)
    with pytest.raises(CapeError, match=r"sudo apt install g\+\+"):
        Compiler()


def test_a_compiler_that_is_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O3")
    with pytest.raises(CapeError, match="CC names 'no-such-compiler'"):
        Compiler()


def test_the_compilers_own_words_are_told(tmp_path: Path) -> None:
    source = tmp_path / "broken.c"
    source.write_text("int broken( {")
    with pytest.raises(CapeError, match=r"could not compile libbroken\.so: .*error"):
        Compiler().compile([Library(tmp_path / "libbroken.so", [source], [], [], [])])


def test_without_pythons_headers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(compiler.sysconfig, "get_path", lambda *_, **__: str(tmp_path))
    monkeypatch.setattr(compiler.sysconfig, "get_config_var", lambda _: str(tmp_path))
    with pytest.raises(CapeError, match=r"sudo apt install python3\.\d+-dev"):
        compiler.python_headers()
