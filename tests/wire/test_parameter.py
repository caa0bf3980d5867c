from __future__ import annotations

import array
import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.parameter import Parameter

INT64 = st.integers(-(2**63), 2**63 - 1)
DOUBLE = st.floats(allow_nan=False)
TEXT = st.text(max_size=9)
OCTET = st.binary(min_size=1, max_size=1)
Type = Parameter.Type


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Type.NOT_SET, st.none()),
        (Type.BOOL, st.booleans()),
        (Type.INTEGER, INT64),
        (Type.DOUBLE, DOUBLE),
        (Type.STRING, TEXT),
        (Type.BYTE_ARRAY, st.lists(OCTET)),
        (Type.BOOL_ARRAY, st.lists(st.booleans(), min_size=1)),
        (Type.INTEGER_ARRAY, st.lists(INT64, min_size=1)),
        (Type.DOUBLE_ARRAY, st.lists(DOUBLE, min_size=1)),
        (Type.STRING_ARRAY, st.lists(TEXT, min_size=1)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
@settings(max_examples=30, derandomize=True)
@given(st.data())
def test_a_value_keeps_its_type_on_its_way_through_a_message(kind, values, data):
    parameter = Parameter("name", value=data.draw(values))
    assert parameter.type_ == kind
    assert Parameter.from_parameter_msg(parameter.to_parameter_msg()) == parameter


@pytest.mark.parametrize(
    "value",
    [[1, 2.0], [True, 1], ["a", 1], [[1]], {"a": 1}, {1}, b"ab", datetime.date(2020, 1, 1), 1j],
    ids=str,
)
def test_values_that_no_parameter_has_are_refused(value):
    with pytest.raises(TypeError, match="not of a type that parameters have"):
        Parameter("name", value=value)


def test_sequences_are_taken_as_they_come():
    assert Parameter("name", value=(1, 2)).type_ == Type.INTEGER_ARRAY
    assert Parameter("name", value=array.array("d", [1])).type_ == Type.DOUBLE_ARRAY


def test_a_type_can_be_demanded():
    assert Parameter("name", Type.DOUBLE_ARRAY, []).type_ == Type.DOUBLE_ARRAY
    with pytest.raises(ValueError, match="1 is not of type DOUBLE"):
        Parameter("name", Type.DOUBLE, 1)
    with pytest.raises(ValueError, match="'' is not of type STRING_ARRAY"):
        Parameter("name", Type.STRING_ARRAY, "")
