"""What a message's number fields hold, so that rclpy code finds the types that it expects."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import numpy as np

TYPECODES = {
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
DTYPES = {name: np.dtype(name) for name in TYPECODES} | {
    "bool": np.dtype(np.bool_),
    "byte": np.dtype(np.int8),
    "char": np.dtype(np.uint8),
}


class Byte(bytes):
    """A `byte` field: `bytes` of length 1, as in rclpy, that packs as a number."""

    def __index__(self) -> int:
        return int.from_bytes(self, "little", signed=True)


def to_byte(value: Any) -> Byte:
    if isinstance(value, int):
        return Byte(value.to_bytes(1, "little", signed=value < 0))
    if len(value) != 1:
        raise ValueError(f"a byte is one byte, not {len(value)}")
    return Byte(value)


class Numbers(array.array):
    """A sequence of numbers: an `array.array`, as in rclpy, that CDR reads without a copy."""

    def view(self, dtype: Any) -> np.ndarray:
        return np.frombuffer(self, dtype)


def sequence_of(number: str, limit: int = 0) -> Callable[[Any], Any]:
    """A function that takes anything with numbers in it for a sequence of type `number`.

    Octets stay where they are (an image is seen through a numpy view, never copied); other
    numbers become `Numbers`, flags a numpy array. `limit`: of a bounded sequence, 0 is none.
    """
    dtype, typecode = DTYPES[number], TYPECODES.get(number)

    def convert(value: Any) -> Any:
        if isinstance(value, Numbers) and value.typecode == typecode:
            result: Any = value
        elif typecode is None or (dtype.itemsize == 1 and len(value)):
            result = _as_array(value, dtype)
        else:
            result = Numbers(typecode, _as_array(value, dtype).tobytes())
        if limit and len(result) > limit:
            raise ValueError(f"at most {limit} elements, not {len(result)}")
        return result

    return convert


def array_of(number: str, length: int) -> Callable[[Any], np.ndarray]:
    """A function that takes anything with `length` numbers in it for a numpy array."""
    dtype = DTYPES[number]

    def convert(value: Any) -> np.ndarray:
        numbers = _as_array(value, dtype)
        if numbers.size != length:
            raise ValueError(f"exactly {length} elements, not {numbers.size}")
        return numbers

    return convert


def empty_sequence(number: str) -> Any:
    typecode = TYPECODES.get(number)
    return np.zeros(0, DTYPES[number]) if typecode is None else Numbers(typecode)


def _as_array(value: Any, dtype: np.dtype) -> np.ndarray:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return np.frombuffer(value, dtype)
    if isinstance(value, array.array) and value.itemsize == dtype.itemsize:
        return np.frombuffer(value, dtype) if len(value) else np.zeros(0, dtype)
    numbers = np.asarray(value)
    if dtype.kind in "iu" and numbers.size:
        if numbers.dtype.kind not in "iub":
            raise TypeError(f"whole numbers, not {numbers.dtype}")
        limits = np.iinfo(dtype)
        if numbers.dtype != dtype and not (
            limits.min <= int(numbers.min()) and int(numbers.max()) <= limits.max
        ):
            raise ValueError(f"numbers from {limits.min} to {limits.max}")
    return np.ascontiguousarray(numbers, dtype).reshape(-1)
