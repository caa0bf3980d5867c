"""The parameters of a node in another process, as `ros2 param` reads and changes them."""

from __future__ import annotations

import pytest
from rcl_interfaces import srv
from rclpy.node import Node
from rclpy.parameter import Parameter


@pytest.fixture
def ask(spin, peer):
    """A function that calls a parameter service of the peer, by its type's name."""
    node = Node("tool")
    spin(node)

    def ask(type_name: str, **fields):
        cls = getattr(srv, type_name)
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in type_name)[1:]
        client = node.create_client(cls, f"/peer/{name}")
        assert client.wait_for_service(30)
        return client.call(cls.Request(**fields), timeout_sec=30)

    return ask


def change(ask, name: str, value: object) -> tuple[bool, str]:
    parameter = Parameter(name, value=value).to_parameter_msg()
    (result,) = ask("SetParameters", parameters=[parameter]).results
    return result.successful, result.reason


def values(ask, *names: str) -> list[object]:
    found = ask("GetParameters", names=list(names)).values
    return [Parameter.from_parameter_msg(p).value for p in map(_named, found)]


def _named(value):
    message = Parameter("any", value=0).to_parameter_msg()
    message.value = value
    return message


def test_list(ask):
    everything = ["fixed", "fraction", "group.even", "text", "use_sim_time"]
    assert ask("ListParameters").result.names == everything
    assert ask("ListParameters", depth=1).result.names == [n for n in everything if "." not in n]
    below = ask("ListParameters", prefixes=["group"]).result
    assert (below.names, below.prefixes) == (["group.even"], ["group"])
    assert ask("ListParameters", prefixes=["gro"]).result.names == []


def test_get(ask):
    assert values(ask, "fixed", "fraction", "group.even") == [1, 0.5, 4]
    assert values(ask, "unknown") == [None]
    types = ask("GetParameterTypes", names=["fixed", "fraction", "text", "unknown"]).types
    assert list(types) == [2, 3, 4, 0]


def test_describe(ask):
    fixed, fraction = ask("DescribeParameters", names=["fixed", "fraction"]).descriptors
    assert (fixed.name, fixed.type, fixed.read_only) == ("fixed", 2, True)
    (allowed,) = fraction.floating_point_range
    assert (allowed.from_value, allowed.to_value) == (0.0, 1.0)


def test_set(ask):
    assert change(ask, "text", "changed") == (True, "")
    assert values(ask, "text") == ["changed"]
    assert change(ask, "text", "original") == (True, "")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("fixed", 2, "read-only"),
        ("fraction", 2.0, "fraction is 2.0, out of range: 0.0 to 1.0"),
        ("fraction", 1, "expected DOUBLE"),
        ("group.even", 3, "multiple of 2"),
        ("text", "bad", "['text'] is bad"),
        ("unknown", 1, "undeclared parameter: unknown"),
        ("use_sim_time", 1, "expected BOOL"),
    ],
)
def test_a_refusal_says_why_and_changes_nothing(ask, name, value, reason):
    before = values(ask, name)
    successful, said = change(ask, name, value)
    assert not successful
    assert reason in said
    assert values(ask, name) == before


def test_all_or_none(ask):
    both = [Parameter("text", value="new"), Parameter("fraction", value=-1.0)]
    messages = [parameter.to_parameter_msg() for parameter in both]
    result = ask("SetParametersAtomically", parameters=messages).result
    assert not result.successful
    assert "out of range" in result.reason
    assert values(ask, "text", "fraction") == ["original", 0.5]


def test_a_type_that_does_not_exist_is_refused(ask):
    message = Parameter("text", value="new").to_parameter_msg()
    message.value.type = 77
    (result,) = ask("SetParameters", parameters=[message]).results
    assert not result.successful
    assert "77" in result.reason
