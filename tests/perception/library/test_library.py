from __future__ import annotations

import dataclasses
import errno
import fcntl
import os
import random
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from cape_ros.core.errors import InvalidInput, LibraryError
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.library.category_folder import UNREADABLE, read_category
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.perception.spatial import CameraModel, Shape, read_frames

NAMES = ("tip", "naïve ✓", "end: 'x'")
POINTS = [[1.1, 2.7], [20.3, 15.9], [float("nan"), 7.0]]
VISIBLE = [True, True, False]


def category(name: str = "arm", seed: int = 0, shots: int = 1) -> Category:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (shots, 24, 31, 3), dtype=np.uint8)
    return Category(name, NAMES, [(0, 1)], [SupportShot(i, POINTS, VISIBLE) for i in images])


def assert_equal(found: Category, expected: Category) -> None:
    for name in ("name", "keypoint_names", "edges", "symmetries", "version"):
        assert getattr(found, name) == getattr(expected, name)
    assert len(found.shots) == len(expected.shots)
    for a, b in zip(found.shots, expected.shots, strict=True):
        assert (a.image == b.image).all()
        assert (a.keypoints == b.keypoints).all()
        assert (a.visible == b.visible).all()
        assert a.box == b.box
        assert a.automatic == b.automatic


def entry(root: Path, name: str = "arm", version: int = 1) -> Path:
    return root / "categories" / name / f"v{version:06d}"


def test_symmetries_and_automatic_shots_are_kept(tmp_path: Path) -> None:
    by_hand, other = category(shots=2).shots
    taken = SupportShot(other.image, POINTS, VISIBLE, automatic=True)
    arm = dataclasses.replace(category(), shots=[by_hand, taken], symmetries=[(1, 0, 2)])
    put = CategoryLibrary(tmp_path).put(arm)
    assert_equal(CategoryLibrary(tmp_path).get("arm"), put)
    assert put.symmetries == ((1, 0, 2),)


def test_shape_frames_and_cameras_are_kept(tmp_path: Path) -> None:
    points = [(0.01, 0.02, 0.03), (np.nan,) * 3, (0.0, 0.0, 0.1)]
    frames = read_frames({"grip": {"origin": NAMES[:2], "z": "approach"}}, NAMES)
    camera = CameraModel.of([100, 0, 15, 0, 100, 12, 0, 0, 1], [0.1, 0.01, 0, 0, 0], "plumb_bob")
    shot = dataclasses.replace(category().shots[0], camera=camera)
    shape = Shape.given(points, 3)
    put = dataclasses.replace(category(), shots=[shot], shape=shape, frames=frames)
    CategoryLibrary(tmp_path).put(put)
    got = CategoryLibrary(tmp_path).get("arm")
    np.testing.assert_array_equal(got.shape.points, shape.points)
    np.testing.assert_array_equal(got.shape.variances[[0, 2]], shape.variances[[0, 2]])
    assert got.shape.metric
    assert got.frames == frames
    np.testing.assert_array_equal(got.shots[0].camera.matrix, camera.matrix)
    pixels = np.array([(3.0, 4.0)])
    np.testing.assert_array_equal(got.shots[0].camera.rays(pixels), camera.rays(pixels))


def test_categories_are_there_after_a_restart(tmp_path: Path) -> None:
    library = CategoryLibrary(tmp_path / "new" / "library")
    assert library.names() == ()
    arm = library.put(category("arm", 1, shots=3))
    cup = library.put(category("cup", 2))
    again = CategoryLibrary(library.root)
    assert again.names() == ("arm", "cup")
    assert again.damaged == ()
    assert again.database_version == library.database_version == 2
    for found, expected in zip(again, (arm, cup), strict=True):
        assert_equal(found, expected)


def test_what_is_written_is_for_people_to_read(tmp_path: Path) -> None:
    CategoryLibrary(tmp_path).put(category())
    described = yaml.safe_load((entry(tmp_path) / "category.yaml").read_text("utf-8"))
    assert described["keypoint_names"] == list(NAMES)
    assert "naïve ✓" in (entry(tmp_path) / "category.yaml").read_text("utf-8")
    assert (entry(tmp_path) / "shot_000.png").read_bytes().startswith(b"\x89PNG")


