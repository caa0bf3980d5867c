"""Where the network runs and in which precision."""

from __future__ import annotations

import torch

from cape_ros.errors import DeviceError

PRECISIONS = {"float32": None, "float16": torch.float16, "bfloat16": torch.bfloat16}


def find_device(name: str) -> torch.device:
    """Raises `DeviceError` that says what there is."""
    cuda = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "cpu")
    try:
        device = torch.device(name)
        if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
            raise DeviceError(f"device {name}: no such GPU here; use `cpu` or `auto`")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"device {name}: {error}; use `cpu`, `cuda` or `auto`") from error
    return device


def find_precision(name: str, device: torch.device) -> torch.dtype | None:
    """The type for autocast, None for float32. Raises `DeviceError` if the device lacks it."""
    if name not in PRECISIONS:
        raise DeviceError(f"precision {name!r} is not one of {', '.join(PRECISIONS)}")
    if name == "float16" and device.type == "cpu":
        raise DeviceError("precision float16 needs a GPU; use float32 or bfloat16 on the CPU")
    return PRECISIONS[name]
