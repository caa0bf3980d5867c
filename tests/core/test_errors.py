"""Faults: what a program decides on is their code, never their words."""

from __future__ import annotations

import pickle
from typing import Any, get_args

import numpy as np
import pytest

from cape_ros.core.errors import Fault, FaultCode, InvalidInput
from cape_ros.perception.category import Category, SupportShot

IMAGE = np.zeros((48, 64, 3), np.uint8)
SHOT = SupportShot(IMAGE, [(10, 10), (30, 20)])


def test_a_fault_keeps_its_code_wherever_it_goes() -> None:
    fault = Fault("box", "has no area", "out_of_range")
    assert fault.at("shots[1].box") == Fault("shots[1].box", "has no area", "out_of_range")
    assert str(fault) == "box: has no area"
    travelled = pickle.loads(pickle.dumps(InvalidInput([fault])))
    assert travelled.faults == (fault,)


def test_what_is_not_one_of_the_kinds_is_invalid() -> None:
    (fault,) = InvalidInput.of("mode", "7 is none of them").faults
    assert fault.code == "invalid"
    assert "invalid" in get_args(FaultCode)


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"keypoint_names": []}, {"missing", "wrong_type"}),
        ({"keypoint_names": ["a", "a"]}, {"duplicate"}),
        ({"edges": [(0, 7)]}, {"out_of_range"}),
        ({"edges": ["a"]}, {"wrong_type"}),
        ({"keypoint_names": [f"p{index}" for index in range(101)], "shots": ()}, {"too_large"}),
        ({"shots": (SupportShot(IMAGE, [(10, 10), (99, 20)]),)}, {"out_of_range"}),
        ({"shots": (SupportShot(IMAGE[:0], [(10, 10), (30, 20)]),)}, {"missing"}),
        ({"name": "a cup"}, {"invalid"}),
    ],
)
def test_codes_of_a_category(fields: dict[str, Any], codes: set[FaultCode]) -> None:
    good = {"name": "cup", "keypoint_names": ["a", "b"], "shots": (SHOT,)}
    with pytest.raises(InvalidInput) as refused:
        Category(**(good | fields))
    assert {fault.code for fault in refused.value.faults} == codes
