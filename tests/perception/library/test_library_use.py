"""Two programs that serve one library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cape_ros.perception.library.library_use import LOCK, LibraryUse


def test_the_second_is_told_of_the_first_until_it_ends(tmp_path: Path) -> None:
    first, second = LibraryUse(tmp_path, "/left/cape"), LibraryUse(tmp_path, "/right/cape")
    assert first.other is None
    assert second.other is not None
    assert second.other.startswith(f"/left/cape (process {os.getpid()} on ")
    assert first.other is None
    first.close()
    first.close()
    assert first.other is None
    assert second.other is None
    third = LibraryUse(tmp_path, "/third")
    assert third.other is not None
    assert third.other.startswith("/right/cape (")
    second.close()
    third.close()


def test_another_process_is_noticed_and_a_killed_one_is_not(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; "
        "from cape_ros.perception.library.library_use import LibraryUse; "
        "use = LibraryUse(Path(sys.argv[1]), '/other/cape'); "
        "print(use.other, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "None\n"
        mine = LibraryUse(tmp_path, "/cape")
        assert mine.other is not None
        assert f"/other/cape (process {process.pid} on " in mine.other
        process.kill()
        process.wait()
    assert mine.other is None
    mine.close()


def test_a_lock_that_says_nothing_is_still_a_lock(tmp_path: Path) -> None:
    first, second = LibraryUse(tmp_path, "first"), LibraryUse(tmp_path, "second")
    assert first.other is None
    (tmp_path / LOCK).write_bytes(b"\x00\xff")
    assert second.other == "another program"
    first.close()
    second.close()


def test_a_folder_that_cannot_be_written_to_is_nobodys(tmp_path: Path) -> None:
    use = LibraryUse(tmp_path / "absent", "/cape")
    assert use.other is None
    use.close()
