"""What a person types, and what they get."""

from __future__ import annotations

import csv
import json
import os
import pwd
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from command_line import cape
from skimage import data

from cape_ros import __version__
from cape_ros.core.images import write_image
from cape_ros.model.weights import SHIPPED
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.perception.objects import ObjectKeypoints
from cape_ros.perception.tracking import Tracker
from cape_ros.server import registration


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "coffee.png"
    cv2.imwrite(str(path), cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture
def keypoints(tmp_path: Path) -> Path:
    path = tmp_path / "coffee.json"
    marked = [("rim", 310, 120), ("handle", 430, 160), ("spoon", 110, 300), ("saucer", 330, 330)]
    path.write_text(
        json.dumps(
            {
                "name": "coffee",
                "keypoints": [{"name": n, "x": x, "y": y, "visible": True} for n, x, y in marked],
                "edges": [[0, 1]],
            }
        )
    )
    return path


@pytest.fixture
def library(photograph: Path, keypoints: Path, tmp_path: Path) -> Path:
    """With the coffee registered."""
    folder = tmp_path / "library"
    assert cape("register", photograph, "--keypoints", keypoints, "--library", folder) == 0
    return folder


def known(library: Path) -> dict[str, Category]:
    return {category.name: category for category in CategoryLibrary(library)}


def changed(path: Path, **fields: object) -> Path:
    """The annotation with other fields, as another file."""
    other = path.with_name("other.json")
    other.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return other


def test_a_library_is_made_by_what_registers_only(
    photograph: Path, keypoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "misspelt"
    for words in (
        ["list"],
        ["show", "coffee"],
        ["rename", "coffee", "cup"],
        ["remove", "coffee"],
        ["export", "coffee", tmp_path / "coffee.zip"],
        ["estimate", photograph, "--category", "coffee"],
        ["bag", tmp_path, tmp_path.parent / "out.mcap"],
    ):
        assert cape(*words, "--library", folder) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"cape: --library: {folder} does not exist; "), error
    assert not folder.exists()
    for expected in (f"{folder} is a new library\n", ""):
        words = ["register", photograph, "--keypoints", keypoints, "--library", folder]
        assert cape(*words, "--replace") == 0
        assert capsys.readouterr().out.startswith(f"{expected}coffee version")


def test_register_list_and_estimate(
    photograph: Path,
    keypoints: Path,
    library: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["register", photograph, "--keypoints", keypoints, "--library", library]
    assert cape(*words, "--add") == 0
    assert "version 2: 4 keypoints, 2 shots" in capsys.readouterr().out
    assert cape("list", "--library", library) == 0
    assert "coffee" in capsys.readouterr().out
    out = tmp_path / "found.png"
    words = ["estimate", photograph, "--category", "coffee", "--library", library, "--draw", out]
    words += ["--panel", tmp_path / "panel.png"]
    assert cape(*words, "--box", "60,40,480,340", "--device", "cpu") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["found"] is True
    assert [k["name"] for k in answer["keypoints"]] == ["rim", "handle", "spoon", "saucer"]
    found = np.array([(k["x"], k["y"]) for k in answer["keypoints"]])
    true = np.array([(310, 120), (430, 160), (110, 300), (330, 330)])
    assert np.median(np.linalg.norm(found - true, axis=1)) < 0.1 * 480
    assert cv2.imread(str(out)).shape == data.coffee().shape
    assert cv2.imread(str(tmp_path / "panel.png")).shape == (2 * 256, 4 * 256, 3)


def test_a_known_name_is_replaced_on_purpose_only(
    photograph: Path, keypoints: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["register", photograph, "--keypoints", keypoints, "--library", library]
    assert cape(*words) == 1
    error = capsys.readouterr().err
    assert error == (
        "cape: name: 'coffee' is registered already; use --replace, or --add for further shots\n"
    )
    assert known(library)["coffee"].version == 1
    assert cape(*words, "--add", "--replace") == 2
    assert cape(*words, "--replace") == 0
    assert (known(library)["coffee"].version, len(known(library)["coffee"].shots)) == (2, 1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"edges": [[1, 2]]}, "edges: differ from those of 'coffee'; leave them out or use --rep"),
        ({"keypoints": [{"name": "rim", "x": 1, "y": 1}], "edges": []}, "keypoint_names: differ"),
        ({"name": "mug"}, "name: 'mug' is not registered (known: coffee)"),
    ],
)
def test_shots_are_added_by_the_rule_of_the_node(
    photograph: Path,
    keypoints: Path,
    library: Path,
    fields: dict[str, object],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = changed(keypoints, **fields)
    words = ["register", photograph, "--keypoints", other, "--library", library, "--add"]
    assert cape(*words) == 1
    assert message in capsys.readouterr().err
    assert len(known(library)["coffee"].shots) == 1


def test_a_category_has_as_many_shots_as_the_node_takes(
    photograph: Path,
    keypoints: Path,
    library: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registration, "MOST_SHOTS", 2)
    words = ["register", photograph, "--keypoints", changed(keypoints, edges=[])]
    words += ["--library", library, "--add"]
    assert cape(*words) == 0
    assert known(library)["coffee"].edges == ((0, 1),)
    assert cape(*words) == 1
    assert "shots: 3 with those that are registered are more than 2" in capsys.readouterr().err


def test_a_category_is_shown_renamed_and_removed(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    words, picture = ["--library", library], tmp_path / "coffee.png"
    picture.unlink()
    assert cape("show", "coffee", *words, "--out", picture) == 0
    printed = capsys.readouterr().out
    for part in ("version 1", "rim, handle, spoon, saucer", "rim - handle", "600 x 400", "4 of 4"):
        assert part in printed
    assert cv2.imread(str(picture)).shape == (768, 768, 3)
    assert cape("show", "coffee", *words, "--out", picture, "--shot", 2) == 1
    assert cape("rename", "coffee", "coffee", *words) == 1
    assert "'coffee' is registered already; remove it first" in capsys.readouterr().err
    assert cape("rename", "coffee", "a cup", *words) == 1
    assert cape("rename", "coffee", "cup", *words) == 0
    assert list(known(library)) == ["cup"]
    assert cape("remove", "coffee", *words) == 1
    assert "'coffee' is not registered (known: cup)" in capsys.readouterr().err
    assert cape("remove", "cup", *words) == 0
    assert known(library) == {}
    assert cape("show", "cup", *words) == 1


def test_old_versions_are_listed_and_shown(
    library: Path, photograph: Path, keypoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--library", library]
    assert cape("register", photograph, "--keypoints", keypoints, "--add", *words) == 0
    assert cape("show", "coffee", *words) == 0
    assert "old versions: 1 (--old 1 shows one)" in capsys.readouterr().out
    assert cape("remove", "coffee", *words) == 0
    assert cape("show", "coffee", "--old", 1, *words) == 0
    printed = capsys.readouterr().out
    assert "coffee version 1: 4 keypoints, 1 shot\n" in printed
    assert "old versions: 2 (" in printed
    assert cape("show", "coffee", "--old", 7, *words) == 1
    assert "--old: version 7 of 'coffee' is not kept any more" in capsys.readouterr().err


def test_interchangeable_keypoints_and_automatic_shots_are_shown(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coffee = known(library)["coffee"]
    (shot,) = coffee.shots
    added = SupportShot(shot.image, shot.keypoints, automatic=True)
    changed = replace(coffee, shots=[shot, added], symmetries=[(1, 0, 2, 3)])
    CategoryLibrary(library).put(changed)
    capsys.readouterr()
    assert cape("show", "coffee", "--library", library) == 0
    printed = capsys.readouterr().out
    assert "interchangeable: rim -> handle, handle -> rim\n" in printed
    assert printed.count("added automatically") == 1


@pytest.mark.parametrize("kind", ["folder", "labelme", "coco", "cvat"])
def test_what_is_exported_can_be_imported(
    library: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    packed, other = tmp_path / "coffee.zip", tmp_path / "other"
    assert cape("export", "coffee", packed, "--format", kind, "--library", library) == 0
    assert cape("import", packed, "--library", other) == 0
    before, after = known(library)["coffee"], known(other)["coffee"]
    assert (after.keypoint_names, after.edges) == (before.keypoint_names, before.edges)
    assert np.array_equal(after.shots[0].image, before.shots[0].image)
    assert np.abs(after.shots[0].keypoints - before.shots[0].keypoints).max() < 2e-3
    assert cape("import", packed, "--library", other) == 1
    assert "use --replace, or --add" in capsys.readouterr().err
    assert cape("import", packed, "--library", other, "--add") == 0
    assert cape("import", packed, "--library", other, "--name", "cup") == 0
    assert [len(category.shots) for category in known(other).values()] == [2, 1]


def test_files_that_cannot_be_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.json"
    content = {"shapes": [{"label": "rim", "points": [[1, 1]], "shape_type": "point"}]}
    content |= {"imagePath": "mug.png", "imageHeight": 4, "imageWidth": 4, "imageData": None}
    for text, message in (
        (json.dumps(content), "mug.png: is not in the file"),
        (json.dumps(content | {"shapes": []}), "has no marked keypoints"),
        ("nonsense", "neither JSON, XML nor zip"),
    ):
        file.write_text(text)
        assert cape("import", file, "--library", tmp_path / "library") == 1
        assert message in capsys.readouterr().err
    assert cape("import", tmp_path / "absent.zip", "--library", tmp_path / "library") == 1
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["estimate", "{photograph}", "--category", "coffee", "--out", "{absent}/a.csv"],
        ["estimate", "{photograph}", "--category", "coffee", "--out", "{folder}.csv"],
        ["estimate", "{photograph}", "--category", "coffee", "--draw", "{absent}/a.png"],
        ["estimate", "{photograph}", "--category", "coffee", "--draw", "{folder}/a.txt"],
        ["estimate", "{photograph}", "--category", "coffee", "--panel", "{folder}"],
        ["estimate", "{folder}", "--category", "coffee", "--draw", "{photograph}"],
        ["bag", "{folder}/a.mcap", "{photograph}/b.mcap"],
        ["lab", "evaluate", "shipped", "{folder}", "--json", "{folder}"],
        ["lab", "evaluate", "shipped", "{folder}", "--report", "{photograph}"],
        ["lab", "figures", "shipped", "{folder}", "--out", "{photograph}/figures"],
        ["lab", "evaluate-video", "shipped", "{folder}/a.avi", "--json", "{folder}"],
        ["lab", "evaluate-video", "shipped", "{folder}/a.avi", "--out", "{photograph}"],
        ["lab", "export-onnx", "{absent}/a.onnx"],
        ["lab", "table", "a.yaml", "--out", "{photograph}"],
        ["lab", "bench", "--json", "{absent}/a.json"],
    ],
    ids=" ".join,
)
def test_where_to_write_is_checked_before_the_work(
    words: list[str],
    photograph: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(*_: object) -> None:
        raise AssertionError("the weights are loaded already")

    monkeypatch.setattr("cape_ros.model.checkpoints.load", load)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder").mkdir()
    places = {name: tmp_path / name for name in ("folder", "absent")}
    given = [word.format(photograph=photograph, **places) for word in words]
    assert cape(*given) == 1
    error = capsys.readouterr().err
    assert re.match(r"cape: (--out|--draw|--panel|--json|--report|OUT(\.mcap)?): ", error), error


def test_an_object_that_is_not_there(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    grey = tmp_path / "grey.png"
    write_image(grey, np.full((120, 160, 3), 99, np.uint8))
    words = ["--category", "coffee", "--library", library, "--device", "cpu"]
    assert cape("estimate", grey, *words) == 1
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert answer["found"] is False
    assert {(point["x"], point["y"]) for point in answer["keypoints"]} == {(None, None)}
    assert printed.err == f"cape: coffee was not found in {grey}\n"


def test_a_folder_of_images_as_csv_and_as_json_lines(
    photograph: Path, library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.png").write_bytes(photograph.read_bytes())
    (folder / "b.jpg").write_bytes(b"no image")
    (folder / "b.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    (folder / "notes.txt").write_text("not an image")
    write_image(folder / "c.png", np.full((120, 160, 3), 99, np.uint8))
    words = ["estimate", folder, "--category", "coffee", "--library", library, "--device", "cpu"]
    capsys.readouterr()
    assert cape(*words, "--out", tmp_path / "found.csv", "--draw", tmp_path / "drawn") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "b.jpg: not an image" in printed.err
    assert "it is HEIC: convert it" in printed.err
    assert "coffee found in 1 of 2 images" in printed.err
    assert "2 of 4 images could not be read" in printed.err
    with (tmp_path / "found.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(Path(row["file"]).name, row["found"]) for row in rows] == [
        ("a.png", "1"),
        ("c.png", "0"),
    ]
    assert abs(float(rows[0]["rim_x"]) - 310) < 48
    assert (rows[1]["rim_x"], rows[1]["rim_y"]) == ("", "")
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == {"a.png.png", "c.png.png"}
    (folder / "b.jpg").unlink()
    (folder / "b.HEIC").unlink()
    longest = [f"{'ü' * 125}{letter}.png" for letter in "ab"]  # 255 bytes, as file systems allow
    for name in longest:
        (folder / name).write_bytes((folder / "c.png").read_bytes())
    assert cape(*words, "--box", "60,40,60,60", "--draw", tmp_path / "of_long_names") == 0
    drawn = [path.name for path in (tmp_path / "of_long_names").iterdir()]
    assert len(drawn) == 4
    assert sum(name.startswith("ü" * 100) and name.endswith(".png") for name in drawn) == 2
    for name in longest:
        (folder / name).unlink()
    latin = folder / os.fsdecode(b"m\xfcg.png")
    latin.write_bytes((folder / "c.png").read_bytes())
    found, drawn_in = tmp_path / "found.csv", tmp_path / "of_latin_names"
    assert cape(*words, "--box", "60,40,60,60", "--out", found, "--draw", drawn_in) == 0
    assert "m\\udcfcg.png" in found.read_text()
    assert {path.name for path in drawn_in.iterdir()} >= {"c.png.png", "m\\udcfcg.png.png"}
    latin.unlink()
    capsys.readouterr()
    assert cape(*words, "--box", "60,40,60,60") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(line["file"]).name for line in lines] == ["a.png", "c.png"]
    assert cape(*words, "--out", tmp_path / "found.xlsx") == 2
    assert cape(*words, "--panel", tmp_path / "panel.png") == 2
    assert cape(*words, "--box", "1,2") == 2
    (tmp_path / "empty").mkdir()
    assert cape("estimate", tmp_path / "empty", *words[2:]) == 1
    assert "holds no image" in capsys.readouterr().err


@pytest.mark.slow
def test_a_video_is_followed(
    library: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stamps: list[float] = []
    track = Tracker.estimate

    def spied(tracker: Tracker, *given: Any) -> list[ObjectKeypoints]:
        stamps.append(given[-1])
        return track(tracker, *given)

    monkeypatch.setattr(Tracker, "estimate", spied)
    film, out = tmp_path / "coffee.avi", tmp_path / "found.jsonl"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 25, (600, 400))
    for shift in (0, 4, 8, 12, 16, 20):
        writer.write(np.ascontiguousarray(np.roll(data.coffee(), shift, axis=1)[..., ::-1]))
    writer.release()
    words = ["--category", "coffee", "--library", library, "--device", "cpu", "--out", out]
    assert cape("estimate", film, *words) == 0
    assert "coffee found in 6 of 6 images" in capsys.readouterr().err
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(line["frame"], line["found"]) for line in lines] == [(n, True) for n in range(6)]
    assert stamps == pytest.approx([n / 25 for n in range(6)], abs=1e-3)
    film.write_bytes(film.read_bytes()[:120_000])
    assert cape("estimate", film, *words) == 1
    printed = capsys.readouterr().err
    assert f"cape: {film} is cut off or damaged: " in printed
    assert cape("estimate", tmp_path / "absent.mp4", *words) == 1
    assert "no such video file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["estimate", "absent.png", "--category", "cup"], "absent.png: no such file"),
        (["lab", "weights", "show", "nonsense"], "cape lab weights list"),
        (["lab", "weights", "fetch", "nonsense"], "split1-1shot"),
        (["list", "--library", "x" * 300], "--library"),
        (["list", "--library", "/dev"], "--library: /dev holds no library"),
        (["estimate", "x" * 300, "--category", "cup"], "File name too long"),
        (["list", "--library", "~nobody_of_that_name/x"], "--library"),
    ],
)
def test_what_is_wrong_comes_in_one_sentence(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cape(*words) == 1
    error = capsys.readouterr().err
    assert error.startswith("cape: ")
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list"], "--library: ~/.local/share/cape_ros/library: Could not determine home"),
        (["lab", "weights", "list"], "CAPE_ROS_CACHE: ~/.cache: Could not determine home"),
        (["lab", "weights", "show", "split1-1shot"], "CAPE_ROS_CACHE"),
    ],
)
def test_a_user_without_a_home_folder(
    words: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of a container that is started with `--user 1234`, or of a service."""

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for name in ("HOME", "XDG_CACHE_HOME", "CAPE_ROS_CACHE"):
        monkeypatch.delenv(name, raising=False)
    assert cape(*words) == 1
    assert message in capsys.readouterr().err


def test_half_a_photograph_is_not_registered(
    keypoints: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = tmp_path / "half.jpg"
    write_image(half, data.coffee())
    half.write_bytes(half.read_bytes()[:20_000])
    words = ["register", half, "--keypoints", keypoints, "--library", tmp_path / "library"]
    assert cape(*words) == 1
    assert "half.jpg: no whole JPEG or PNG image" in capsys.readouterr().err
    assert not list(tmp_path.glob("library/categories/*"))


def test_an_unknown_category_and_a_wrong_box(
    photograph: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cape("estimate", photograph, "--category", "cup", "--library", library) == 1
    assert "cup" in capsys.readouterr().err


def test_a_wrong_command_line_is_another_exit_status() -> None:
    assert cape("estimate") == 2
    assert cape("weights", "list") == 2  # it is `cape lab weights`
    assert cape("--help") == 0


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cape("--version") == 0
    assert capsys.readouterr().out == f"cape {__version__}\n"


@pytest.mark.parametrize(
    "verbs",
    [
        *([], ["demo"], ["serve"], ["register"], ["list"], ["show"], ["rename"], ["remove"]),
        *(["estimate"], ["import"], ["export"], ["lab"], ["lab", "train"], ["lab", "weights"]),
        *(["lab", "weights", "fetch"], ["lab", "bench"], ["lab", "export-onnx"]),
    ],
)
def test_help_by_a_letter(verbs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cape(*verbs, "-h") == 0
    assert " ".join(["Usage: cape", *verbs]) in capsys.readouterr().out


def test_help_names_users_verbs_first_and_loads_nothing_large() -> None:
    program = (
        "import sys; from cape_ros.cli import main; sys.argv = ['cape', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*(name for name in ('torch', 'cv2', 'numpy', 'fastapi') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    *shown, loaded = done.stdout.splitlines()
    assert loaded == ""
    verbs = [line.split()[1] for line in shown if re.match(r"│ [a-z]", line)]
    wanted = "demo serve register list show rename remove estimate import export lab"
    assert [verb for verb in verbs if verb in wanted.split()] == wanted.split()


def test_weights_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cape("lab", "weights", "list") == 0
    assert "split5-5shot" in capsys.readouterr().out
    assert cape("lab", "weights", "show") == 0
    assert "resnet18" in capsys.readouterr().out
    assert SHIPPED.stat().st_size < 25e6
