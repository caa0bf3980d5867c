"""Which ROS 2 is used, and one sentence for each environment that cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest

from cape_ros.core.errors import CapeError
from cape_ros.interfaces import environment


@pytest.fixture(autouse=True)
def nothing_sourced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AMENT_PREFIX_PATH", "ROS_DOMAIN_ID", "RMW_IMPLEMENTATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(environment, "here", lambda: tmp_path / "venv")


def installation(folder: Path, python: str = "3") -> Path:
    """A ROS 2 as far as its folders tell."""
    (folder / "share" / "rclpy").mkdir(parents=True)
    (folder / "lib" / f"python{python}").mkdir(parents=True)
    return folder


def test_only_another_prefix_with_rclpy_counts_as_sourced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ros, venv = installation(tmp_path / "ros"), installation(tmp_path / "venv")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{venv}:{tmp_path / 'workspace'}::{ros}")
    assert environment.sourced() == [ros]


def test_an_environment_that_can_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment.check()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(installation(tmp_path / "ros")))
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp")
    monkeypatch.setenv("ROS_DOMAIN_ID", "232")
    environment.check()


def test_two_installations_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ros, venv = installation(tmp_path / "ros"), installation(tmp_path / "venv")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(ros))
    with pytest.raises(CapeError, match="two ROS 2 at once") as refused:
        environment.check()
    assert str(ros) in str(refused.value)
    assert str(venv) in str(refused.value)


def test_a_sourced_ros_of_another_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(installation(tmp_path / "ros", "3.8")))
    with pytest.raises(CapeError, match=r"is for Python 3\.8, and this is Python 3\."):
        environment.check()


def test_a_middleware_that_the_wheels_lack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installation(tmp_path / "venv")
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp")
    with pytest.raises(CapeError, match="have rmw_fastrtps_cpp only: unset it"):
        environment.check()


@pytest.mark.parametrize("domain", ["233", "-1", "one", "²"])
def test_a_domain_that_cannot_be(domain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", domain)
    with pytest.raises(CapeError, match="give a number from 0 to 232"):
        environment.check()


def test_generated_modules_never_hide_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder cape_ros without __init__.py in site-packages would, in an editable install."""
    monkeypatch.setattr(environment, "site_packages", lambda: tmp_path)
    assert environment.python_folder("vision_msgs") == tmp_path / "vision_msgs"
    assert environment.python_folder("cape_ros") == tmp_path / "cape_ros_messages" / "cape_ros"
    (tmp_path / "cape_ros").mkdir()
    (tmp_path / "cape_ros" / "__init__.py").touch()
    assert environment.python_folder("cape_ros") == tmp_path / "cape_ros"
