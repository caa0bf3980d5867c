"""Depth images of every kind."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from cape_ros.core.errors import InvalidInput
from cape_ros.messages.depth import PARAMETERS, to_depth

METRES = np.array([[0.5, 1.25, 0.0], [2.0, 0.75, 3.0]])


def raw(values: np.ndarray, encoding: str, padding: int = 0, big: bool = False) -> Any:
    octets = values.astype(values.dtype.newbyteorder(">" if big else "<")).view(np.uint8)
    rows = np.pad(octets.reshape(len(values), -1), ((0, 0), (0, padding)))
    return SimpleNamespace(
        encoding=encoding,
        height=values.shape[0],
        width=values.shape[1],
        step=rows.shape[1],
        is_bigendian=big,
        data=rows.tobytes(),
    )


def packed(values: np.ndarray, form: str, scale: float = 0.0, offset: float = 0.0) -> Any:
    png = cv2.imencode(".png", values)[1].tobytes()
    return SimpleNamespace(format=form, data=PARAMETERS.pack(0, scale, offset) + png)


def metres(message: Any) -> np.ndarray:
    depth = to_depth(message)
    rows, columns = np.indices(depth.values.shape)
    return np.nan_to_num(depth.at(columns, rows))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("padding", [0, 3])
def test_raw_depth(padding: int, big: bool) -> None:
    millimetres = (1000 * METRES).astype(np.uint16)
    np.testing.assert_allclose(metres(raw(millimetres, "16UC1", padding, big)), METRES)
    floats = np.where(METRES > 0, METRES, np.nan).astype(np.float32)
    np.testing.assert_allclose(metres(raw(floats, "32FC1", padding, big)), METRES)


def test_compressed_depth() -> None:
    millimetres = (1000 * METRES).astype(np.uint16)
    np.testing.assert_allclose(metres(packed(millimetres, "16UC1; compressedDepth png")), METRES)
    scale, offset = 10_000.0, -3.0  # as image_transport has it: depth = scale / (value - offset)
    with np.errstate(divide="ignore"):
        values = np.where(METRES > 0, np.rint(scale / METRES + offset), 0).astype(np.uint16)
    found = metres(packed(values, "32FC1; compressedDepth", scale, offset))
    np.testing.assert_allclose(found, METRES, rtol=1e-3)


RAW = raw(METRES.astype(np.uint16), "16UC1")


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (raw(np.zeros((2, 3), np.uint8), "8UC1"), "depth.encoding"),
        (SimpleNamespace(**(vars(RAW) | {"width": 0})), "depth.width"),
        (SimpleNamespace(**(vars(RAW) | {"step": 2})), "depth.step"),
        (
            SimpleNamespace(**(vars(RAW) | {"data": b"1"})),
            "depth.data",
        ),
        (packed(np.zeros((2, 3), np.uint16), "16UC1; compressedDepth rvl"), "depth.format"),
        (packed(np.zeros((2, 3), np.uint8), "16UC1; compressedDepth"), "depth.data"),
        (packed(np.zeros((2, 3, 3), np.uint16), "16UC1; compressedDepth"), "depth.data"),
        (SimpleNamespace(format="16UC1; compressedDepth", data=b""), "depth.data"),
        (SimpleNamespace(format="16UC1; compressedDepth", data=b"0" * 60), "depth.data"),
    ],
)
def test_depth_that_cannot_be_used(message: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        to_depth(message)
    assert [fault.field for fault in error.value.faults] == [field]
