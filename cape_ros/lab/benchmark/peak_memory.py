"""Peak memory of a measurement, of the process and the GPU."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import torch

PROCESS = Path("/proc/self")


class PeakMemory:
    """Peak memory since the construction, in MB: of the process on Linux, and of the GPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        with suppress(OSError):
            (PROCESS / "clear_refs").write_text("5")  # resets the peak
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def read(self) -> dict[str, float]:
        peaks = {}
        with suppress(OSError):
            status = (PROCESS / "status").read_text().splitlines()
            lines = dict(line.split(":", 1) for line in status)
            peaks["process"] = int(lines["VmHWM"].split()[0]) / 1e3
        if self._device.type == "cuda":
            peaks["gpu"] = torch.cuda.max_memory_allocated(self._device) / 1e6
        return peaks