def test_versions_never_go_back(tmp_path: Path) -> None:
    library = CategoryLibrary(tmp_path)
    assert library.put(category()).version == 1
    assert library.put(dataclasses.replace(category(seed=5), version=99)).version == 2
    assert sorted(path.name for path in (tmp_path / "categories" / "arm").iterdir()) == ["v000002"]
    library.remove("arm")
    assert library.names() == ()
    library = CategoryLibrary(tmp_path)
    assert library.names() == ()
    assert library.database_version == 3
    assert library.put(category()).version == 3
    assert library.database_version == 4


def test_versions_do_not_go_back_without_the_record(tmp_path: Path) -> None:
    library = CategoryLibrary(tmp_path)
    for _ in range(3):
        library.put(category())
    (tmp_path / "library.yaml").write_text("{")
    library = CategoryLibrary(tmp_path)
    assert [damaged.name for damaged in library.damaged] == ["library.yaml"]
    assert library.database_version == 3
    assert library.put(category()).version == 4


def test_what_another_process_registered_is_not_lost(tmp_path: Path) -> None:
    one, other = CategoryLibrary(tmp_path), CategoryLibrary(tmp_path)
    stored = one.put(category(seed=1))
    with pytest.raises(LibraryError, match="another program changed arm: its version is 1"):
        other.put(category(seed=2))
    assert other.put(category("cup")).version == 1  # another name
    one.put(category(seed=3))
    one.remove("arm")
    late = CategoryLibrary(tmp_path)
    assert late.names() == ("cup",)
    late.remove("cup")
    with pytest.raises(LibraryError, match="another program changed cup: it is not registered"):
        other.remove("cup")
    assert stored.version == 1
    assert one.put(category()).version == 3


def test_names_that_some_disks_take_for_one(tmp_path: Path) -> None:
    library = CategoryLibrary(tmp_path)
    library.put(category("Mug"))
    with pytest.raises(InvalidInput, match="'mug' is registered as 'Mug'"):
        library.put(category("mug"))
    assert library.put(category("Mug")).version == 2


def test_unknown_names_and_missing_shots_are_bad_input(tmp_path: Path) -> None:
    library = CategoryLibrary(tmp_path)
    library.put(category("cup"))
    for call in (library.get, library.remove):
        with pytest.raises(InvalidInput, match=r"'\.\./arm' is not registered \(known: cup\)"):
            call("../arm")
    with pytest.raises(InvalidInput, match="shots"):
        library.put(Category("arm", NAMES))
    assert library.names() == ("cup",)
    assert library.database_version == 1


def broken_png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk


def edit(**changes: Any) -> Any:
    def change(folder: Path) -> None:
        path = folder / "category.yaml"
        described = yaml.safe_load(path.read_text("utf-8"))
        path.write_text(yaml.safe_dump({**described, **changes}), "utf-8")

    return change


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


