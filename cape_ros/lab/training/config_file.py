"""YAML files of a training run, read into dataclasses with every fault named by its place.

A file with `base: OTHER.yaml` is that file beside it with what it says itself laid over.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.core.files import read_text
from cape_ros.lab.training.config import TrainingConfig

T = TypeVar("T")
PLACES = (
    "data.root",
    "data.photographs",
    "data.rendered",
    "start.imagenet",
    "start.weights",
    "workers",
)
"""Fields that say where something lies on this machine, or what it bears, not what is computed."""


def read_config(path: Path, settings: Iterable[str] = ()) -> TrainingConfig:
    """The run that a file describes, with `settings` such as "optimiser.rate=1e-4" laid over.

    Raises `InvalidInput` that names each unknown, missing or impossible field.
    """
    return decode(TrainingConfig, read_mapping(path, settings))


def read_mapping(path: Path, settings: Iterable[str] = ()) -> dict[str, Any]:
    """What a file says, with `settings` laid over. Raises `InvalidInput`."""
    values = _read(path)
    for setting in settings:
        field, equals, text = setting.partition("=")
        if not equals:
            raise InvalidInput.of("--set", f"{setting!r} is not FIELD=VALUE")
        nested: Any = _parse(text, f"--set {field}")
        for key in reversed(field.split(".")):
            nested = {key: nested}
        values = _laid_over(values, nested)
    return values


def decode(kind: type[T], values: Any) -> T:
    """A dataclass from nested mappings. Raises `InvalidInput` that names every fault."""
    faults: list[Fault] = []
    decoded: T = _decode(kind, values, "", faults)
    if faults:
        raise InvalidInput(faults)
    return decoded


def to_mapping(config: Any) -> dict[str, Any]:
    """What `decode` reads, of plain values that YAML and JSON can hold; None is left out."""
    return {
        field.name: _plain(getattr(config, field.name))
        for field in dataclasses.fields(config)
        if getattr(config, field.name) is not None
    }


def without_places(config: TrainingConfig) -> dict[str, Any]:
    """`to_mapping` without what is true on this machine only."""
    values = to_mapping(config)
    for place in PLACES:
        section, _, name = place.rpartition(".")
        (values[section] if section else values).pop(name, None)
    return values


def differences(config: TrainingConfig, stored: Mapping[str, Any]) -> list[Fault]:
    """Where a run that goes on would differ from the mapping that it began with."""
    here, there = flat(without_places(config)), flat(stored)
    return [
        Fault(key, f"is {here.get(key, 'not set')}, but {there.get(key, 'not set')} in the run")
        for key in sorted(here.keys() | there.keys())
        if here.get(key) != there.get(key)
    ]


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        inner = isinstance(value, Mapping)
        found.update(flat(value, f"{prefix}{key}.") if inner else {prefix + key: value})
    return found


def _read(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    try:
        values = _parse(read_text(path), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput.of(str(path), f"cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise InvalidInput.of(str(path), "is not a mapping of fields to values")
    if "base" not in values:
        return values
    base = path.parent / str(values.pop("base"))
    if base in above:
        raise InvalidInput.of(f"{path}: base", f"{base.name} stands on this file itself")
    return _laid_over(_read(base, (*above, path)), values)


def _parse(text: str, source: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidInput.of(source, f"is not YAML: {' '.join(str(error).split())}") from error


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _laid_over(merged[key], value) if both else value
    return merged


def _decode(kind: Any, value: Any, place: str, faults: list[Fault]) -> Any:
    """`value` as `kind`; None and a fault where it cannot be."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):  # X | None is the only one
        one = next(argument for argument in arguments if argument is not type(None))
        return None if value is None else _decode(one, value, place, faults)
    if dataclasses.is_dataclass(kind):
        return _decode_fields(kind, {} if value is None else value, place, faults)
    if origin is Literal:
        if value in arguments:
            return value
        wanted = f"one of {', '.join(arguments)}"
    elif origin is tuple:
        if isinstance(value, list):
            return tuple(
                _decode(arguments[0], v, f"{place}[{n}]", faults) for n, v in enumerate(value)
            )
        wanted = "a list"
    elif origin is dict:
        if isinstance(value, dict):
            return {k: _decode(arguments[1], v, f"{place}.{k}", faults) for k, v in value.items()}
        wanted = "a mapping"
    elif kind is float:
        if (number := _number(value)) is not None:
            return number
        wanted = "a finite number"
    elif kind is Path:
        if isinstance(value, str):
            with contextlib.suppress(RuntimeError):  # no user of this name
                return Path(value).expanduser()
        wanted = "a path"
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    else:
        wanted = {int: "a whole number", bool: "true or false", str: "text"}[kind]
    faults.append(Fault(place, f"{value!r} is not {wanted}"))
    return None


def _decode_fields(kind: Any, value: Any, place: str, faults: list[Fault]) -> Any:
    if not isinstance(value, dict):
        faults.append(Fault(place or "file", f"{value!r} is not a mapping of fields to values"))
        return None
    hints, before = get_type_hints(kind), len(faults)
    prefix = f"{place}." if place else ""
    known = {field.name: field for field in dataclasses.fields(kind)}
    for key in value.keys() - known.keys():
        faults.append(Fault(f"{prefix}{key}", f"is not a field; there are {', '.join(known)}"))
    decoded = {
        key: _decode(hints[key], given, f"{prefix}{key}", faults)
        for key, given in value.items()
        if key in known
    }
    for name, field in known.items():
        missing = dataclasses.MISSING
        if name not in value and field.default is missing and field.default_factory is missing:
            faults.append(Fault(f"{prefix}{name}", "is missing"))
    if len(faults) > before:
        return None
    try:
        return kind(**decoded)
    except InvalidInput as error:
        faults += [fault.at(prefix + fault.field) for fault in error.faults]
        return None


def _number(value: Any) -> float | None:
    """YAML 1.1 takes 1e-5 for text, people do not."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_mapping(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
