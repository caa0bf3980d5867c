"""Selects the device and the precision of inference."""

from __future__ import annotations

from importlib.util import find_spec

import torch

from cape_ros.core.errors import DeviceError
from cape_ros.core.extras import how_to_install

PRECISIONS = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


OPENVINO = "openvino"  # the CPU, but not by PyTorch


def find_device(name: str) -> torch.device:
    """auto: CUDA if there is a GPU, else the CPU; nothing else ever falls back to the CPU.

    Raises `DeviceError` that says what there is.
    """
    if name == OPENVINO:
        if find_spec("openvino") is None:
            raise DeviceError(f"device openvino: is missing; {how_to_install('openvino')}")
        return torch.device("cpu")
    cuda = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "cpu")
    try:
        device = torch.device(name)
        if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
            raise DeviceError(f"device {name}: no such GPU here; use `cpu` or `auto`")
        torch.zeros(1, device=device).cpu()  # e.g. "meta": a device without storage
    except (RuntimeError, AssertionError, ImportError) as error:
        raise DeviceError(f"device {name}: {error}; use `cpu`, `cuda` or `auto`") from error
    return device


def find_precision(name: str, device: torch.device) -> torch.dtype:
    """Raises `DeviceError` if the device lacks it."""
    if name not in PRECISIONS:
        raise DeviceError(f"precision {name!r} is not one of {', '.join(PRECISIONS)}")
    if name == "float16" and device.type == "cpu":
        raise DeviceError("precision float16 needs a GPU; use float32 or bfloat16 on the CPU")
    if name == "bfloat16" and not _has_bfloat16(device):
        raise DeviceError(f"precision bfloat16: this {device.type.upper()} lacks it; use float32")
    return PRECISIONS[name]


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