DAMAGES = {
    "no description": lambda folder: (folder / "category.yaml").unlink(),
    "empty description": lambda folder: (folder / "category.yaml").write_bytes(b""),
    "binary description": lambda folder: (folder / "category.yaml").write_bytes(b"\xff\x00" * 50),
    "code in the description": lambda folder: (folder / "category.yaml").write_text(
        "!!python/object/apply:os.system ['touch owned']"
    ),
    "of an unknown release": edit(format=0),
    "a field too much": edit(more=1),
    "aliases": lambda folder: (folder / "category.yaml").write_text("a: &a [x]\nb: [*a, *a]"),
    "a pipe": lambda folder: replace_by_pipe(folder / "category.yaml"),
    "a pipe for an image": lambda folder: replace_by_pipe(folder / "shot_000.png"),
    "a device": lambda folder: replace_by_link(folder / "shot_000.png", "/dev/zero"),
    "another category's": edit(name="cup"),
    "another version": edit(version=7),
    "shots are a number": edit(shots=3),
    "no shots": edit(shots=[]),
    "a shot without fields": edit(shots=[{}]),
    "faulty edges": edit(edges=[[0, 77]]),
    "no image": lambda folder: (folder / "shot_000.png").unlink(),
    "truncated image": lambda folder: os.truncate(folder / "shot_000.png", 200),
    "no PNG": lambda folder: (folder / "shot_000.png").write_text("hello"),
    "a bomb": lambda folder: (folder / "shot_000.png").write_bytes(broken_png(60000, 60000)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_set_aside_and_the_others_load(tmp_path: Path, damage: str) -> None:
    library = CategoryLibrary(tmp_path)
    cup = library.put(category("cup", 3))
    library.put(category("arm"))
    DAMAGES[damage](entry(tmp_path))
    library = CategoryLibrary(tmp_path)
    assert library.names() == ("cup",)
    assert_equal(library.get("cup"), cup)
    (damaged,) = library.damaged
    assert damaged.name == "arm-v000001"
    assert damaged.reason
    assert [path.name.startswith("arm-v000001-2") for path in (tmp_path / "damaged").iterdir()]
    assert CategoryLibrary(tmp_path).damaged == ()
    assert library.put(category("arm")).version == 2


def test_no_flipped_bit_is_served(tmp_path: Path) -> None:
    """benchmarks/attacks.py flips 2,000."""
    CategoryLibrary(tmp_path).put(category())
    before = CategoryLibrary(tmp_path).get("arm")
    generator = random.Random(0)
    for name in ("category.yaml", "shot_000.png"):
        path = entry(tmp_path) / name
        whole = path.read_bytes()
        for _ in range(150):
            damaged = bytearray(whole)
            damaged[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
            path.write_bytes(damaged)
            try:
                read = read_category(entry(tmp_path), "arm", 1)
            except UNREADABLE:
                continue
            assert_equal(read, before)  # of a flip that says the same, as in a quote
        path.write_bytes(whole)


def test_an_entry_without_a_checksum_is_of_an_earlier_release(tmp_path: Path) -> None:
    before = CategoryLibrary(tmp_path).put(category())
    path = entry(tmp_path) / "category.yaml"
    path.write_text(path.read_text("utf-8").rpartition("sha256: ")[0], "utf-8")
    assert_equal(CategoryLibrary(tmp_path).get("arm"), before)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
@pytest.mark.parametrize("file", ["category.yaml", "shot_000.png"])
def test_a_disk_that_does_not_answer_now_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, file: str
) -> None:
    before = CategoryLibrary(tmp_path).put(category())
    opened = os.open

    def fail(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith(file):
            raise OSError(number, os.strerror(number))
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fail)
        library = CategoryLibrary(tmp_path)
        assert library.names() == ()
        assert os.strerror(number) in library.damaged[0].reason
    assert_equal(CategoryLibrary(tmp_path).get("arm"), before)


def test_what_a_later_release_wrote_stays_where_it_is(tmp_path: Path) -> None:
    CategoryLibrary(tmp_path).put(category())
    whole = (entry(tmp_path) / "category.yaml").read_bytes()
    edit(format=2)(entry(tmp_path))
    assert "later release" in CategoryLibrary(tmp_path).damaged[0].reason
    (entry(tmp_path) / "category.yaml").write_bytes(whole)
    assert CategoryLibrary(tmp_path).names() == ("arm",)
    (tmp_path / "library.yaml").write_text("format: 2")
    with pytest.raises(LibraryError, match=r"later release.*update cape_ros"):
        CategoryLibrary(tmp_path)


@pytest.mark.parametrize("number", [2**32, 2**64, 10**400, -1, True, 1.5, "7"])
@pytest.mark.parametrize("place", ["database_version", "last_versions"])
def test_a_number_that_no_message_holds_is_set_aside(
    tmp_path: Path, number: object, place: str
) -> None:
    CategoryLibrary(tmp_path).put(category())
    record = tmp_path / "library.yaml"
    content = {"format": 1, "database_version": 1, "last_versions": {"arm": 1}}
    content[place] = number if place == "database_version" else {"arm": number}
    record.write_text(yaml.safe_dump(content))
    library = CategoryLibrary(tmp_path)
    assert [each.name for each in library.damaged] == ["library.yaml"]
    assert library.database_version == 1
    assert library.put(category()).version == 2


@pytest.mark.parametrize("beside", [False, True])
def test_a_version_that_no_message_holds_is_set_aside(tmp_path: Path, beside: bool) -> None:
    CategoryLibrary(tmp_path).put(category())
    huge = tmp_path / "categories" / "arm" / "v99999999999"
    if beside:
        huge.mkdir()
    else:
        entry(tmp_path).rename(huge)
    (tmp_path / "library.yaml").unlink()
    library = CategoryLibrary(tmp_path)
    assert len(library.damaged) == 1
    assert library.names() == (("arm",) if beside else ())
    assert library.database_version < 2**32
    assert library.put(category()).version < 2**32
    assert CategoryLibrary(tmp_path).damaged == ()


HOLDER = """
import fcntl, os, signal, sys
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_stopped_process_that_holds_the_lock_is_named_and_waited_for_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    library = CategoryLibrary(tmp_path)
    arm = library.put(category())
    monkeypatch.setattr("cape_ros.perception.library.lock.PATIENCE", 0.1)
    command = [sys.executable, "-c", HOLDER, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            (tmp_path / ".staging" / "of the holder").mkdir(parents=True)
            again = CategoryLibrary(tmp_path)
            assert_equal(again.get("arm"), arm)
            (line,) = [record.getMessage() for record in caplog.records]
            assert f"another program holds {tmp_path / '.lock'}" in line
            assert f"process {holder.pid}" in line
            assert (tmp_path / ".staging" / "of the holder").is_dir()
            with pytest.raises(LibraryError, match="another program holds"):
                again.put(category("cup"))
            with pytest.raises(LibraryError, match="another program holds"):
                again.remove("arm")
            assert again.names() == ("arm",)
        finally:
            holder.kill()
    assert again.put(category("cup")).version == 1


def test_a_disk_without_locks_is_read_and_says_why_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network disk without a lock service."""
    CategoryLibrary(tmp_path).put(category())

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    library = CategoryLibrary(tmp_path)
    assert library.names() == ("arm",)
    with pytest.raises(LibraryError, match=r"No locks available: files cannot be locked there; ch"):
        library.put(category("leg"))
    assert library.names() == ("arm",)


def test_what_is_no_category_is_set_aside(tmp_path: Path) -> None:
    CategoryLibrary(tmp_path).put(category())
    (tmp_path / "categories" / "no name!").mkdir()
    (tmp_path / "categories" / "no name!" / "v000001").mkdir()
    (tmp_path / "categories" / "empty").mkdir()
    library = CategoryLibrary(tmp_path)
    assert library.names() == ("arm",)
    assert [damaged.name for damaged in library.damaged] == ["no name!"]
    assert [path.name for path in (tmp_path / "categories").iterdir()] == ["arm"]


@pytest.mark.parametrize("name", [".DS_Store", "._arm", ".nfs00c1", "Thumbs.db", "desktop.ini"])
def test_files_that_other_programs_put_there_stay(tmp_path: Path, name: str) -> None:
    CategoryLibrary(tmp_path).put(category())
    beside = tmp_path / "categories" / name
    beside.touch()
    library = CategoryLibrary(tmp_path)
    assert library.names() == ("arm",)
    assert library.damaged == ()
    assert beside.exists()


@pytest.mark.parametrize("name", ["@eaDir", "lost+found", ".Trash-1000"])
def test_folders_that_other_programs_put_there_stay(tmp_path: Path, name: str) -> None:
    CategoryLibrary(tmp_path).put(category())
    beside = tmp_path / "categories" / name / "arm@SynoEAStream"
    beside.parent.mkdir()
    beside.touch()
    assert CategoryLibrary(tmp_path).damaged == ()
    assert beside.exists()


def test_a_disk_that_does_not_sync_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def of_files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):  # as SMB on older kernels, and some in FUSE
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", of_files_only)
    library = CategoryLibrary(tmp_path)
    library.put(category())
    library.put(category("leg"))
    library.remove("arm")
    assert CategoryLibrary(tmp_path).names() == ("leg",)


@pytest.mark.parametrize("call", ["replace", "fsync", "mkdir"])
@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only")]
)
def test_a_full_or_read_only_disk_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, words: str
) -> None:
    library = CategoryLibrary(tmp_path)
    before = library.put(category(seed=1))

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(LibraryError, match=words):
            library.put(category(seed=2))
        with pytest.raises(LibraryError, match=words):
            library.put(category("cup"))
        if number != errno.ENOSPC:
            with pytest.raises(LibraryError, match=words):
                library.remove("arm")
    assert not (tmp_path / ".library.yaml").exists()
    assert library.get("arm") is before
    assert library.names() == ("arm",)
    assert library.database_version == 1
    again = CategoryLibrary(tmp_path)
    assert_equal(again.get("arm"), before)
    assert again.names() == ("arm",)
    assert library.put(category(seed=2)).version == 2


