"""Generates the reference page of messages and services, `docs/reference/messages.md`.

`python -m cape_ros.interfaces.message_page` in the source tree writes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/reference/messages.md"
DECLARATION = re.compile(r"([\w/]+(?:\[\w*\])?)\s+(\w+)(=\S+)?\s*(?:#\s*(.*))?")

HEAD = """\
# Messages and services

Written by `python -m cape_ros.interfaces.message_page` from the files in `msg/` and `srv/`, which
hold the same text. Units are in square brackets. Pixels count from the centre of the image's
top-left pixel, x to the right and y downwards. Topics and services that use these types:
[Node](node.md).

Published names do not change; new fields are added at the end of a message.
"""


@dataclass
class FieldRow:
    """A field or, with `value`, a constant."""

    type: str
    name: str
    value: str
    comment: str

    def cells(self) -> list[str]:
        name = f"`{self.name}{self.value}`"
        return [f"`{self.type}`", name, self.comment.replace("|", "\\|")]


@dataclass
class MessagePart:
    """A message, or the request or the response of a service."""

    text: list[str] = field(default_factory=list)
    rows: list[FieldRow] = field(default_factory=list)


def parts(definition: str) -> Iterator[MessagePart]:
    """A message has one part, a service two."""
    for section in re.split(r"^---$", definition, flags=re.MULTILINE):
        part = MessagePart()
        for line in section.splitlines():
            if declared := DECLARATION.fullmatch(line.strip()):
                kind, name, value, comment = declared.groups()
                part.rows.append(FieldRow(kind, name, value or "", comment or ""))
            elif line.startswith("#"):
                part.text.append(line.lstrip("# "))
            elif line.strip():  # a comment that goes on in a line of its own
                part.rows[-1].comment += " " + line.strip().lstrip("# ")
        yield part


def page() -> str:
    """The whole page."""
    chapters = [HEAD]
    for kind, title in (("msg", "Messages"), ("srv", "Services")):
        chapters.append(f"## {title}\n")
        for path in sorted((ROOT / kind).glob(f"*.{kind}")):
            chapters.append(_chapter(path, kind == "srv"))
    return "\n".join(chapters)


def _chapter(path: Path, service: bool) -> str:
    found = list(parts(path.read_text(encoding="utf-8")))
    lines = [f"### cape_ros/{path.parent.name}/{path.stem}", ""]
    for part, title in zip(found, ("Request", "Response"), strict=False):
        if part.text:
            lines += [*part.text, ""]
        if service:
            lines += [f"**{title}**" + ("" if part.rows else ": no fields"), ""]
        if part.rows:
            lines += ["| type | name | meaning |", "|---|---|---|"]
            lines += [f"| {' | '.join(row.cells())} |" for row in part.rows]
            lines.append("")
    return "\n".join(lines)


def main() -> None:
    (ROOT / PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
