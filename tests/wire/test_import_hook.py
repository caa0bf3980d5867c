"""What `import` gives after wire.install(), and before, and where it must refuse."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_interfaces_are_imported_as_from_ros():
    import std_msgs.msg
    from std_msgs.msg import String

    assert String.__name__ == "String"
    assert std_msgs.msg.String is String
    assert "Header" in dir(std_msgs.msg) or "Header" in std_msgs.msg.__all__


def test_services_hide_their_two_messages():
    import cape_ros.srv

    assert {"RegisterCategory", "RemoveCategory"} <= set(cape_ros.srv.__all__)
    assert not any(name.endswith(("_Request", "_Response")) for name in cape_ros.srv.__all__)
    with pytest.raises(ImportError, match="RegisterCategory_Request"):
        from cape_ros.srv import RegisterCategory_Request  # noqa: F401


@pytest.mark.parametrize("name", ["unknown_msgs", "std_msgs.action", "rclpy.action", "cape_ros.no"])
def test_what_is_not_here_is_not_found(name):
    with pytest.raises(ModuleNotFoundError, match=name):
        importlib.import_module(name)


def test_a_message_that_does_not_exist_is_named():
    with pytest.raises(ImportError, match="Strin"):
        from std_msgs.msg import Strin  # noqa: F401


def test_install_twice_is_harmless():
    import rclpy

    from cape_ros import wire

    wire.install()
    assert sys.modules["rclpy"] is rclpy


@pytest.mark.parametrize("name", ["cyclonedds", "rosbags"])
def test_a_missing_package_is_one_sentence(name):
    ran = run(
        f"import sys; sys.modules[{name!r}] = None\n"
        "from cape_ros import wire\nfrom cape_ros.errors import CapeError\n"
        "try: wire.install()\nexcept CapeError as error: print(error)\n"
        "assert 'rclpy' not in sys.modules"
    )
    assert ran.stdout == (
        f"there is no ROS 2 here, and to do without it {name} is needed: "
        "pip install 'cape_ros[wire]' (Linux x86-64, CPython 3.10 to 3.13)\n"
    ), ran.stderr


@pytest.mark.parametrize("before", ["import rclpy", "pass"], ids=["loaded", "installed"])
def test_a_real_rclpy_is_never_replaced(tmp_path, before):
    (tmp_path / "rclpy.py").write_text("")
    ran = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{before}\n"
        "from cape_ros import wire\nfrom cape_ros.errors import CapeError\n"
        "try: wire.install()\nexcept CapeError as error: print(error)\n"
        "import rclpy; print(rclpy.__file__)"
    )
    said, file = ran.stdout.splitlines()
    assert "an rclpy is here; use that one" in said
    assert file == str(tmp_path / "rclpy.py")


def test_the_node_takes_the_real_rclpy_if_there_is_one(tmp_path):
    (tmp_path / "rclpy.py").write_text("")
    generated = tmp_path / "workspace" / "cape_ros" / "msg"
    generated.mkdir(parents=True)
    for folder in (generated, generated.parent):
        (folder / "__init__.py").write_text("")
    ran = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"sys.path.append({str(tmp_path / 'workspace')!r})\n"
        "from cape_ros.ros import MIDDLEWARE; print(MIDDLEWARE, 'cape_ros.wire' in sys.modules)"
    )
    assert ran.stdout == "rclpy of the ROS 2 installation False\n", ran.stderr


def test_a_broken_rclpy_is_an_error_to_show(tmp_path):
    (tmp_path / "rclpy.py").write_text("import a_library_that_is_missing")
    ran = run(f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport cape_ros.ros")
    assert "No module named 'a_library_that_is_missing'" in ran.stderr
    assert ran.returncode
