"""Who made the meshes, and under which licences they may be used."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from cape_ros.lab.datasets.rendered.cache import facts_of, write_atomically
from cape_ros.lab.datasets.rendered.catalogue import Entry


def write_attribution(folder: Path, entries: Sequence[Entry]) -> None:
    """ATTRIBUTION.md for people and attribution.json for programs. Raises `SourceError`."""
    by_licence: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        by_licence[entry.file.name, entry.licence].append(entry)
    lines = ["# Meshes that these pictures were rendered from", ""]
    for (file, licence), some in sorted(by_licence.items()):
        source = f"{file}: " if some[0].member else ""
        lines += [f"## {source}{licence}", "", "| mesh | name | author |", "|---|---|---|"]
        lines += [
            f"| {_cell(one.id)} | {_cell(one.name)} | {_cell(one.author)} |"
            for one in sorted(some, key=lambda one: one.id)
        ]
        lines.append("")
    write_atomically(folder / "ATTRIBUTION.md", "\n".join(lines))
    facts = [{**facts_of(one), "source": one.file.name} for one in entries]
    write_atomically(folder / "attribution.json", json.dumps(facts, indent=1) + "\n")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
