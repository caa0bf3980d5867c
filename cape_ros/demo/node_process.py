"""The node `/cape` in a process of its own, as `ros2 run` would start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType

from cape_ros.core import fastdds
from cape_ros.core.errors import CapeError
from cape_ros.demo.camera_node import TOPIC
from cape_ros.demo.folder import LOG

LAST_LINES = 8
SHUTDOWN_TIMEOUT = 10.0  # [s] to end after SIGINT


class NodeProcess:
    """Runs while the `with` block does. Its output goes to `log`.

    parameters: of the node. topics: that it takes for others, such as `/cape/depth`.
    """

    def __init__(
        self,
        folder: Path,
        parameters: Mapping[str, str | int | float | bool],
        topics: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.log = folder / LOG
        self._command = [sys.executable, "-m", "cape_ros.ros.node", "--ros-args"]
        for name, value in parameters.items():
            # Quoted, because a value is read as YAML: a folder may be called 2024-10-01.
            self._command += ["-p", f"{name}:={json.dumps(value)}"]
        for name, topic in {"/cape/image": TOPIC, **topics}.items():
            self._command += ["-r", f"{name}:={topic}"]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> NodeProcess:
        environment = {"PYTHONUNBUFFERED": "1", **os.environ}
        fastdds.use_profile(environment)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(SHUTDOWN_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def check(self) -> None:
        """Raises `CapeError` with the end of its log if the node has ended."""
        if self._process is not None and (status := self._process.poll()) is not None:
            raise CapeError(f"the node ended with status {status}; {self.log_tail()}")

    def log_tail(self) -> str:
        """The end of the node's log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        tail = "\n".join(f"    {line}" for line in lines) if lines else "    (nothing)"
        return f"the end of its log, {self.log}:\n{tail}"
