"""What several files say of the package is the same in all of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

import cape_ros

CHECKOUT = Path(__file__).parents[1]
PYPROJECT = (CHECKOUT / "pyproject.toml").read_text("utf-8")


def test_the_version_is_the_same_everywhere() -> None:
    package = ElementTree.parse(CHECKOUT / "package.xml").getroot()
    citation = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text("utf-8"))
    changes = (CHECKOUT / "CHANGELOG.rst").read_text("utf-8")
    released = re.search(r"^(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)$", changes, re.MULTILINE)
    assert released is not None
    assert package.findtext("version") == cape_ros.__version__
    assert citation["version"] == cape_ros.__version__
    assert str(citation["date-released"]) == released[2]
    assert released[1] == cape_ros.__version__
    assert 'version = { attr = "cape_ros.__version__" }' in PYPROJECT


def test_the_license_is_the_same_everywhere() -> None:
    package = ElementTree.parse(CHECKOUT / "package.xml").getroot()
    citation = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text("utf-8"))
    assert package.findtext("license") == citation["license"] == "Apache-2.0"
    assert 'license = "Apache-2.0"' in PYPROJECT


def test_every_requirements_file_is_an_extra() -> None:
    named = re.findall(r'file = "requirements/([\w-]+)\.txt"', PYPROJECT)
    assert sorted(named) == sorted(path.stem for path in CHECKOUT.glob("requirements/*.txt"))


YAML_FILES = [
    *("CITATION.cff", ".pre-commit-config.yaml", "config/cape.rviz"),
    *(str(path.relative_to(CHECKOUT)) for path in sorted(CHECKOUT.glob("docker/*.yaml"))),
    *(str(path.relative_to(CHECKOUT)) for path in sorted(CHECKOUT.glob(".github/**/*.yml"))),
]


@pytest.mark.parametrize("name", YAML_FILES)
def test_a_yaml_file_parses(name: str) -> None:
    assert isinstance(yaml.safe_load((CHECKOUT / name).read_text("utf-8")), dict)


def test_the_layout_of_foxglove_places_every_panel() -> None:
    layout = json.loads((CHECKOUT / "config/foxglove.json").read_text("utf-8"))
    placed: list[str] = []
    splits = [layout["layout"]]
    while splits:
        split = splits.pop()
        for side in (split["first"], split["second"]):
            (splits if isinstance(side, dict) else placed).append(side)
    assert sorted(placed) == sorted(layout["configById"])


def test_rviz_shows_topics_of_the_node() -> None:
    config = yaml.safe_load((CHECKOUT / "config/cape.rviz").read_text("utf-8"))
    shown = [
        each["Topic"]["Value"]
        for each in config["Visualization Manager"]["Displays"]
        if "Topic" in each
    ]
    page = (CHECKOUT / "docs/reference/node.md").read_text("utf-8")
    assert shown
    assert [topic for topic in shown if f"`{topic.replace('/cape/', '~/')}`" not in page] == []
