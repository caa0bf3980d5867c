"""`cape bag`: recordings in, an MCAP file out that other programs read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import cape
from skimage import data

pytest.importorskip("rosbags")
pytest.importorskip("mcap_ros2")

from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from recordings import BEGIN, SECOND, compressed, raw, record, text
from rosbags.rosbag2 import Reader

from cape_ros.bag.image_topic import ImageTopic
from cape_ros.bag.types import message_types
from cape_ros.core.images import write_image
from cape_ros.interfaces import message_page
from cape_ros.messages.images import read_image
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.perception.tracking import Tracker

PIXELS = data.coffee()
MARKED = {"rim": (310, 120), "handle": (430, 160), "spoon": (110, 300), "saucer": (330, 330)}
SHIFT = 6  # pixels from image to image
PERIOD = SECOND // 10
DELAY = 5_000_000  # from an image's stamp until it is recorded [ns]
LEFT, RIGHT = "/left/image_raw", "/right/image/compressed"
Messages = list[tuple[str, int, Any]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the coffee registered."""
    folder = tmp_path_factory.mktemp("library")
    shot = SupportShot(PIXELS, list(MARKED.values()), [True] * len(MARKED), None)
    CategoryLibrary(folder).put(Category("coffee", list(MARKED), (), [shot]))
    return folder


def frame(number: int) -> np.ndarray:
    return np.ascontiguousarray(np.roll(PIXELS, SHIFT * number, axis=1))


def stamp(number: int) -> int:
    return BEGIN + number * PERIOD


def two_cameras(count: int) -> Messages:
    """One raw, one compressed, and what is no image."""
    messages: Messages = []
    for number in range(count):
        at = stamp(number)
        messages += [
            (LEFT, at + DELAY, raw(frame(number), at)),
            (RIGHT, at + DELAY + 1, compressed(frame(number), at)),
            ("/words", at + DELAY + 2, text(f"word {number}")),
        ]
    return messages


def decoded(path: Path, *topics: str) -> list[tuple[str, int, Any]]:
    """Topic, when it was recorded and message, as the library's reader has them."""
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        assert reader.get_header().profile == "ros2"
        return [
            (channel.topic, message.log_time, value)
            for _, channel, message, value in reader.iter_decoded_messages(topics or None)
        ]


