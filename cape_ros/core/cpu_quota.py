"""Limits on processor time, as `docker run --cpus 2` and CPUQuota of systemd set them.

They leave all cores in sight. PyTorch starts a thread for each, and once their time is used up all
of them are stopped for the rest of a tenth of a second, with the frame that they share.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CPU = "cpu"  # the controller of version 1 that limits time
ROOT = Path("/")


def limit_threads(root: Path = ROOT) -> None:
    """Before PyTorch is loaded: no more threads than may run at once, unless the user says how
    many."""
    threads = allowed_threads(root)
    if threads is not None and threads < _cores(root):
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))


def allowed_threads(root: Path = ROOT) -> int | None:
    """How many threads may run all the time, at least 1; None without a limit. root: whose `proc`
    and `sys` count."""
    quotas = [quota for folder in _groups(root) if (quota := _quota(folder)) is not None]
    return max(1, int(min(quotas))) if quotas else None


def _cores(root: Path) -> int:
    """How many threads PyTorch takes by itself: one for each core that this process may use."""
    count = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else count
    with suppress(OSError):
        if (root / "sys/devices/system/cpu/smt/active").read_text().strip() == "1":
            count = max(1, count // 2)
    return min(count, usable)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of the control groups of this process, and those above them. A container sees its
    own as the whole, whatever it is called."""
    tree = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, colon, group = rest.partition(":")
        if not colon or not (controllers == "" or CPU in controllers.split(",")):
            continue
        path = Path(group.lstrip("/"))
        for place in {tree / controllers, tree / (CPU if controllers else "")}:
            yield from (place / each for each in (path, *path.parents))


def _quota(folder: Path) -> float | None:
    """Processors, as a group is limited to; None if it is not."""
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (folder / "cpu.max").read_text().split()  # version 2
        return int(quota) / int(period)
    with suppress(OSError, ValueError, ZeroDivisionError):
        time = int((folder / "cpu.cfs_quota_us").read_text())
        return time / int((folder / "cpu.cfs_period_us").read_text()) if time > 0 else None
    return None
