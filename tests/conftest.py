from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before anything imports PyTorch: its threads wait for each other in a busy loop, so several test
# processes on one machine, or other work beside one, would take many times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

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
