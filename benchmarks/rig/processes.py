"""Processes of the benchmark, and what the kernel says of them (Linux only)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

BENCHMARKS = Path(__file__).resolve().parents[1]
SHUTDOWN_TIMEOUT = 30.0  # [s] to end once its input has ended
LAST_LINES = 12
# Threads of Cyclone DDS, by the beginnings of their names.
DDS_THREADS = ("recv", "dq.", "tev", "gc", "xmit", "lease")


class Child:
    """A module of this package in a process of its own while the `with` block runs."""

    def __init__(self, log: Path, module: str, *arguments: str) -> None:
        self._log = log
        self._module = module
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"rig.{module}", *arguments],
                cwd=BENCHMARKS,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def stop(self) -> None:
        """Close its input and wait. Raises RuntimeError if it failed. Idempotent."""
        self._end()
        if self.process.returncode:
            self._complain()

    def check(self) -> None:
        """Raises RuntimeError if it has ended."""
        if self.process.poll() is not None:
            self._complain()

    def _end(self) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(SHUTDOWN_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _complain(self) -> NoReturn:
        reason = f"{self._module} ended with status {self.process.returncode}; its last words:\n"
        raise RuntimeError(reason + self.log_tail())

    def log_tail(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])


@dataclass(frozen=True)
class Used:
    """Processor seconds of a process by threads: those of the DDS library, and all others."""

    dds: float
    others: float

    @property
    def all(self) -> float:
        return self.dds + self.others


class Processor:
    """Processor seconds from now on, of a process and of all others on the machine."""

    def __init__(self, pid: int, *ours: int) -> None:
        """ours: further processes that belong to the benchmark, besides this one."""
        self._pid = pid
        self._ours = (pid, os.getpid(), *ours)
        self._began = time.monotonic()
        self._threads = _threads(pid)
        self._busy = _busy() - sum(_spent(each) for each in self._ours)

    def used(self) -> Used:
        """Of threads that have ended meanwhile, nothing is known."""
        now = _threads(self._pid)
        seconds = {key: now[key] - self._threads.get(key, 0.0) for key in now}
        dds = sum(spent for (_, name), spent in seconds.items() if name.startswith(DDS_THREADS))
        return Used(dds, sum(seconds.values()) - dds)

    def strangers(self) -> float:
        """Processors that all other processes kept busy on average."""
        busy = _busy() - sum(_spent(each) for each in self._ours)
        return max(0.0, busy - self._busy) / (time.monotonic() - self._began)


def resident(pid: int) -> tuple[float, float]:
    """Megabytes of memory (RSS) of a process, and how many of them are no pages of files."""
    return _status(pid, "VmRSS") / 1024, _status(pid, "RssAnon") / 1024


def peak(pid: int) -> float:
    """Megabytes that a process had at most since the start, or since `reset_peak`."""
    return _status(pid, "VmHWM") / 1024


def reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def threads(pid: int) -> int:
    return _status(pid, "Threads")


def _status(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields: Mapping[str, str] = dict(line.split(":", 1) for line in lines)
    return int(fields[field].split()[0])


def _threads(pid: int) -> dict[tuple[str, str], float]:
    """Seconds by (id, name) of each thread."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            spent = int((task / "schedstat").read_text().split()[0]) / 1e9
            found[task.name, (task / "comm").read_text().strip()] = spent
        except OSError:  # it has just ended
            continue
    return found


def _spent(pid: int) -> float:
    """Seconds of a process, to a hundredth; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _busy() -> float:
    """Seconds in which processors of the machine did something."""
    user, nice, system, _, _, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
