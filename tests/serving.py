"""`cape serve` in a process of its own, as a person starts and ends it."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

SECONDS = 120.0


def serve_until_ctrl_c(
    command: Sequence[str], log: Path, size: tuple[int, int], env: dict[str, str] | None = None
) -> None:
    """Studio shows the page and, once a frame is answered, freezes one of (width, height)."""
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=env)
    try:
        end = time.monotonic() + SECONDS
        while not (match := re.search(r"Studio .*: (http://\S+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        with httpx.Client(base_url=match[1], timeout=SECONDS) as browser:
            assert "<html" in browser.get("/").text
            while not browser.get("/api/cameras").json()[0]["answered"]:
                assert time.monotonic() < end
                time.sleep(0.05)
            frozen = browser.post("/api/freeze", json={}).json()
            assert (frozen["width"], frozen["height"]) == size
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in log.read_text()
