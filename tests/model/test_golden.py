"""Golden case A: the same numbers as the authors' release."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden import Difference, compare

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def differences(shared: Path) -> list[Difference]:
    return list(compare(shared / "golden"))


@pytest.mark.parametrize("case", ["s1 ", "s3 ", "u0 ", "u1 ", "am ", "sat "])
def test_outputs(differences: list[Difference], case: str) -> None:
    found = [d for d in differences if d.quantity.startswith(case)]
    assert found
    assert [d for d in found if not d.passed] == []


@pytest.mark.parametrize("mode", ["s1_eval", "s3_eval", "s1_train_dropout0", "train"])
def test_losses_gradients_and_batch_norm(differences: list[Difference], mode: str) -> None:
    found = [d for d in differences if d.quantity.startswith(mode + " ")]
    assert found
    assert [d for d in found if not d.passed] == []
