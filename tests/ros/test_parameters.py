from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dds  # noqa: F401  # before the message packages
import pytest
import yaml
from dds import EVERYTHING_IS_FOUND, Bench
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterDescriptor, ParameterValue, SetParametersResult
from rcl_interfaces.srv import DescribeParameters, SetParametersAtomically
from rclpy.exceptions import ParameterException

from cape_ros.errors import CapeError
from cape_ros.msg import Keypoint
from cape_ros.ros import MIDDLEWARE
from cape_ros.ros.parameters import PARAMETERS, check

Start = Callable[..., Bench]
DEFAULTS = {parameter.name: parameter.default for parameter in PARAMETERS}
FILE = Path(__file__).resolve().parents[2] / "config" / "cape.yaml"
TYPES = {int: (2, "integer_value"), float: (3, "double_value"), str: (4, "string_value")}


def change(bench: Bench, **values: Any) -> SetParametersResult:
    """What `ros2 param set` would be told."""
    request = SetParametersAtomically.Request()
    for name, value in values.items():
        number, field = TYPES[type(value)]
        given = ParameterValue(**{"type": number, field: value})
        request.parameters = [*request.parameters, ParameterMessage(name=name, value=given)]
    service = "/cape/set_parameters_atomically"
    client = bench.robot.create_client(SetParametersAtomically, service)
    return bench.robot.call(client, request).result


def describe(bench: Bench, *names: str) -> list[ParameterDescriptor]:
    client = bench.robot.create_client(DescribeParameters, "/cape/describe_parameters")
    request = DescribeParameters.Request(names=list(names))
    return list(bench.robot.call(client, request).descriptors)


def test_the_file_says_what_the_table_says() -> None:
    content = yaml.safe_load(FILE.read_text("utf-8"))
    assert content == {"/**": {"ros__parameters": DEFAULTS}}
    written = content["/**"]["ros__parameters"]
    assert list(written) == list(DEFAULTS)
    assert [type(value) for value in written.values()] == [type(v) for v in DEFAULTS.values()]


def test_the_file_tells_which_parameters_may_change() -> None:
    comments = dict.fromkeys(DEFAULTS, "")
    comment = ""
    for line in FILE.read_text("utf-8").splitlines():
        word = line.strip()
        if word.startswith("#"):
            comment = word
        elif (name := word.partition(":")[0]) in comments:
            comments[name] = comment
    live = {name for name, comment in comments.items() if comment.endswith("(live).")}
    assert live == {parameter.name for parameter in PARAMETERS if parameter.live}


def test_the_defaults_are_accepted() -> None:
    check(DEFAULTS)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("trusted_point", 1.5, "1.5"),
        ("kept_object", -0.1, "-0.1"),
        ("found_object", float("nan"), "nan"),
        ("kept_object", 0.9, "more than found_object"),
        ("image_depth", 0, "0"),
        ("image_depth", "many", "INTEGER"),
        ("precision", "float8", "float32, float16, bfloat16"),
        ("image_reliability", "perhaps", "best_effort, reliable"),
        ("device", "toaster", "toaster"),
        ("weights", "nonsense", "cape weights list"),
        ("library", "''", "empty"),
        ("library", "~nobody-of-that-name/library", "home directory"),
        ("library", "/dev/null/library", "cannot be opened"),
    ],
)
def test_a_wrong_value_at_the_start_is_refused(
    start: Start, name: str, value: Any, reason: str
) -> None:
    shown = {float: repr}.get(type(value), str)(value).replace("nan", ".nan")
    with pytest.raises(CapeError, match=reason) as refused:
        start(**{name: shown})
    assert name in str(refused.value)


@pytest.mark.skipif("wire" not in MIDDLEWARE, reason="ROS 2 has simulated time")
def test_what_is_refused_before_the_first_parameter_is_told_too(start: Start) -> None:
    with pytest.raises(ParameterException, match="simulated time"):
        start(use_sim_time=True)


def test_a_start_that_failed_leaves_nothing_behind(start: Start) -> None:
    handlers = list(logging.getLogger("cape_ros").handlers)
    for parameters in ({"library": "/dev/null/library"}, {"found_object": 0.1}):
        with pytest.raises(CapeError):
            start(**parameters)
    bench = start()
    assert bench.robot.show()[1].objects == []
    bench.node.destroy_node()
    bench.node.destroy_node()
    assert logging.getLogger("cape_ros").handlers == handlers


def test_a_changed_threshold_counts_from_the_next_image_on(start: Start) -> None:
    bench = start(**EVERYTHING_IS_FOUND)
    bench.robot.register()

    def cup() -> Any:
        return bench.robot.show()[1].objects[0]

    assert cup().track_id >= 0
    assert change(bench, trusted_point=1.0).successful
    lost = cup()
    assert lost.track_id == -1
    assert {keypoint.visibility for keypoint in lost.keypoints} == {Keypoint.UNKNOWN}
    assert change(bench, trusted_point=0.0).successful
    assert cup().track_id >= 0
    assert change(bench, found_object=1.0, kept_object=1.0).successful
    assert cup().track_id == -1


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"trusted_point": 1.5}, "trusted_point"),
        ({"trusted_point": float("nan")}, "trusted_point"),
        ({"trusted_point": 1}, "trusted_point"),
        ({"kept_object": 0.5}, "kept_object: 0.5 is more than found_object"),
        ({"found_object": 0.1}, "kept_object: 0.25 is more than found_object, 0.1"),
        ({"trusted_point": 0.1, "found_object": 7.0}, "found_object"),
        ({"device": "cpu"}, "read-only"),
        ({"library": "/tmp"}, "read-only"),
        ({"image_depth": 5}, "read-only"),
    ],
)
def test_a_wrong_change_is_refused(start: Start, values: dict[str, Any], reason: str) -> None:
    bench = start()
    before = bench.node.server.trust
    refused = change(bench, **values)
    assert not refused.successful
    assert reason in refused.reason
    assert bench.node.server.trust == before
    assert change(bench, found_object=0.9, kept_object=0.8).successful
    assert (bench.node.server.trust.found, bench.node.server.trust.kept) == (0.9, 0.8)


def test_every_parameter_explains_itself(start: Start) -> None:
    described = describe(start(), *DEFAULTS)
    for parameter, descriptor in zip(PARAMETERS, described, strict=True):
        assert descriptor.name == parameter.name
        assert descriptor.description == parameter.description
        assert descriptor.read_only != parameter.live
