"""What a network computes is a number, or nobody gets it."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from cape_ros.core.errors import DeviceError


def check_finite(values: np.ndarray | Tensor) -> None:
    """Raises `DeviceError` for NaN and infinity."""
    finite = values.isfinite() if isinstance(values, Tensor) else np.isfinite(values)
    if not bool(finite.all()):
        raise DeviceError(
            "the network computes NaN or infinity: its weights need another precision than this "
            "one, or the device is faulty; try precision float32 or device cpu"
        )