@pytest.mark.parametrize("call", ["replace", "fsync", "mkdir"])
def test_on_a_full_disk_a_category_can_be_removed_to_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    library = CategoryLibrary(tmp_path)
    library.put(category())

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        library.remove("arm")
    assert CategoryLibrary(tmp_path).names() == library.names() == ()
    assert CategoryLibrary(tmp_path).damaged == ()
    assert library.put(category()).version == 2


def test_a_path_that_cannot_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match="cannot be opened"):
        CategoryLibrary(tmp_path / "file" / "library")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to a read-only folder")
def test_a_read_only_folder_can_be_read(tmp_path: Path) -> None:
    before = CategoryLibrary(tmp_path).put(category())
    folders = [tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        library = CategoryLibrary(tmp_path)
        assert_equal(library.get("arm"), before)
        with pytest.raises(LibraryError, match="read-only"):
            library.put(category("cup"))
        assert library.names() == ("arm",)
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_readers_see_whole_categories_while_one_writes(tmp_path: Path) -> None:
    library = CategoryLibrary(tmp_path)
    library.put(category())
    done, seen, failures = threading.Event(), set(), []

    def read() -> None:
        last = 0
        while not done.is_set():
            found = library.get("arm")
            if found.version < last or library.names() != ("arm",):
                failures.append(found.version)
            last = found.version
            seen.add(last)
            time.sleep(0.001)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(10):
        library.put(category(seed=number))
    done.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert max(seen) <= 11


WRITER = """
import sys
from pathlib import Path
import numpy as np
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.spatial import CameraModel, Shape, read_frames
from cape_ros.perception.library.category_folder import UNREADABLE, read_category
from cape_ros.perception.library.library import CategoryLibrary
library = CategoryLibrary(Path(sys.argv[1]))
while True:
    value = library.get("arm").version + 1 if "arm" in library.names() else 1
    image = np.full((40, 50, 3), value % 256, np.uint8)
    shots = [SupportShot(image, [[5, 5], [30, 30]]) for _ in range(3)]
    print(library.put(Category("arm", ["a", "b"], (), shots)).version, flush=True)
"""


def test_a_kill_in_the_middle_of_writing_leaves_a_whole_version(tmp_path: Path) -> None:
    chance, newest = random.Random(4), 0
    for _ in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).resolve().parents[3],
        )
        assert writer.stdout is not None
        versions = [int(writer.stdout.readline())]
        time.sleep(chance.uniform(0.0, 0.08))
        writer.send_signal(signal.SIGKILL)
        versions += [int(line) for line in writer.stdout.read().splitlines()]
        writer.wait()
        writer.stdout.close()
        assert versions[0] > newest
        library = CategoryLibrary(tmp_path)
        assert library.damaged == ()
        found = library.get("arm")
        assert found.version >= versions[-1]
        assert [len(np.unique([shot.image for shot in found.shots])), len(found.shots)] == [1, 3]
        newest = found.version
        assert library.database_version >= newest
        assert not (tmp_path / ".staging").exists()


