from __future__ import annotations

import builtins
from typing import Any

import pytest

from cape_ros.core.errors import SourceError
from cape_ros.media.photographs import photographs


def test_each_is_a_category_that_can_be_registered() -> None:
    shown = photographs()
    assert [category.name for category in shown] == ["coffee", "rocket", "chelsea", "astronaut"]
    for category in shown:
        assert 6 <= len(category.keypoint_names) <= 10
        assert category.edges
        assert category.shots[0].visible.all()


def test_without_scikit_image_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "skimage":
            raise ModuleNotFoundError("No module named 'skimage'", name="skimage")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(SourceError, match="pip install 'scikit-image"):
        photographs()
