"""Programs whose terminal is closed, or whose connection to it breaks."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys, threading
from pathlib import Path
from cape_ros.core.hangup import on_hangup
told = threading.Event()
on_hangup(told.set)
print("ready", flush=True)
print("ready", file=sys.stderr, flush=True)
while not told.wait(0.01):
    pass
print("ends", flush=True)  # to nobody
print("ends", file=sys.stderr, flush=True)
Path(sys.argv[1]).write_text("saved")
"""


def start(out: Path, *before: str, terminal: int | None = None) -> subprocess.Popen[bytes]:
    words = [*before, sys.executable, "-c", PROGRAM, str(out)]
    place = subprocess.PIPE if terminal is None else terminal
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        words, stdin=place, stdout=place, stderr=place, env=environ, start_new_session=True
    )


def test_a_program_ends_in_order_without_its_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = start(tmp_path / "out", terminal=theirs)
    os.close(theirs)
    said = b""
    while said.count(b"ready") < 2:
        said += os.read(ours, 100)
    os.close(ours)  # from now on writing to it fails
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 0
    assert (tmp_path / "out").read_text() == "saved"


def test_what_is_no_terminal_is_written_to_the_end(tmp_path: Path) -> None:
    process = start(tmp_path / "out")
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    out, error = process.communicate(timeout=60)
    assert (out, error) == (b"ends\n", b"ready\nends\n")


@pytest.mark.skipif(not Path("/usr/bin/nohup").exists(), reason="needs nohup")
def test_what_is_to_go_on_goes_on(tmp_path: Path) -> None:
    process = start(tmp_path / "out", "/usr/bin/nohup")
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    process.kill()
    process.communicate()
