"""A file of any content is read or refused; nothing else happens."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import Category, SupportShot
from cape_ros.studio.formats.archive import FORMATS, pack, read, read_file
from cape_ros.studio.formats.reading import ImportResult

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
CUP = Category("cup", ["rim", "ear"], [(0, 1)], [SupportShot(IMAGE, [(4, 5), (20, 10)])] * 2)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def attempt(data: bytes) -> ImportResult | None:
    try:
        return read(data)
    except InvalidInput:
        return None


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of every value in a JSON document."""
    inside = content.items() if isinstance(content, dict) else enumerate(content)
    found = []
    for key, value in inside:
        found.append((*path, key))
        if isinstance(value, (dict, list)):
            found += places(value, (*path, key))
    return found


@pytest.mark.parametrize("format", ["labelme", "coco"])
@settings(max_examples=150)
@given(data=st.data())
def test_a_value_that_is_something_else(format: str, data: st.DataObject) -> None:
    files = FORMATS[format].write(CUP)
    content = json.loads(next(text for name, text in files.items() if name.endswith(".json")))
    *way, last = data.draw(st.sampled_from(places(content)))
    target = content
    for key in way:
        target = target[key]
    target[last] = data.draw(JSON)
    reading = attempt(json.dumps(content).encode())
    if reading is not None:
        numbers = [value for m in reading.marked for point in m.points.values() for value in point]
        assert np.isfinite(numbers).all()


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=60)
@given(data=st.data())
def test_octets_that_are_wrong(format: str, data: st.DataObject) -> None:
    packed = bytearray(pack(FORMATS[format].write(CUP)))
    for _ in range(data.draw(st.integers(1, 5))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    attempt(bytes(packed[: data.draw(st.integers(0, len(packed)))]))
    attempt(bytes(packed))


@pytest.mark.parametrize("format", ["labelme", "coco", "cvat", "folder"])
@settings(max_examples=60)
@given(data=st.data())
def test_letters_that_are_wrong(format: str, data: st.DataObject) -> None:
    files = FORMATS[format].write(CUP)
    name = next(name for name in files if not name.endswith(".png"))
    text = bytearray(files[name])
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    attempt(pack({**files, name: bytes(text)}))


def test_numbers_without_end_cost_nothing() -> None:
    for digits in (5_000, 100_000):
        text = '{"shapes": [{"label": "a", "points": [[%s, 1]], "shape_type": "point"}]}'
        with pytest.raises(InvalidInput):
            read_file((text % ("9" * digits)).encode())