KILLED_AT_EACH_STEP = """
import os, sys
from pathlib import Path
import numpy as np
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.spatial import CameraModel, Shape, read_frames
from cape_ros.perception.library.category_folder import UNREADABLE, read_category
from cape_ros.perception.library.library import CategoryLibrary
root = Path(sys.argv[1])
def category(value):
    return Category("arm", ["a"], (), [SupportShot(np.full((9, 9, 3), value, np.uint8), [[5, 5]])])
def killed_at(step, change):
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    steps = 0
    def counted(call):
        def counting(*arguments, **named):
            nonlocal steps
            steps += 1
            if steps == step:
                os._exit(9)
            return call(*arguments, **named)
        return counting
    library = CategoryLibrary(root)
    for name in ("replace", "fsync", "mkdir", "rmdir", "unlink"):
        setattr(os, name, counted(getattr(os, name)))
    change(library)
    os._exit(0)
version = CategoryLibrary(root).put(category(1)).version
for value, change in ((2, lambda l: l.put(category(2))), (None, lambda l: l.remove("arm"))):
    step, code = 0, 9
    while code == 9:
        step += 1
        code = killed_at(step, change)
        library = CategoryLibrary(root)
        assert not library.damaged, library.damaged
        if value is None and "arm" not in library.names():
            version = library.put(category(2)).version
            continue
        found = library.get("arm")
        assert found.version >= version
        assert found.shots[0].image.max() == found.shots[0].image.min() <= 2
        version = found.version
    assert code == 0
    assert step > 5
"""


def test_a_kill_at_any_step_leaves_the_category_before_or_after(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", KILLED_AT_EACH_STEP, str(tmp_path)],
        check=True,
        cwd=Path(__file__).resolve().parents[3],
    )
