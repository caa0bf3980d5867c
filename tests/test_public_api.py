"""What `from cape_ros import ...` gives, and what it costs."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import cape_ros

CHECKOUT = Path(__file__).parents[1]
HOMES = {
    "CapeError": "cape_ros.core.errors",
    "Category": "cape_ros.perception.category",
    "CategoryLibrary": "cape_ros.perception.library.library",
    "Estimator": "cape_ros.perception.estimator",
    "InvalidInput": "cape_ros.core.errors",
    "ObjectKeypoints": "cape_ros.perception.objects",
    "ObjectRequest": "cape_ros.perception.objects",
    "SupportShot": "cape_ros.perception.category",
}


@pytest.mark.parametrize(("name", "home"), HOMES.items())
def test_a_public_name_is_that_of_its_module(name: str, home: str) -> None:
    assert getattr(cape_ros, name) is getattr(importlib.import_module(home), name)


def test_all_public_names_are_listed() -> None:
    assert set(cape_ros.__all__) == set(HOMES)
    assert {*HOMES, "__version__"} <= set(dir(cape_ros))


def test_a_name_that_is_not_there_is_refused_as_by_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'cape_ros' has no attribute 'Estimater'"):
        _ = cape_ros.Estimater  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="cannot import name 'Estimater' from 'cape_ros'"):
        from cape_ros import Estimater  # type: ignore[attr-defined]  # noqa: F401


@pytest.mark.parametrize(
    "statement",
    [
        "import cape_ros; dir(cape_ros)",
        "from cape_ros import CapeError, InvalidInput",
        "from cape_ros import Category, SupportShot, ObjectRequest, ObjectKeypoints",
        "from cape_ros import CategoryLibrary",
    ],
)
def test_only_the_estimator_needs_torch(statement: str) -> None:
    loads_nothing(statement)


def test_the_messages_do_not_need_torch() -> None:
    pytest.importorskip("rclpy")
    loads_nothing("import cape_ros.msg")


def loads_nothing(statement: str) -> None:
    """In a process of its own, which must not have imported PyTorch by then."""
    program = f"import sys; {statement}; sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr or "torch was imported"
