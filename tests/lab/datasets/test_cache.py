from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import cape
from primitives import CHAIR, write_obj

from cape_ros.core import extras
from cape_ros.core.errors import SourceError
from cape_ros.lab.datasets.rendered.cache import RenderedCache
from cape_ros.lab.datasets.rendered.catalogue import read_catalogue
from cape_ros.lab.datasets.rendered.keypoints import SHARED, keypoints_of
from cape_ros.lab.datasets.rendered.meshes import load_mesh
from cape_ros.lab.datasets.rendered.tracing import Body
from cape_ros.lab.datasets.rendered.views import render_view


def render(source: Path, out: Path, *more: object) -> int:
    return cape("lab", "render", source, out, "--part", "all", "--count", 3, *more)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of two chairs, and a mesh that cannot be read."""
    folder = tmp_path_factory.mktemp("rendered")
    write_obj(folder / "meshes" / "chair" / "low.obj", CHAIR)
    write_obj(
        folder / "meshes" / "chair" / "broad.obj", [*CHAIR, ((-0.7, 0.5, 0), (0.7, 0.6, 0.2))]
    )
    write_obj(folder / "meshes" / "stool" / "stool.obj", [*CHAIR[:1], *CHAIR[2:4]])
    (folder / "meshes" / "chair" / "bad.obj").write_text("v 0 0 0\n")
    assert render(folder / "meshes", folder / "cache", "--processes", 2) == 0
    return folder


def test_views_become_annotated_objects(rendered: Path) -> None:
    dataset = RenderedCache(rendered / "cache").dataset(held_out=False)
    others = RenderedCache(rendered / "cache").dataset(held_out=True)
    names = [*dataset.categories.values(), *others.categories.values()]
    assert sorted(names) == ["chair/broad", "chair/low", "stool/stool"]
    instance = (*dataset.instances, *others.instances)[0]
    assert instance.image.is_file()
    assert instance.visible.sum() >= 2
    x, y, width, height = instance.box
    seen = instance.keypoints[instance.visible]
    assert (seen >= (x - 2, y - 2)).all()
    assert (seen <= (x + width + 2, y + height + 2)).all()


def test_a_group_shares_its_keypoints_and_one_mesh_is_no_group(rendered: Path) -> None:
    cache = RenderedCache(rendered / "cache")
    groups = {held_out: cache.dataset(held_out, "group") for held_out in (False, True)}
    names = {name for one in groups.values() for name in one.categories.values()}
    assert names <= {"chair"}
    assert all(len(o.visible) == len(SHARED) for d in groups.values() for o in d.instances)


def test_what_a_person_needs_lies_beside_the_views(rendered: Path) -> None:
    sheet = cv2.imread(str(rendered / "cache" / "contact_sheet.png"))
    assert sheet.shape[1] > 800
    attribution = (rendered / "cache" / "ATTRIBUTION.md").read_text()
    assert "| chair/low | low | not stated |" in attribution


def test_a_view_has_depth_in_millimetres_and_its_truth(rendered: Path) -> None:
    mesh = next(
        one for one in RenderedCache(rendered / "cache").meshes() if one["id"] == "chair/low"
    )
    depth = cv2.imread(str(mesh["folder"] / mesh["views"][0]["depth"]), cv2.IMREAD_UNCHANGED)
    assert depth.dtype == np.uint16
    distance = mesh["views"][0]["instances"][0]["translation"][2]
    assert np.median(depth[depth > 0]) == pytest.approx(1000 * distance, rel=0.3)


def test_the_same_command_goes_on_and_other_settings_are_refused(
    rendered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = rendered / "cache"
    before = {path: path.stat().st_mtime_ns for path in cache.glob("meshes/*/mesh.json")}
    cut_off = cache / "meshes" / ".unfinished-1-chair_x"
    cut_off.mkdir()
    (cut_off / "000.jpg").write_bytes(b"half")
    assert render(rendered / "meshes", cache, "--processes", 1) == 0
    assert not cut_off.exists()
    assert before == {path: path.stat().st_mtime_ns for path in cache.glob("meshes/*/mesh.json")}
    assert "chair/bad" in capsys.readouterr().err
    assert render(rendered / "meshes", cache, "--seed", 2) == 1
    assert "was rendered with seed 1, not 2" in capsys.readouterr().err


@pytest.mark.slow
def test_the_result_does_not_depend_on_the_number_of_processes(
    rendered: Path, tmp_path: Path
) -> None:
    assert render(rendered / "meshes", tmp_path / "again", "--processes", 1) == 0
    for path in (rendered / "cache").glob("meshes/*/*"):
        again = tmp_path / "again" / path.relative_to(rendered / "cache")
        assert again.read_bytes() == path.read_bytes(), path


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half(
    meshes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = read_catalogue(meshes)[0]
    body, generator = Body(load_mesh(entry)), np.random.default_rng(1)
    keypoints = keypoints_of(body, generator)
    view = render_view(body, keypoints.all, 30, 20, generator, [])
    cache = RenderedCache(tmp_path / "cache")
    (cache.folder / "meshes").mkdir(parents=True)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match="the disk is full; what is finished is kept"):
        cache.put(entry, keypoints, [view])
    assert list((cache.folder / "meshes").iterdir()) == []


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(meshes: Path, tmp_path: Path) -> None:
    words = ["lab", "render", meshes, tmp_path / "out", "--part", "all", "--count", 99]
    program = "from cape_ros.core.program import cape; cape()"
    parent = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words), "--processes", "2"],
        stderr=subprocess.DEVNULL,
    )
    while len(workers := children(parent.pid)) < 3:  # and a tracker of resources
        assert parent.poll() is None
        time.sleep(0.1)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    began = time.monotonic()
    while any(Path(f"/proc/{one}").exists() for one in workers):
        assert time.monotonic() - began < 60
        time.sleep(0.1)


def children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(one) for one in text.split()]


def test_what_is_missing_is_named(
    meshes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        "cape_ros.lab.datasets.rendered.meshes.is_installed", lambda name: name != "embreex"
    )
    assert render(meshes, tmp_path / "out") == 1
    words = capsys.readouterr().err.strip()
    assert words == f"cape: rendering needs embreex: {extras.how_to_install('render')}"


def test_facts_of_a_cache_can_be_read_by_other_programs(rendered: Path) -> None:
    facts = json.loads((rendered / "cache" / "cache.json").read_text())
    assert facts == {"format": 1, "kind": "views", "seed": 1, "count": 3, "part": "all"}
