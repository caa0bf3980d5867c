from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter

from cape_ros.errors import InvalidInput
from cape_ros.srv import RegisterCategory
from cape_ros.wire.arguments import Arguments, Remap, parse

from .conftest import wait_for


def given_to(node: str, *arguments: str) -> dict[str, object]:
    return parse(["--ros-args", *arguments]).parameters(node)


def test_only_what_follows_ros_args_is_read():
    assert parse(["cape", "-p", "x:=1"]) == Arguments(rest=("cape", "-p", "x:=1"))
    parsed = parse(["cape", "--ros-args", "-p", "x:=1", "--", "-p", "mine"])
    assert parsed.rest == ("cape", "-p", "mine")
    assert parsed.parameters("/cape") == {"x": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.0", 1.0),
        ("1e-3", 0.001),
        ("true", True),
        ("'1'", "1"),
        ("cuda:1", "cuda:1"),
        ("/data/a b.pth", "/data/a b.pth"),
        ("2024-05-01", "2024-05-01"),
        ("[1, 2]", [1, 2]),
        ("[a, b]", ["a", "b"]),
        ("a:=b", "a:=b"),
    ],
)
def test_values_have_the_type_that_they_look_like(text, value):
    found = given_to("/cape", "-p", f"x:={text}")["x"]
    assert found == value
    assert type(found) is type(value)


def test_a_parameter_may_be_for_one_node():
    arguments = ("-p", "cape:x:=1", "-p", "x:=2", "-p", "group.y:=3")
    assert given_to("/cape", *arguments)["x"] == 2  # the last one counts
    assert given_to("/ns/other", *arguments) == {"x": 2, "group.y": 3}


def test_a_file_names_nodes_and_patterns(tmp_path):
    file = tmp_path / "parameters.yaml"
    file.write_text(
        "/robot/cape:\n  ros__parameters: {device: cpu, group: {inner: 0.5}}\n"
        "/**:\n  ros__parameters: {device: cuda, depth: 2}\n"
        "other: {ros__parameters: {device: none}}\n"
        "/*/third:\n  ros__parameters:\n    device: third\n"
        "nested:\n  deep:\n    ros__parameters: {device: deep}\n"
    )
    arguments = ("--params-file", str(file))
    # A node's own name counts more than a pattern, wherever it stands.
    assert given_to("/robot/cape", *arguments) == {"device": "cpu", "group.inner": 0.5, "depth": 2}
    assert given_to("/other", *arguments)["device"] == "none"
    assert given_to("/a/third", *arguments)["device"] == "third"
    assert given_to("/a/b/third", *arguments)["device"] == "cuda"
    assert given_to("/nested/deep", *arguments)["device"] == "deep"
    assert given_to("/cape", *arguments, "-p", "depth:=9")["depth"] == 9


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("cape: [1", "--params-file"),
        ("- 1", "is not like node: ros__parameters"),
        ("cape: 5", "is not like node: ros__parameters"),
        ("5: {ros__parameters: {x: 1}}", "is not like node: ros__parameters"),
        ("cape: {ros__parameters: [1]}", "is not like node: ros__parameters"),
        ("cape: {ros__parameters: {x: [1, a]}}", "x: .* not of a type that parameters have"),
        ("cape: {ros__parameters: {x: }}", "x: no value"),
        ("cape: {ros__parameters: {x: !!int a}}", "--params-file"),
    ],
)
def test_a_faulty_file_is_named(tmp_path, content, said):
    file = tmp_path / "parameters.yaml"
    file.write_text(content)
    with pytest.raises(InvalidInput, match=said) as caught:
        parse(["--ros-args", "--params-file", str(file)])
    assert str(file) in str(caught.value)


