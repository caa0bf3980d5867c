"""Where the profile for Fast DDS is found, and when it is used."""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cape_ros.core import fastdds

CHECKOUT = Path(__file__).parents[2]
FILE = Path("/somewhere/fastdds.xml")


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Independent of this machine's memory: a container has little."""
    monkeypatch.setattr(fastdds, "LEAST_ROOM", 0)


def test_the_checkout_has_a_profile_that_is_xml() -> None:
    file = fastdds.profile()
    assert file == CHECKOUT / "config" / "fastdds.xml"
    assert ET.parse(file).getroot().tag == "{http://www.eprosima.com}dds"


@pytest.mark.parametrize("place", ["lib/python3.12/site-packages", "lib/python3/dist-packages"])
def test_an_installation_has_it_in_share(tmp_path: Path, place: str) -> None:
    package = tmp_path / place / "cape_ros"
    (package / "core").mkdir(parents=True)
    for name in ("__init__.py", "core/__init__.py", "core/cpu_quota.py", "core/fastdds.py"):
        shutil.copy(CHECKOUT / "cape_ros" / name, package / name)
    file = tmp_path / "share" / "cape_ros" / "config" / "fastdds.xml"
    program = "from cape_ros.core.fastdds import profile; print(profile())"

    def ask() -> str:
        command = [sys.executable, "-c", program]
        environment = {"PYTHONPATH": str(package.parent)}
        return subprocess.check_output(command, env=environment, cwd=tmp_path, text=True).strip()

    assert ask() == "None"
    file.parent.mkdir(parents=True)
    file.touch()
    assert ask() == str(file)


@pytest.mark.parametrize(
    "given", [{}, {"RMW_IMPLEMENTATION": ""}, {"RMW_IMPLEMENTATION": "rmw_fastrtps_dynamic_cpp"}]
)
def test_fast_dds_gets_it_under_both_names(given: dict[str, str]) -> None:
    assert fastdds.settings(given, FILE) == {
        "FASTDDS_DEFAULT_PROFILES_FILE": str(FILE),
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(FILE),
    }


@pytest.mark.parametrize(
    "given",
    [
        {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"},
        {"FASTDDS_DEFAULT_PROFILES_FILE": "/mine.xml"},
        {"FASTRTPS_DEFAULT_PROFILES_FILE": "/mine.xml"},
    ],
)
def test_neither_another_middleware_nor_a_user_with_a_profile_gets_it(
    given: dict[str, str],
) -> None:
    assert fastdds.settings(given, FILE) == {}
    before = dict(given)
    fastdds.use_profile(given)
    assert given == before


def test_nothing_is_set_where_shared_memory_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastdds, "LEAST_ROOM", 1 << 60)
    assert fastdds.settings({}, FILE) == {}
    monkeypatch.setattr(fastdds, "LEAST_ROOM", 0)
    assert fastdds.settings({}, FILE)
    monkeypatch.setattr(fastdds, "SHARED_MEMORY", Path("/absent"))
    assert fastdds.settings({}, FILE) == {}


def test_nothing_is_set_where_the_file_is_missing() -> None:
    assert fastdds.settings({}, None) == {}


def test_the_remedy_names_the_file_or_the_middleware() -> None:
    assert str(fastdds.profile()) in fastdds.remedy("rmw_fastrtps_cpp")
    other = fastdds.remedy("rmw_cyclonedds_cpp")
    assert "image_reliability: reliable" in other
    assert "rmw_cyclonedds_cpp" in other
