"""Commands that register and use the same photograph, each with a network of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from remembering import supports_remembered


@pytest.fixture(scope="module", autouse=True)
def remembered() -> Iterator[None]:
    with supports_remembered():
        yield