def octets(path: Path) -> list[tuple[str, int, bytes]]:
    with Reader(path) as reader:
        return [(each.topic, at, bytes(content)) for each, at, content in reader.messages()]


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_a_recording_gets_the_keypoints_of_each_camera(
    storage: str, library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = record(tmp_path / "drive", storage, two_cameras(3))
    out = tmp_path / "new" / "out.mcap"
    assert cape("bag", source, out, "--library", library, "--device", "cpu") == 0
    said = capsys.readouterr().out
    assert f"{LEFT}: 3 images, found: coffee in 3" in said
    assert str(out) in said
    found = decoded(out)
    assert {topic for topic, _, _ in found} == {f"{LEFT}/keypoints", f"{RIGHT}/keypoints"}
    tracks = set()
    for source_topic, later in ((LEFT, 0), (RIGHT, 1)):
        messages = decoded(out, f"{source_topic}/keypoints")
        assert [at for _, at, _ in messages] == [stamp(n) + DELAY + later for n in range(3)]
        for number, (_, _, answer) in enumerate(messages):
            time = answer.header.stamp
            assert time.sec * SECOND + time.nanosec == stamp(number)
            assert answer.header.frame_id == "camera"
            assert (answer.image_height, answer.image_width) == PIXELS.shape[:2]
            (coffee,) = answer.objects
            assert (coffee.category, coffee.category_version) == ("coffee", 1)
            assert list(coffee.keypoint_names) == list(MARKED)
            points = np.array([(point.x, point.y) for point in coffee.keypoints])
            expected = np.add(list(MARKED.values()), (SHIFT * number, 0))
            assert np.abs(points - expected).max() < 15
            assert {point.visibility for point in coffee.keypoints} == {2}
            tracks.add((source_topic, coffee.track_id))
    assert len(tracks) == len({track for _, track in tracks}) == 2  # each camera has its own
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_a_part_of_a_recording(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(tmp_path / "drive", "sqlite3", two_cameras(6))
    (source,) = folder.glob("*.db3")
    out = tmp_path / "out.mcap"
    out.write_text("older results")
    words = ["--library", library, "--topic", LEFT, "--category", "coffee"]
    assert cape("bag", source, out, *words, "--every", 2, "--until", 0.35) == 0
    assert [(topic, at) for topic, at, _ in decoded(out)] == [
        (f"{LEFT}/keypoints", stamp(number) + DELAY) for number in (0, 2)
    ]


def test_what_is_recorded_and_images_with_the_keypoints_drawn_in(
    library: Path, tmp_path: Path
) -> None:
    folder = record(tmp_path / "drive", "mcap", two_cameras(2))
    (source,) = folder.glob("*.mcap")
    out, again = tmp_path / "out.mcap", tmp_path / "again.mcap"
    words = ["--library", library, "--topic", LEFT, "--copy"]
    assert cape("bag", source, out, *words, "--overlay") == 0
    new = {f"{LEFT}/keypoints", f"{LEFT}/overlay/compressed"}
    assert {topic for topic, _, _ in octets(out)} == {*new, LEFT, RIGHT, "/words"}
    assert [each for each in octets(out) if each[0] not in new] == octets(source)
    (_, at, overlay), _ = decoded(out, f"{LEFT}/overlay/compressed")
    assert at == stamp(0) + DELAY
    drawn = read_image(overlay).astype(float)
    changed = np.abs(drawn - PIXELS).max(axis=2) > 100
    assert 0.0005 < changed.mean() < 0.05

    # Results of an earlier run are replaced, never mixed with new ones.
    assert cape("bag", out, again, *words) == 0
    counts = [topic for topic, _, _ in octets(again)]
    assert counts.count(f"{LEFT}/keypoints") == 2


def test_images_that_cannot_be_used_are_counted(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = compressed(PIXELS, stamp(1))
    messages = [
        (RIGHT, stamp(0), compressed(PIXELS, stamp(0))),
        (RIGHT, stamp(1), replace(cut, data=cut.data[: len(cut.data) // 2])),
        (RIGHT, stamp(2), compressed(PIXELS[:1, :1], stamp(2))),
        (RIGHT, stamp(3), replace(cut, data=np.zeros(0, np.uint8))),
        (RIGHT, stamp(5), compressed(PIXELS, stamp(5))),
        ("/depth", stamp(4), raw(PIXELS[..., 0], stamp(4), "8SC1")),
    ]
    source, out = record(tmp_path / "drive", "mcap", messages), tmp_path / "out.mcap"
    assert cape("bag", source, out, "--library", library) == 1
    said = capsys.readouterr().err
    assert "/depth: 1 of 1 image could not be used, the first: image.encoding: '8SC1'" in said
    assert f"{RIGHT}: 3 of 5 images could not be used, the first: image.data: " in said
    assert "Traceback" not in said
    assert [at for _, at, _ in decoded(out)] == [stamp(0), stamp(5)]


def cut_off(source: Path) -> Path:
    (file,) = source.glob("*.mcap")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) * 2 // 3])
    return file


def without_metadata(source: Path) -> Path:
    """As a recorder leaves it that was killed."""
    cut_off(source)
    (source / "metadata.yaml").unlink()
    return source


def with_metadata(source: Path) -> Path:
    cut_off(source)
    return source


@pytest.mark.parametrize("damage", [cut_off, without_metadata, with_metadata])
def test_of_a_recording_that_is_cut_off_the_beginning_is_read(
    damage: Callable[[Path], Path],
    library: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    messages = [(LEFT, stamp(n), raw(frame(n), stamp(n))) for n in range(6)]
    source = damage(record(tmp_path / "drive", "mcap", messages))
    out = tmp_path / "out.mcap"
    assert cape("bag", source, out, "--library", library) == 1
    said = capsys.readouterr().err
    assert "drive.mcap: it is cut off or damaged (EndOfFile); the rest is not read" in said
    read = [at for _, at, _ in decoded(out)]
    assert read == [stamp(number) for number in range(len(read))]
    assert 2 <= len(read) < 6


Prepare = Callable[[Path], list[object]]


def _words_only(folder: Path) -> list[object]:
    return [record(folder / "drive", "mcap", [("/words", BEGIN, text("word"))])]


def _unknown_topic(folder: Path) -> list[object]:
    return [record(folder / "drive", "mcap", two_cameras(1)), "--topic", "/words"]


def _no_bag(folder: Path) -> list[object]:
    write_image(folder / "coffee.png", PIXELS)
    return [folder / "coffee.png"]


def _empty_folder(folder: Path) -> list[object]:
    (folder / "drive").mkdir()
    return [folder / "drive"]


def _empty_file(folder: Path) -> list[object]:
    (folder / "drive.mcap").touch()
    return [folder / "drive.mcap"]


def _half_a_database(folder: Path) -> list[object]:
    (file,) = record(folder / "drive", "sqlite3", two_cameras(2)).glob("*.db3")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return [file]


def _unknown_category(folder: Path) -> list[object]:
    return [record(folder / "drive", "mcap", two_cameras(1)), "--category", "mug"]


def _empty_library(folder: Path) -> list[object]:
    source = record(folder / "drive", "mcap", two_cameras(1))
    return [source, "--library", folder / "empty"]


@pytest.mark.parametrize(
    ("prepare", "parts"),
    [
        (lambda folder: [folder / "nothing"], ["nothing: no such file or folder"]),
        (_no_bag, ["coffee.png: no recording of ROS 2 that can be read"]),
        (_empty_folder, ["drive: no recording of ROS 2", "no .mcap and no .db3 file"]),
        (_empty_file, ["drive.mcap: no recording of ROS 2"]),
        (_half_a_database, [".db3: no recording of ROS 2", "malformed"]),
        (_words_only, ["no topic with images"]),
        (_unknown_topic, ["--topic: '/words' is no image topic", LEFT, RIGHT]),
        (_unknown_category, ["'mug' is not registered", "coffee"]),
        (_empty_library, ["--library", "does not exist"]),
    ],
)
def test_bad_input_is_told_in_one_sentence(
    prepare: Prepare,
    parts: list[str],
    library: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, *more = prepare(tmp_path)
    out = tmp_path / "out.mcap"
    assert cape("bag", source, out, "--library", library, *more) == 1
    said = capsys.readouterr().err
    assert said.startswith("cape: ")
    assert said.count("\n") == 1
    for part in parts:
        assert part in said
    assert not out.exists()


def test_a_recording_is_never_written_over(library: Path, tmp_path: Path) -> None:
    source = record(tmp_path / "drive", "mcap", two_cameras(1))
    before = {path: path.read_bytes() for path in source.iterdir()}
    for given, out in ((source, source / "new.mcap"), (source / "drive.mcap",) * 2):
        assert cape("bag", given, out, "--library", library) == 2
    assert cape("bag", source, tmp_path / "out.bag", "--library", library) == 2
    assert {path: path.read_bytes() for path in source.iterdir()} == before


@pytest.mark.parametrize("older", [True, False])
def test_an_interrupted_run_leaves_the_file_as_it_was(
    older: bool, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = record(tmp_path / "drive", "mcap", two_cameras(2)), tmp_path / "out.mcap"
    if older:
        out.write_text("older results")
    before = sorted(tmp_path.iterdir())

    def interrupted(self: ImageTopic, octets: bytes, recorded: int) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(ImageTopic, "look", interrupted)
    assert cape("bag", source, out, "--library", library) == 130
    assert sorted(tmp_path.iterdir()) == before
    assert not older or out.read_text() == "older results"


def test_where_nothing_can_be_written(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = record(tmp_path / "drive", "mcap", two_cameras(1))
    (tmp_path / "file").touch()
    (tmp_path / "folder.mcap").mkdir()
    for out in (tmp_path / "file" / "out.mcap", tmp_path / "folder.mcap"):
        assert cape("bag", source, out, "--library", library) == 1
        assert f"cape: OUT.mcap: {out} " in capsys.readouterr().err


def test_rclpy_reads_what_is_written(library: Path, tmp_path: Path) -> None:
    pytest.importorskip("rclpy")
    import cape_ros.ros  # noqa: F401  # before the message packages

    deserialize_message = pytest.importorskip("rclpy.serialization").deserialize_message
    from cape_ros.msg import KeypointArray

    source, out = record(tmp_path / "drive", "mcap", two_cameras(2)), tmp_path / "out.mcap"
    assert cape("bag", source, out, "--library", library, "--topic", RIGHT) == 0
    for (_, _, content), (_, _, expected) in zip(octets(out), decoded(out), strict=True):
        message = deserialize_message(content, KeypointArray)
        (coffee,), (same,) = message.objects, expected.objects
        assert message.header.frame_id == "camera"
        assert list(coffee.keypoint_names) == list(MARKED)
        assert coffee.box.width == same.box.width > 0
        assert [(each.x, each.y, each.score) for each in coffee.keypoints] == [
            (each.x, each.y, each.score) for each in same.keypoints
        ]
        assert coffee.keypoints[0].visibility == type(coffee.keypoints[0]).VISIBLE


def test_its_definitions_are_those_of_the_node() -> None:
    """Field by field, so that what reads the node's messages reads these."""
    types = message_types()
    whole, _ = types.generate_msgdef("cape_ros/msg/KeypointArray", ros_version=2)
    assert "MSG: std_msgs/Header" in whole
    for name in ("KeypointArray", "ObjectKeypoints", "Keypoint"):
        text = (message_page.ROOT / "msg" / f"{name}.msg").read_text("utf-8")
        (part,) = message_page.parts(text)
        fields = [row.name for row in part.rows if not row.value]
        assert [field for field, _ in types.fielddefs[f"cape_ros/msg/{name}"][1]] == fields


def test_a_topic_without_a_definition_is_not_copied_and_named(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of Humble, whose recordings in sqlite3 have none: what ROS 2 has itself is known."""
    source = record(tmp_path / "drive", "sqlite3", two_cameras(1))
    (file,) = source.glob("*.db3")
    with sqlite3.connect(file) as database:
        database.execute("DELETE FROM message_definitions")
        database.execute(
            "UPDATE topics SET type = 'own_msgs/msg/Words' WHERE type = 'std_msgs/msg/String'"
        )
    database.close()
    out = tmp_path / "out.mcap"
    assert cape("bag", file, out, "--library", library, "--topic", LEFT, "--copy") == 1
    said = capsys.readouterr().err
    assert "/words is not copied: the recording has no definition of own_msgs/msg/Words" in said
    assert [topic for topic, _, _ in decoded(out)] == [LEFT, f"{LEFT}/keypoints", RIGHT]


def test_time_goes_on_where_stamps_stand_still(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[float] = []

    def note(_: Tracker, image: np.ndarray, known: Any, settings: Any, seconds: float) -> list[Any]:
        taken.append(seconds)
        return []

    monkeypatch.setattr(Tracker, "estimate", note)
    messages = [(LEFT, stamp(number), raw(frame(number), 0)) for number in range(3)]
    source = record(tmp_path / "drive", "mcap", messages)
    assert cape("bag", source, tmp_path / "out.mcap", "--library", library, "--device", "cpu") == 0
    assert np.diff(taken) == pytest.approx([0.1, 0.1], abs=1e-6)
