from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from cape_ros.core.errors import InvalidInput, SourceError
from cape_ros.lab.datasets.rendered.catalogue import Entry, group_of, read_catalogue

PROPERTIES = """
license=Creative Commons Attribution 3.0
provider=a.shop
name#1=Oak chair
model#1=/a/oak/oak.obj
creator#1=Ada
width#1=50.0
depth#1=60.0
height#1=100.0
modelRotation#1=0 0 1 0 1 0 -1 0 0
name#2=Lost t\\u00E9
model#2=/a/lost.obj
"""


def archive(path: Path, properties: str = PROPERTIES) -> Path:
    with zipfile.ZipFile(path, "w") as content:
        content.writestr("PluginFurnitureCatalog.properties", properties.encode("latin-1"))
        content.writestr("a/oak/oak.obj", "v 0 0 0\nv 1 0 0\nv 0 1 1\nf 1 2 3\n")
    return path


def test_an_archive_says_who_made_a_mesh_and_how_large_it_is(tmp_path: Path) -> None:
    (entry,) = read_catalogue(archive(tmp_path / "shop.sh3f"))
    assert entry.id == "shop/oak"
    assert entry.author == "Ada"
    assert entry.licence == "Creative Commons Attribution 3.0"
    assert entry.group == "chair"
    assert entry.size == (0.5, 0.6, 1.0)
    assert entry.rotation == (0, 0, 1, 0, 1, 0, -1, 0, 0)


def test_a_mesh_that_an_archive_lacks_is_left_out_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read_catalogue(archive(tmp_path / "shop.sh3f"))
    assert "Lost té" in caplog.text


def test_a_folder_of_obj_files_is_grouped_by_folders(meshes: Path) -> None:
    entries = read_catalogue(meshes)
    assert [(one.id, one.group) for one in entries] == [
        ("chair/low", "chair"),
        ("chair/tall", "chair"),
        ("wedge/wedge", "wedge"),
    ]
    assert {one.licence for one in entries} == {"Public domain"}


def test_what_holds_no_meshes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"neither \.sh3f archives nor \.obj files"):
        read_catalogue(tmp_path)
    with pytest.raises(SourceError, match="no such file or folder"):
        read_catalogue(tmp_path / "nowhere")
    broken = tmp_path / "broken.sh3f"
    broken.write_bytes(b"no archive")
    with pytest.raises(SourceError, match=r"broken\.sh3f: not an archive of furniture"):
        read_catalogue(broken)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("Oak chair", "chair"),
        ("Double-hung window", "window"),
        ("Sitting female", "seated person"),
        ("Table tennis bat", ""),
        ("Hot dog", ""),
        ("Drill", ""),
    ],
)
def test_a_name_tells_the_group(name: str, group: str) -> None:
    assert group_of(name) == group


def test_the_split_is_fixed() -> None:
    """Weights say of a mesh that it was never seen: this must not change."""
    ids = [f"Scopia/chair{number}" for number in range(1, 9)]
    entries = [Entry(one, one, Path(), None, "", "", "") for one in ids]
    assert [one.id for one in entries if one.held_out] == ["Scopia/chair4", "Scopia/chair5"]
    many = [Entry(str(n), "", Path(), None, "", "", "") for n in range(2000)]
    assert 0.17 < sum(one.held_out for one in many) / len(many) < 0.23
