"""Definitions are found, and a change of one is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cape_ros.interfaces import environment, packages
from cape_ros.interfaces.packages import Package

ROOT = Path(__file__).resolve().parents[2]


def package(folder: Path, **files: str) -> Package:
    for name, text in files.items():
        (folder / "msg").mkdir(parents=True, exist_ok=True)
        (folder / "msg" / f"{name}.msg").write_text(text)
    return Package("tiny_msgs", folder)


def test_own_definitions_are_those_of_the_checkout() -> None:
    assert packages.own_definitions() == ROOT
    names = [str(file) for file in Package(packages.OWN, ROOT).definitions]
    assert "msg/KeypointArray.msg" in names
    assert "srv/RegisterCategory.srv" in names


def test_installed_definitions_are_found_from_the_installed_module(tmp_path: Path) -> None:
    share = tmp_path / "share" / "cape_ros" / "msg"
    share.mkdir(parents=True)
    (share / "Keypoint.msg").write_text("float32 x")
    module = tmp_path / "lib" / "python3" / "site-packages" / "cape_ros" / "msg" / "__init__.py"
    assert packages.definitions_above(module) == tmp_path / "share" / "cape_ros"
    assert packages.definitions_above(Path("/no/such/place.py")) is None


def test_a_package_is_current_until_a_definition_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "here", lambda: tmp_path / "venv")
    tiny = package(tmp_path / "tiny", A="float32 x", B="int32 y")
    assert not packages.is_current(tiny)
    packages.record(tiny)
    assert packages.is_current(tiny)
    package(tmp_path / "tiny", B="int32 y\nint32 z")
    assert not packages.is_current(tiny)
    package(tmp_path / "tiny", B="int32 y")
    assert packages.is_current(tiny)
    packages.forget(tiny)
    assert not packages.is_current(tiny)


def test_a_record_that_was_cut_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "here", lambda: tmp_path)
    tiny = package(tmp_path / "tiny", A="float32 x")
    packages.record(tiny)
    (tmp_path / "share" / "tiny_msgs" / packages.RECORD).write_text('{"finger')
    assert not packages.is_current(tiny)
