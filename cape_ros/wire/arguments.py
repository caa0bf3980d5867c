"""What follows `--ros-args` on a command line: remapping, parameters, log levels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cape_ros.errors import InvalidInput
from cape_ros.wire.parameter import Parameter

SEVERITIES = {"debug": 10, "info": 20, "warn": 30, "error": 40, "fatal": 50}
IGNORED_FLAGS = re.compile(r"--(en|dis)able-(rosout|stdout|external-lib)-logs")
TIMESTAMP = "tag:yaml.org,2002:timestamp"
WRONG_TAG = (ValueError, KeyError, AttributeError, TypeError)  # what PyYAML raises for `!!int a`
IGNORED_OPTIONS = ("-e", "--enclave", "--log-config-file", "--log-file-name")


@dataclass(frozen=True)
class Remap:
    """node: the only node to which it applies, None for all."""

    node: str | None
    source: str
    target: str


@dataclass(frozen=True)
class Override:
    """The value of a parameter for the nodes whose full name fits `pattern`."""

    pattern: str
    name: str
    value: Any

    def applies_to(self, full_name: str) -> bool:
        return _fits(self.pattern, full_name)


@dataclass(frozen=True)
class Arguments:
    """`rest`: what is not for ROS. Of remaps the first that fits counts, of overrides the last."""

    rest: tuple[str, ...] = ()
    remaps: tuple[Remap, ...] = ()
    overrides: tuple[Override, ...] = ()
    log_levels: tuple[tuple[str, int], ...] = ()  # logger, or "" for all of them

    def before(self, others: Arguments) -> Arguments:
        """These, where they speak; else `others`."""
        return Arguments(
            self.rest,
            self.remaps + others.remaps,
            others.overrides + self.overrides,
            others.log_levels + self.log_levels,
        )

    def remapped(self, node: str, source: str) -> str | None:
        """The target of a special name such as `__ns` for a node, None if there is none."""
        for remap in self.remaps:
            if remap.source == source and remap.node in (None, node):
                return remap.target
        return None

    def parameters(self, full_name: str) -> dict[str, Any]:
        """The values given to a node: its own name counts more than a pattern."""
        fitting = [override for override in self.overrides if override.applies_to(full_name)]
        fitting.sort(key=lambda override: "*" not in override.pattern)
        return {override.name: override.value for override in fitting}


def parse(argv: Sequence[str]) -> Arguments:
    """Raises `InvalidInput` for an argument that ROS 2 does not know or cannot read."""
    rest: list[str] = []
    remaps: list[Remap] = []
    overrides: list[Override] = []
    levels: list[tuple[str, int]] = []
    for_ros, left = False, iter(argv)
    for argument in left:
        if argument == "--ros-args":
            for_ros = True
        elif not for_ros:
            rest.append(argument)
        elif argument == "--":
            for_ros = False
        elif argument in ("-r", "--remap"):
            remaps.append(_remap(_value(argument, left)))
        elif argument in ("-p", "--param"):
            overrides.append(_override(_value(argument, left)))
        elif argument == "--params-file":
            overrides += _read_file(Path(_value(argument, left)))
        elif argument == "--log-level":
            levels.append(_level(_value(argument, left)))
        elif argument in IGNORED_OPTIONS:
            _value(argument, left)
        elif not IGNORED_FLAGS.fullmatch(argument):
            raise InvalidInput.of("--ros-args", f"ROS 2 knows no argument {argument!r}")
    return Arguments(tuple(rest), tuple(remaps), tuple(overrides), tuple(levels))


def _value(option: str, left: Iterator[str]) -> str:
    value = next(left, None)
    if value is None:
        raise InvalidInput.of(option, "a value must follow")
    return value


def _remap(rule: str) -> Remap:
    found = re.fullmatch(r"(?:(\w+):)?([^:=]+):=(\S+)", rule)
    if not found:
        raise InvalidInput.of("--remap", f"{rule!r} is not like from:=to")
    return Remap(*found.groups())


def _override(rule: str) -> Override:
    found = re.fullmatch(r"(?:([^:=]+):)?([^:=]+):=(.*)", rule, re.DOTALL)
    if not found:
        raise InvalidInput.of("--param", f"{rule!r} is not like name:=value")
    node, name, text = found.groups()
    try:
        override = Override(f"/**/{node}" if node else "/**", name, _load(text))
        _check(override)
    except ValueError as error:
        raise InvalidInput.of("--param", f"{rule!r}: {error}") from error
    return override


def _level(rule: str) -> tuple[str, int]:
    logger, _, level = rule.rpartition(":=")
    if level.lower() not in SEVERITIES:
        raise InvalidInput.of("--log-level", f"{level!r} is not one of {', '.join(SEVERITIES)}")
    return logger, SEVERITIES[level.lower()]


def _read_file(path: Path) -> list[Override]:
    try:
        content = _load(path.read_text("utf-8"))
        overrides = list(_nodes({} if content is None else content, ""))
        for override in overrides:
            _check(override)
    except (OSError, ValueError) as error:
        raise InvalidInput.of("--params-file", f"{path}: {error}") from error
    except (AttributeError, TypeError, RecursionError):
        raise InvalidInput.of(
            "--params-file", f"{path}: is not like node: ros__parameters: name: value"
        ) from None
    return overrides


def _load(text: str) -> Any:
    """Raises ValueError for what is not YAML."""
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, *WRONG_TAG, RecursionError) as error:
        raise ValueError(f"cannot be read: {error}") from error


def _check(override: Override) -> None:
    """Raises ValueError for a value that no parameter has."""
    if override.value is None:
        raise ValueError(f"{override.name}: no value")
    try:
        Parameter.Type.from_parameter_value(override.value)
    except TypeError as error:
        raise ValueError(f"{override.name}: {error}") from error


def _nodes(content: Mapping[str, Any], prefix: str) -> Iterator[Override]:
    for name, inner in content.items():
        if name == "ros__parameters":
            for parameter, value in _flat(inner or {}, ""):
                yield Override(prefix, parameter, value)
        else:
            yield from _nodes(inner, f"{prefix}/{name.strip('/')}")


def _flat(parameters: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in parameters.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _fits(pattern: str, full_name: str) -> bool:
    """`*` stands for one part of a name, `**` for any number of them."""
    parts = {"*": r"/\w+", "**": r"(/\w+)*"}
    wanted = "".join(
        parts.get(part, "/" + re.escape(part)) for part in pattern.strip("/").split("/")
    )
    return re.fullmatch(wanted, full_name) is not None


class _Loader(yaml.SafeLoader):
    """YAML as ROS 2 reads it: 1e-3 is a number, 2024-05-01 a text."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [resolver for resolver in resolvers if resolver[0] != TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+"),
    list("-+.0123456789"),
)
