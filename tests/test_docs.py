"""The reference pages mention everything that there is, and links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import typer

from cape_ros.cli import app
from cape_ros.interfaces import message_page

CHECKOUT = Path(__file__).parents[1]
DOCS = CHECKOUT / "docs"
PAGES = sorted(DOCS.glob("**/*.md"))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#([^)\s]+))?\)")


def test_the_page_of_messages_says_what_the_definitions_say() -> None:
    written = (CHECKOUT / message_page.PAGE).read_text("utf-8")
    assert written == message_page.page(), "run python -m cape_ros.interfaces.message_page"


def test_no_field_of_a_definition_is_overlooked() -> None:
    for path in [*CHECKOUT.glob("msg/*.msg"), *CHECKOUT.glob("srv/*.srv")]:
        text = path.read_text("utf-8")
        read = [row.name for part in message_page.parts(text) for row in part.rows]
        code = [line.partition("#")[0].split() for line in text.splitlines()]
        assert read == [words[1].partition("=")[0] for words in code if len(words) > 1], path


def commands(command: Any, name: str = "cape") -> Iterator[tuple[str, Any]]:
    """The names of all verbs, and what Click knows of them."""
    if inner := getattr(command, "commands", None):
        for word, each in inner.items():
            yield from commands(each, f"{name} {word}")
    else:
        yield name, command


VERBS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", VERBS)
def test_every_command_and_option_is_in_the_reference(name: str) -> None:
    page = (DOCS / "reference/cli.md").read_text("utf-8")
    (row,) = re.findall(rf"^\| `{name}(?: [A-Z ]+)?` \|.*$", page, re.MULTILINE)
    options = {option for each in VERBS[name].params for option in each.opts if option[:2] == "--"}
    assert set(re.findall(r"--[\w-]+", row)) == options - {"--help"}


def test_every_route_of_studio_is_in_the_reference() -> None:
    pytest.importorskip("fastapi")
    from cape_ros.studio.app import make_app

    page = (DOCS / "reference/studio-http-api.md").read_text("utf-8")
    written = set(re.findall(r"^\| ([A-Z]+) \| `(/api/[^`]*)` \|", page, re.MULTILINE))
    openapi = make_app(MagicMock(), MagicMock())._app.openapi()  # type: ignore[attr-defined]
    there = {(verb.upper(), path) for path, verbs in openapi["paths"].items() for verb in verbs}
    assert written == there


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_to_files_of_the_site(page: Path) -> None:
    for target, _ in LINK.findall(page.read_text("utf-8")):
        if "://" not in target:
            linked = (page.parent / target).resolve()
            assert linked.is_file(), target
            assert linked.is_relative_to(DOCS), target


def test_every_page_is_in_the_navigation() -> None:
    navigation = (CHECKOUT / "mkdocs.yml").read_text("utf-8")
    named = set(re.findall(r": ([\w/-]+\.md)$", navigation, re.MULTILINE))
    assert named == {str(page.relative_to(DOCS)) for page in PAGES}


def test_references_from_code_lead_to_pages() -> None:
    for folder in ("cape_ros", "config", "examples", "tests", "launch"):
        for path in (CHECKOUT / folder).glob("**/*"):
            if path.suffix in (".py", ".yaml") and path != Path(__file__):
                for named in re.findall(r"docs/[\w/-]+\.md", path.read_text("utf-8")):
                    assert (CHECKOUT / named).is_file(), f"{path}: {named}"


def test_paths_in_the_architecture_exist() -> None:
    text = (DOCS / "explanation/architecture.md").read_text("utf-8")
    named = set(re.findall(r"`(?:\.\./)?([\w./-]+(?:\.py|/))`", text))
    assert len(named) > 30
    for path in named:
        parents = (CHECKOUT, CHECKOUT / "cape_ros", CHECKOUT / "cape_ros/lab")
        below = "/" not in path and any(CHECKOUT.glob(f"cape_ros/**/{path}"))
        # Folders that the row of their parent names, such as `api/` of `studio/`.
        nested = path.endswith("/") and any(CHECKOUT.glob(f"cape_ros/*/{path}"))
        assert below or nested or any((parent / path).exists() for parent in parents), path


def test_links_of_the_readme_lead_to_files() -> None:
    for target, anchor in LINK.findall((CHECKOUT / "README.md").read_text("utf-8")):
        if "://" in target:
            continue
        assert (CHECKOUT / target).is_file(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", (CHECKOUT / target).read_text("utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in titles]
            assert anchor in anchors, f"{target}#{anchor}"


@pytest.mark.parametrize(
    "page", [CHECKOUT / "README.md", *PAGES], ids=lambda page: str(page.relative_to(CHECKOUT))
)
def test_commands_of_the_pages_exist_with_their_options(page: Path) -> None:
    text = page.read_text("utf-8").replace("\\\n", " ")
    inline = re.findall(r"`(cape [^`\n]*)`", text)
    blocks = re.findall(r"^```(?:bash|sh)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = re.findall(
        r"^(?:\.venv/bin/|ros2 run cape_ros )?(cape [^#\n|>]*)", "\n".join(blocks), re.M
    )
    for line in (*inline, *lines):
        words = line.split()
        names = [" ".join(words[:count]) for count in (3, 2, 4) if " ".join(words[:count]) in VERBS]
        group = any(verb.startswith(f"{line} ") for verb in VERBS)
        if not names:
            assert group or words[1].startswith("-") or not words[1].islower(), line
            continue
        known = {option for each in VERBS[names[-1]].params for option in each.opts}
        given = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
        given -= {"--ros-args"}
        assert given <= known | {"--help"}, line
