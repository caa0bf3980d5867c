from __future__ import annotations

import pytest
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    ParameterEvent,
    SetParametersResult,
)
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from .conftest import wait_for


@pytest.fixture
def node(ros):
    node = Node("cape", parameter_overrides=[Parameter("given", value=5)])
    yield node
    node.destroy_node()


def test_a_value_given_at_the_start_counts_more_than_the_default(node):
    assert node.declare_parameter("given", 1).value == 5
    assert node.declare_parameter("other", 1).value == 1
    assert node.get_parameter("given").value == 5
    assert [parameter.value for parameter in node.get_parameters(["given", "other"])] == [5, 1]


def test_a_default_can_be_declared_to_count_more(node):
    assert node.declare_parameter("given", 1, ignore_override=True).value == 1


def test_a_value_of_another_type_is_refused_at_the_start(node):
    with pytest.raises(InvalidParameterTypeException, match="expected DOUBLE got INTEGER: given"):
        node.declare_parameter("given", 1.0)
    assert not node.has_parameter("given")
    dynamic = ParameterDescriptor(dynamic_typing=True)
    assert node.declare_parameter("given", 1.0, dynamic).value == 5


def test_a_value_out_of_range_is_refused_at_the_start(node):
    allowed = ParameterDescriptor(integer_range=[IntegerRange(from_value=0, to_value=4, step=1)])
    with pytest.raises(InvalidParameterValueException, match="5, out of range: 0 to 4"):
        node.declare_parameter("given", 1, allowed)


def test_names_are_declared_once_and_before_use(node):
    node.declare_parameter("known", 1)
    with pytest.raises(ParameterAlreadyDeclaredException):
        node.declare_parameter("known", 1)
    for use in (node.get_parameter, node.describe_parameter, node.undeclare_parameter):
        with pytest.raises(ParameterNotDeclaredException, match="unknown"):
            use("unknown")
    with pytest.raises(ParameterNotDeclaredException, match="unknown"):
        node.set_parameters([Parameter("unknown", value=1)])
    assert node.get_parameter_or("unknown", 7).value == 7
    assert node.get_parameter_or("known", 7).value == 1


def test_a_parameter_may_have_a_type_and_no_value_yet(node):
    node.declare_parameter("later", Parameter.Type.DOUBLE)
    with pytest.raises(ParameterUninitializedException):
        node.get_parameter("later")
    (refused,) = node.set_parameters([Parameter("later", value="text")])
    assert not refused.successful
    node.set_parameters([Parameter("later", value=0.5)])
    assert node.get_parameter("later").value == 0.5


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (0.3, ""),
        (0.0, ""),
        (1.0, ""),
        (0.35, "multiple"),
        (1.1, "out of range"),
        (float("nan"), "out of range"),
        (1, "expected DOUBLE"),
        (None, "expected DOUBLE"),
    ],
)
def test_changes_are_held_to_type_and_range(node, value, reason):
    tenths = FloatingPointRange(from_value=0.0, to_value=1.0, step=0.1)
    node.declare_parameter("ratio", 0.5, ParameterDescriptor(floating_point_range=[tenths]))
    (result,) = node.set_parameters([Parameter("ratio", value=value)])
    assert result.successful == (not reason)
    assert reason in result.reason
    assert node.get_parameter("ratio").value == (0.5 if reason else value)


def test_an_empty_list_is_of_any_array_type(node):
    node.declare_parameter("numbers", [1, 2])
    (result,) = node.set_parameters([Parameter("numbers", value=[])])
    assert result.successful
    assert node.get_parameter("numbers").type_ == Parameter.Type.INTEGER_ARRAY


def test_read_only_parameters_stay(node):
    node.declare_parameter("fixed", 1, ParameterDescriptor(read_only=True))
    (result,) = node.set_parameters([Parameter("fixed", value=2)])
    assert (result.successful, node.get_parameter("fixed").value) == (False, 1)
    assert "read-only" in result.reason
    with pytest.raises(ParameterImmutableException):
        node.undeclare_parameter("fixed")


def test_the_node_may_refuse_a_change(node):
    node.declare_parameters("box", [("width", 1), ("height", 2)])
    asked = []

    def check(changed):
        asked.append([(parameter.name, parameter.value) for parameter in changed])
        return SetParametersResult(
            successful=all(parameter.value > 0 for parameter in changed), reason="too small"
        )

    node.add_on_set_parameters_callback(check)
    both = [Parameter("box.width", value=3), Parameter("box.height", value=-1)]
    result = node.set_parameters_atomically(both)
    assert (result.successful, result.reason) == (False, "too small")
    assert asked == [[("box.width", 3), ("box.height", -1)]]
    values = {name: p.value for name, p in node.get_parameters_by_prefix("box").items()}
    assert values == {"width": 1, "height": 2}
    assert [result.successful for result in node.set_parameters(both)] == [True, False]
    assert node.get_parameter("box.width").value == 3
    node.remove_on_set_parameters_callback(check)
    assert node.set_parameters_atomically(both).successful


