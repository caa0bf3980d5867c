"""Sentences with a count read well for one thing and for several."""

from __future__ import annotations

import pytest

from cape_ros.core.plurals import counted


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((0, "shot"), "0 shots"),
        ((1, "shot"), "1 shot"),
        ((2, "shot"), "2 shots"),
        ((1, "category", "categories"), "1 category"),
        ((2, "category", "categories"), "2 categories"),
    ],
)
def test_a_count_and_its_noun(words: tuple[int, str], sentence: str) -> None:
    assert counted(*words) == sentence