def test_an_empty_file_gives_nothing(tmp_path):
    file = tmp_path / "parameters.yaml"
    file.touch()
    assert given_to("/cape", "--params-file", str(file)) == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--unknown"], "ROS 2 knows no argument '--unknown'"),
        (["-r"], "-r: a value must follow"),
        (["-r", "image"], "'image' is not like from:=to"),
        (["-p", "x=1"], "'x=1' is not like name:=value"),
        (["-p", "x:=[1"], "--param: 'x:=\\[1'"),
        (["-p", "x:="], "x: no value"),
        (["-p", "x:={a: 1}"], "not of a type that parameters have"),
        (["-p", "x:=!!int a"], "--param"),
        (["--log-level", "loud"], "'loud' is not one of debug, info"),
        (["--params-file", "/nowhere/x.yaml"], "/nowhere/x.yaml"),
    ],
)
def test_a_fault_is_named(arguments, said):
    with pytest.raises(InvalidInput, match=said):
        parse(["--ros-args", *arguments])


def test_remapping_is_taken_apart():
    parsed = parse(["--ros-args", "-r", "~/image:=/camera", "--remap", "cape:a:=b"])
    assert parsed.remaps == (Remap(None, "~/image", "/camera"), Remap("cape", "a", "b"))


def test_levels_and_what_launch_passes_besides():
    levels = ["--log-level", "warn", "--log-level", "cape:=DEBUG"]
    ignored = ["--disable-rosout-logs", "--enclave", "/", "--log-config-file", "file"]
    parsed = parse(["--ros-args", *levels, *ignored])
    assert parsed.log_levels == (("", 30), ("cape", 10))


OPTIONS = ["-r", "-p", "--params-file", "--log-level", "--", "--ros-args", "-e", ":=", "x:="]
ARGUMENT = st.sampled_from(OPTIONS) | st.text(st.characters(exclude_characters="\0"), max_size=9)
RULE = st.builds("{}:={}".format, st.text("ab~/:_1", max_size=4), st.text(max_size=9))


@settings(max_examples=300, derandomize=True)
@given(st.lists(ARGUMENT | RULE))
def test_any_command_line_is_read_or_refused_and_its_values_can_be_used(arguments):
    try:
        parsed = parse(["--ros-args", *arguments])
    except InvalidInput:
        return
    for override in parsed.overrides:
        Parameter(override.name, value=override.value)
    parsed.parameters("/robot/cape")


YAML = st.recursive(
    st.sampled_from(
        ["ros__parameters", "a", "/**", "1", "1.5", "true", "~", "2020-99-99", "*", "&b"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: "[" + ", ".join(parts) + "]")
        | st.dictionaries(
            st.sampled_from(["a", "ros__parameters", "/*", "1"]), inner, max_size=3
        ).map(
            lambda parts: "{" + ", ".join(f"{key}: {value}" for key, value in parts.items()) + "}"
        )
    ),
    max_leaves=8,
)


@settings(max_examples=200, derandomize=True)
@given(YAML | st.text(max_size=30))
def test_any_file_is_read_or_refused_and_its_values_can_be_used(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(text)
    try:
        parsed = parse(["--ros-args", "--params-file", str(file)])
    except InvalidInput:
        return
    for override in parsed.overrides:
        Parameter(override.name, value=override.value)


def test_another_process_obeys_its_command_line(spin, start_peer, tmp_path):
    file = tmp_path / "parameters.yaml"
    file.write_text("/**: {ros__parameters: {fraction: 0.75, text: from file}}")
    start_peer(
        *("--ros-args", "-r", "__ns:=/told", "-r", "~/register:=/told/here"),
        *("--params-file", str(file), "-p", "text:=told"),
    )
    node = Node("tool")
    spin(node)
    client = node.create_client(GetParameters, "/told/peer/get_parameters")
    assert client.wait_for_service(30)
    answer = client.call(GetParameters.Request(names=["fraction", "text"]), timeout_sec=30)
    assert [answer.values[0].double_value, answer.values[1].string_value] == [0.75, "told"]
    wait_for(node.create_client(RegisterCategory, "/told/here").service_is_ready)
