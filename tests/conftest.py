from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Seeded, and never a failure because the machine is busy.
settings.register_profile(
    "cape", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("cape")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference numbers and images that may lie beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("needs the reference data: no folder ../shared beside the checkout")
    return SHARED
