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

from cape_ros.core.errors import CapeError
from cape_ros.msg import Keypoint
from cape_ros.ros.parameter_pages import PAGES
from cape_ros.ros.parameter_table import PARAMETERS, START
from cape_ros.ros.parameters import check

Start = Callable[..., Bench]
DEFAULTS = {parameter.name: parameter.default for parameter in PARAMETERS}
ROOT = Path(__file__).resolve().parents[2]
TYPES = {
    bool: (1, "bool_value"),
    int: (2, "integer_value"),
    float: (3, "double_value"),
    str: (4, "string_value"),
}
LISTS = {int: (7, "integer_array_value"), str: (9, "string_array_value")}


def change(bench: Bench, **values: Any) -> SetParametersResult:
    """The answer that `ros2 param set` would get."""
    request = SetParametersAtomically.Request()
    for name, value in values.items():
        is_list = isinstance(value, list)
        number, field = LISTS[type(value[0])] if is_list else TYPES[type(value)]
        given = ParameterValue(**{"type": number, field: value})
        request.parameters = [*request.parameters, ParameterMessage(name=name, value=given)]
    service = "/cape/set_parameters_atomically"
    client = bench.robot.create_client(SetParametersAtomically, service)
    return bench.robot.call(client, request).result


def describe(bench: Bench, *names: str) -> list[ParameterDescriptor]:
    client = bench.robot.create_client(DescribeParameters, "/cape/describe_parameters")
    request = DescribeParameters.Request(names=list(names))
    return list(bench.robot.call(client, request).descriptors)


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_say_what_the_table_says(name: str) -> None:
    written = (ROOT / name).read_text("utf-8")
    assert written == PAGES[name](), "run python -m cape_ros.ros.parameter_pages"


def test_the_file_has_all_defaults() -> None:
    content = yaml.safe_load((ROOT / "config/cape.yaml").read_text("utf-8"))
    assert content == {"/**": {"ros__parameters": DEFAULTS}}
    written = content["/**"]["ros__parameters"]
    assert [type(value) for value in written.values()] == [type(v) for v in DEFAULTS.values()]


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
        ("weights", "nonsense", "cape lab weights list"),
        ("library", "''", "empty"),
        ("library", "~nobody-of-that-name/library", "home directory"),
        ("library", "/dev/null/library", "cannot be opened"),
        ("boxes", "region", "is needed where boxes is region"),
        ("region", [1, 2, 3], "is not"),
        ("warm_up_size", [0, 0], "is not"),
        ("cameras", "left", "STRING"),
        ("autostart", "maybe", "BOOL"),
    ],
)
def test_a_wrong_value_at_the_start_is_refused(
    start: Start, name: str, value: Any, reason: str
) -> None:
    shown = {float: repr}.get(type(value), str)(value).replace("nan", ".nan")
    with pytest.raises(CapeError, match=reason) as refused:
        start(**{name: shown})
    assert (name if name != "boxes" else "region") in str(refused.value)


def test_off_is_what_yaml_reads_as_false(start: Start) -> None:
    bench = start(overlay="off")
    assert change(bench, overlay="support").successful
    assert change(bench, overlay=False).successful
    assert "not one of" in change(bench, overlay=True).reason
    assert "not one of" in change(bench, overlay=1).reason


def test_a_value_of_another_type_is_refused_with_an_example(start: Start) -> None:
    with pytest.raises(CapeError, match=r"give a double, such as trusted_point:=0\.\d"):
        start(trusted_point=1)
    with pytest.raises(CapeError, match=r"give a string, such as library:=\"~/"):
        start(library="off")
    with pytest.raises(CapeError, match=r"give a string\[\], such as cameras:="):
        start(cameras=[])  # a list without entries has no type


def test_a_name_that_is_not_a_parameter_is_warned_of(
    start: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    start(found_objekt=0.9)
    said = capfd.readouterr().err
    assert "parameter found_objekt is not one of this node; is it found_object" in said


def test_what_is_refused_before_the_first_parameter_is_told_too(start: Start) -> None:
    with pytest.raises(ParameterException, match="use_sim_time"):
        start(use_sim_time="perhaps")


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

    assert not cup().predicted
    assert change(bench, trusted_point=1.0).successful
    lost = cup()
    assert lost.predicted
    assert {keypoint.visibility for keypoint in lost.keypoints} == {Keypoint.UNKNOWN}
    assert change(bench, trusted_point=0.0).successful
    assert not cup().predicted
    assert change(bench, found_object=1.0, kept_object=1.0).successful
    assert cup().predicted


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"trusted_point": 1.5}, "trusted_point"),
        ({"trusted_point": float("nan")}, "trusted_point"),
        ({"trusted_point": 1}, "rong parameter type"),
        ({"kept_object": 0.5}, "kept_object: 0.5 is more than found_object"),
        ({"found_object": 0.1}, "kept_object: 0.25 is more than found_object, 0.1"),
        ({"trusted_point": 0.1, "found_object": 7.0}, "found_object"),
        ({"device": "cuda"}, "device: changes only while the node is unconfigured"),
        ({"library": "/tmp"}, "library: changes only"),
        ({"boxes": "detections", "trusted_point": 0.1}, "boxes: changes only"),
        ({"autostart": False}, "read-only"),
        ({"image_depth": 5}, "read-only"),
        ({"overlay": "everything"}, "overlay: 'everything' is not one of"),
        ({"jpeg_quality": 101}, "jpeg_quality"),
        ({"region": [1, 2]}, "region: [1, 2] is not [x, y, width, height]"),
        ({"class_categories": ["cup"]}, "class_categories: 'cup' is not class:category"),
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
    assert (
        bench.node.server.trust.presence_threshold,
        bench.node.server.trust.tracking_threshold,
    ) == (0.9, 0.8)


def test_every_parameter_explains_itself(start: Start) -> None:
    described = describe(start(), *DEFAULTS)
    for parameter, descriptor in zip(PARAMETERS, described, strict=True):
        assert descriptor.name == parameter.name
        assert descriptor.description == parameter.description
        assert descriptor.read_only == (parameter.when == START)