def test_changes_are_told_to_whoever_listens(spin):
    node, heard = Node("cape"), []
    observer = Node("observer")
    observer.create_subscription(ParameterEvent, "/parameter_events", heard.append, 100)
    node.declare_parameter("ratio", 0.5)
    spin(observer)

    def change() -> None:
        node.set_parameters([Parameter("ratio", value=0.25)])

    wait_for(lambda: any(event.changed_parameters for event in heard), meanwhile=change)
    event = next(event for event in heard if event.changed_parameters)
    assert event.node == "/cape"
    assert Parameter.from_parameter_msg(event.changed_parameters[0]).value == 0.25


def test_undeclared_values_can_be_taken_over(ros):
    node = Node(
        "cape",
        parameter_overrides=[Parameter("extra", value="text")],
        automatically_declare_parameters_from_overrides=True,
    )
    assert node.get_parameter("extra").value == "text"


@pytest.mark.parametrize(
    ("value", "kind", "other"),
    [
        (["cup", "mug"], Parameter.Type.STRING_ARRAY, [1, 2]),
        ([0.5, 1.0], Parameter.Type.DOUBLE_ARRAY, [1, 2]),
        ([1, 2], Parameter.Type.INTEGER_ARRAY, [1.0]),
        ([True, False], Parameter.Type.BOOL_ARRAY, [1]),
        ([b"\x01", b"\xff"], Parameter.Type.BYTE_ARRAY, ["\x01"]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_lists_have_types_too(node, value, kind, other):
    assert node.declare_parameter("list", value).type_ == kind
    assert node.describe_parameter("list").type == kind.value
    (refused,) = node.set_parameters([Parameter("list", value=other)])
    assert not refused.successful
    assert "Wrong parameter type" in refused.reason
    (accepted,) = node.set_parameters([Parameter("list", kind, value[:1])])
    assert accepted.successful
    assert node.get_parameter("list").value == value[:1]


def test_a_list_is_of_one_type(node):
    with pytest.raises(TypeError):
        node.declare_parameter("mixed", [1, "two"])


def test_an_empty_default_is_a_byte_array_as_in_rclpy(node):
    assert node.declare_parameter("list", []).type_ == Parameter.Type.BYTE_ARRAY


def test_a_parameter_has_a_type_or_is_said_to_change_it(node):
    with pytest.raises(ValueError, match="without a type"):
        node.declare_parameter("nothing", None, ParameterDescriptor())
    node.declare_parameter("anything")
    for value in (1, "text", 0.5):
        (result,) = node.set_parameters([Parameter("anything", value=value)])
        assert result.successful
        assert node.get_parameter("anything").value == value


def test_several_are_declared_as_one_is(node):
    node.declare_parameters("", [("given", 1), ("typed", Parameter.Type.INTEGER)], True)
    assert node.get_parameter("given").value == 1
    with pytest.raises(ParameterUninitializedException):
        node.get_parameter("typed")


def test_the_node_is_told_after_a_change_and_not_after_a_refusal(node):
    node.declare_parameter("ratio", 0.5)
    node.declare_parameter("other", 1)
    told = []
    node.add_post_set_parameters_callback(
        lambda changed: told.append({p.name: node.get_parameter(p.name).value for p in changed})
    )
    node.add_on_set_parameters_callback(
        lambda changed: SetParametersResult(successful=all(p.value != 9 for p in changed))
    )
    node.set_parameters_atomically([Parameter("ratio", value=0.25), Parameter("other", value=2)])
    node.set_parameters([Parameter("other", value=9)])
    node.declare_parameter("late", 3)
    assert told == [{"ratio": 0.25, "other": 2}, {"late": 3}]


def test_a_change_can_be_changed_before_it_is_checked(node):
    node.declare_parameter("width", 1)
    node.declare_parameter("height", 1)

    def square(changed):
        return [Parameter(name, value=changed[0].value) for name in ("width", "height")]

    node.add_pre_set_parameters_callback(square)
    node.set_parameters([Parameter("width", value=5)])
    assert [p.value for p in node.get_parameters(["width", "height"])] == [5, 5]
    node.remove_pre_set_parameters_callback(square)
    node.add_pre_set_parameters_callback(lambda changed: [])
    (result,) = node.set_parameters([Parameter("width", value=6)])
    assert not result.successful
