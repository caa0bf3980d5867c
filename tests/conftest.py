from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference numbers and images that may lie beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("needs the reference data: no folder ../shared beside the checkout")
    return SHARED
