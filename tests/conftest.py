from __future__ import annotations

import gc
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from cape_ros.core.errors import CapeError

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "shared"

# Folders, modules and single tests -> markers; pyproject.toml says what each means.
MARKERS: dict[str, tuple[str, ...]] = {
    "cli/test_bag.py::test_rclpy_reads_what_is_written": ("ros",),
    "demo/test_run.py": ("ros", "slow"),
    "demo/test_studio.py": ("ros", "slow"),
    "demo/grasp/test_simulation.py": ("slow",),
    "demo/grasp/test_simulation.py::test_the_node_sees_and_the_arm_lifts": ("ros",),
    "demo/test_recorder_files.py": ("ros",),
    "examples": ("ros",),
    "launch": ("ros", "slow"),
    "perception/inference/test_gpu.py": ("gpu",),
    "ros": ("ros",),
    **{
        f"ros/test_{name}.py": ("slow",)  # a node for each test; the other modules have fewer
        for name in ("bad_input", "cameras", "lifecycle", "outputs", "services", "session_studio")
    },
    "ros/test_process.py": ("slow",),
    "ros/test_register.py": ("slow",),
    "studio/browser": ("browser", "slow"),
    "studio/test_serve.py": ("ros", "slow"),
    "test_without_ros.py": ("slow",),
    "lab/benchmark": ("slow",),
    "lab/evaluation/test_trials.py": ("slow",),
    "lab/training": ("train", "slow"),
    "model/test_export.py": ("slow",),
    "perception/inference/test_fast_paths.py": ("slow",),
    "studio/test_connections.py": ("slow",),
    "lab/training/test_training_on_gpu.py": ("gpu",),
}

# Every process of a parallel run has a ROS domain of its own, and its share of the cores. The run's
# number keeps two runs apart. Domains above 100 use ports that Linux gives to any program.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
RUN = os.getppid() if WORKERS > 1 else os.getpid()
os.environ["ROS_DOMAIN_ID"] = str(1 + (7 * RUN + WORKER) % 100)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
# Before anything imports PyTorch: its threads wait for each other in a busy loop, so several test
# processes on one machine, or other work beside one, would take many times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Seeded, and never a failure because the machine is busy.
settings.register_profile(
    "cape", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("cape")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in the folders and modules above."""
    for item in items:
        where = [item.path.relative_to(HERE).as_posix()]
        where.append(f"{where[0]}::{item.name.partition('[')[0]}")
        where += [parent.as_posix() for parent in Path(where[0]).parents]
        for marker in {marker for place in where for marker in MARKERS.get(place, ())}:
            item.add_marker(marker)


def pytest_collection_finish() -> None:
    """A node's end looks for garbage; it need not look through all imported modules each time."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """tests/ros runs on every distribution and middleware; say which it was."""
    if any("ros/" in report.nodeid for report in terminalreporter.getreports("passed")):
        with suppress(CapeError):
            from cape_ros.ros import MIDDLEWARE

            terminalreporter.write_line(f"tests/ros ran on {MIDDLEWARE}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference numbers and images that may lie beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("needs the reference data: no folder ../shared beside the checkout")
    return SHARED


@pytest.fixture(autouse=True)
def logging_as_at_the_start() -> None:
    """What one test, or a library that it loads, does to logging does not reach the next one."""
    logging.disable(logging.NOTSET)
    logging.getLogger().setLevel(logging.WARNING)
    for name, logger in logging.root.manager.loggerDict.items():
        if name.split(".")[0] == "cape_ros" and isinstance(logger, logging.Logger):
            logger.disabled, logger.propagate = False, True
            logger.setLevel(logging.NOTSET)
