from __future__ import annotations

import re
from pathlib import Path

import pytest

from cape_ros.core import extras

ROOT = Path(__file__).resolve().parents[2]


def test_pip_is_asked_for_what_the_package_names() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for requirement in extras.REQUIRED.values():
        assert f'"{requirement}"' in project
    for extra, requirements in extras.EXTRAS.items():
        lines = (ROOT / "requirements" / f"{extra}.txt").read_text("utf-8").splitlines()
        named = [re.split("[#;]", line)[0].strip() for line in lines]
        for requirement in requirements.values():
            assert requirement in named


def test_no_message_asks_a_registry_for_this_package() -> None:
    """No registry has it; a checkout is installed as '.[studio]'."""
    asking = re.compile(r"pip install[^\n]*cape_ros|cape_ros\[[a-z]")
    files = [*ROOT.glob("cape_ros/**/*.py"), *ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    assert [str(file) for file in files if asking.search(file.read_text("utf-8"))] == []


def test_a_command_can_be_pasted_into_a_shell() -> None:
    assert extras.how_to_install("demo") == "pip install 'scikit-image>=0.22'"


def failed(name: str) -> ImportError:
    return ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_a_requirement_that_is_missing_is_named_with_all_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = ("torch", "torchvision", "safetensors")
    monkeypatch.setattr(extras, "is_installed", lambda name: name not in gone)
    text = str(extras.missing_requirement(failed("torch")))
    assert text.startswith("torch, torchvision, safetensors cannot be imported by /")
    assert "pip install 'torch>=2.4' 'torchvision>=0.19' 'safetensors>=0.4'" in text


def test_a_library_that_is_missing_is_named() -> None:
    error = ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
    assert "libGL.so.1" in str(extras.missing_requirement(error))


def test_a_mistake_of_this_package_is_none_of_the_installation() -> None:
    assert extras.missing_requirement(failed("cape_ros.ros.nodes")) is None
