"""Generates `config/cape.yaml` and `docs/parameters.md` from the parameter table.

`python -m cape_ros.ros.parameter_pages` in the source tree writes both.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from cape_ros.ros.parameter_table import LIVE, PARAMETERS, START, ParameterSpec, Value

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 96

HEAD = """\
# Parameters

Written by `python -m cape_ros.ros.parameter_pages` from the table in
`cape_ros/ros/parameter_table.py`, as is `config/cape.yaml`. A value of another type, out of range
or of an unknown name is refused with the reason, at the start and later. What the parameters act
on: [Node](reference/node.md).

*Changes*: **at any time** applies from the next image on (`ros2 param set /cape trusted_point
0.4`); **before configure** while the node is unconfigured (`ros2 lifecycle set /cape deactivate`,
then `cleanup`, and after the change `configure` and `activate`); **at the start** only when the
node starts.

*Camera*: with `cameras: [left, right]` each camera also has its own `left.region`, `right.region`
and so on; their default is the common value.

| parameter | type | default | range | changes | camera | meaning |
|---|---|---|---|---|---|---|
"""


def config_yaml() -> str:
    lines = [
        "# Parameters of the node, with their defaults; docs/parameters.md is the same as a table.",
        "# Written by python -m cape_ros.ros.parameter_pages.",
        "/**:",
        "  ros__parameters:",
    ]
    for parameter in PARAMETERS:
        lines += [f"    # {line}" for line in textwrap.wrap(_comment(parameter), WIDTH - 6)]
        lines.append(f"    {parameter.name}: {_yaml(parameter.default)}")
    return "\n".join(lines) + "\n"


def parameters_md() -> str:
    rows = [
        [
            f"`{parameter.name}`",
            parameter.type,
            f"`{_yaml(parameter.default)}`",
            parameter.range,
            parameter.when,
            "each" if parameter.camera else "",
            parameter.description.replace("|", "\\|"),
        ]
        for parameter in PARAMETERS
    ]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _comment(parameter: ParameterSpec) -> str:
    when = {LIVE: "live", START: "at the start only"}.get(parameter.when)
    notes = [note for note in (parameter.range, when) if note]
    return parameter.description + (f" ({'; '.join(notes)})" if notes else "")


def _yaml(value: Value) -> str:
    plain = isinstance(value, str) and value.replace("_", "").isalnum()
    return str(value) if plain or isinstance(value, float) else json.dumps(value)


PAGES = {"config/cape.yaml": config_yaml, "docs/parameters.md": parameters_md}


def main() -> None:
    for name, page in PAGES.items():
        (ROOT / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
