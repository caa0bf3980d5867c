from __future__ import annotations

from dataclasses import replace

import pytest

from cape_ros.core.errors import InvalidInput
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.evaluation.pairs import choose_pairs, labels, release_pairs

OBJECTS = 7


@pytest.mark.parametrize("shots", [1, 5])
def test_pairs_are_all_or_a_seeded_sample(dataset: Dataset, shots: int) -> None:
    pairs = choose_pairs(dataset, 1, shots)
    assert pairs == choose_pairs(dataset, 1, shots)
    assert len(pairs) == OBJECTS * (OBJECTS - 1)
    assert len({(pair[-2], pair[-1]) for pair in pairs}) == len(pairs)
    for pair in pairs:
        assert len(set(pair)) == shots + 1
    assert len(choose_pairs(dataset, 1, shots, most=5)) == 5


def test_too_few_objects_are_named(dataset: Dataset) -> None:
    with pytest.raises(InvalidInput, match="8 objects, patch has 7"):
        choose_pairs(dataset, 1, shots=7)
    with pytest.raises(InvalidInput, match="mp100: a category has fewer than 1"):
        release_pairs(dataset, shots=1)


def test_the_release_s_pairs_come_category_by_category(dataset: Dataset) -> None:
    many = replace(dataset, instances=dataset.instances * 3)
    pairs = release_pairs(many, shots=2)
    assert len(pairs[1]) == 200 * 15
    assert all(len(set(pair)) == 3 for pair in pairs[1])


def test_categories_of_one_name_are_told_apart(dataset: Dataset) -> None:
    two = replace(dataset, categories={7: "face", 9: "face", 11: "duck"})
    assert labels(two) == {7: "face (7)", 9: "face (9)", 11: "duck"}
