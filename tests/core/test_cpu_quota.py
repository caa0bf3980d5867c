"""Containers with a limit on processor time (`docker run --cpus 2`), which see all cores."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cape_ros.core.cpu_quota import allowed_threads, limit_threads

ROOT = Path(__file__).resolve().parents[2]
V1 = "5:cpu,cpuacct:{}\n3:cpuset:/\n"


def system(folder: Path, groups: str, **files: str) -> Path:
    """A root folder with what Linux says: the control groups of this process, and their limits."""
    for name, content in {"proc/self/cgroup": groups, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def limit(quota: str, group: str = "", period: str = "100000") -> dict[str, str]:
    """Of version 1."""
    place = f"sys/fs/cgroup/cpu,cpuacct{group}"
    return {f"{place}/cpu.cfs_quota_us": quota, f"{place}/cpu.cfs_period_us": period}


@pytest.mark.parametrize(
    ("said", "threads"),
    [
        ("max 100000\n", None),
        ("200000 100000\n", 2),
        ("765000 100000\n", 7),  # one thread more than is allowed is held up with all others
        ("50000 100000\n", 1),
        ("400000 50000\n", 8),
        ("garbage\n", None),
        ("", None),
        ("100000 0\n", None),
    ],
)
def test_control_groups_of_version_2(said: str, threads: int | None, tmp_path: Path) -> None:
    root = system(tmp_path, "0::/\n", **{"sys/fs/cgroup/cpu.max": said})
    assert allowed_threads(root) == threads


def test_the_tightest_group_above_counts(tmp_path: Path) -> None:
    limits = {
        "sys/fs/cgroup/robot.slice/cpu.max": "300000 100000",
        "sys/fs/cgroup/robot.slice/cape.service/cpu.max": "max 100000",
    }
    root = system(tmp_path, "0::/robot.slice/cape.service\n", **limits)
    assert allowed_threads(root) == 3


@pytest.mark.parametrize(("quota", "threads"), [("-1", None), ("250000", 2), ("", None)])
@pytest.mark.parametrize("group", ["", "/docker/abc"])
def test_control_groups_of_version_1(
    group: str, quota: str, threads: int | None, tmp_path: Path
) -> None:
    """Docker shows a container its own group as the whole, whatever the group is called."""
    for name, shown in (("whole", ""), ("shown", group)):
        root = system(tmp_path / name, V1.format(group or "/"), **limit(quota, shown))
        assert allowed_threads(root) == threads


def test_both_versions_at_once(tmp_path: Path) -> None:
    root = system(tmp_path, "5:cpu,cpuacct:/\n0::/\n", **limit("200000"))
    assert allowed_threads(root) == 2


def test_systems_without_control_groups(tmp_path: Path) -> None:
    assert allowed_threads(tmp_path) is None
    assert allowed_threads(system(tmp_path, "no colons\n0:\n\n")) is None


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) == 1,
    reason="needs more cores than the limit allows",
)
@pytest.mark.parametrize("given", [None, "2"])
def test_pytorch_takes_no_more_threads_than_may_run(given: str | None, tmp_path: Path) -> None:
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environ |= {"PYTHONPATH": str(ROOT)} | ({"OMP_NUM_THREADS": given} if given else {})
    system(tmp_path, "0::/\n", **{"sys/fs/cgroup/cpu.max": "150000 100000"})
    script = (
        "import cape_ros.core.cpu_quota as quota, pathlib, os\n"
        f"quota.limit_threads(pathlib.Path({str(tmp_path)!r}))\n"
        "import torch; print(torch.get_num_threads(), os.environ.get('OMP_NUM_THREADS'))"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
    ).stdout
    assert said.split() == [given or "1"] * 2


@pytest.mark.parametrize(
    ("quota", "threads"), [(200000, "2"), (400000, None), (600000, None), (900000, None)]
)
@pytest.mark.parametrize("half", ["hyper-threads", "a set of CPUs"])
def test_never_more_threads_than_pytorch_would_take(
    half: str, quota: int, threads: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes one for each core, not for each of its hyper-threads, of those that it may use."""
    siblings = half == "hyper-threads"
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    allowed = range(8 if siblings else 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(allowed), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    monkeypatch.delenv("OMP_NUM_THREADS")
    smt = {"sys/devices/system/cpu/smt/active": f"{int(siblings)}\n"}
    said = {"sys/fs/cgroup/cpu.max": f"{quota} 100000"}
    limit_threads(system(tmp_path, "0::/\n", **said, **smt))
    assert os.environ.get("OMP_NUM_THREADS") == threads


def test_this_package_looks_for_a_limit_when_it_is_imported() -> None:
    script = (
        "import sys; import cape_ros; print('cape_ros.core.cpu_quota' in sys.modules, "
        "'torch' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert said.split() == ["True", "False"]
