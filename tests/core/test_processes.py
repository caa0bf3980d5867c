"""How processes end."""

from __future__ import annotations

import subprocess
import sys


def test_nothing_that_was_written_is_lost_at_the_end() -> None:
    program = (
        "import ctypes, sys; from cape_ros.core.processes import leave; "
        "sys.stdout.write('of Python'); sys.stdout.flush(); sys.stderr.write('a warning'); "
        "ctypes.CDLL(None).puts(b', of C'); sys.stdout.write('and the last'); leave(3)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 3
    for part in ("of Python", ", of C\n", "and the last"):
        assert part in done.stdout
    assert done.stderr == "a warning"
