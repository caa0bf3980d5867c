"""Processes that start at once: forked from one that has already imported PyTorch.

A new interpreter spends three seconds of a core on that import. A fork runs what `python PATH
WORDS` or `python -c PROGRAM WORDS` would run: as `__main__`, with an environment, a working
directory and output of its own; it ends as an interpreter ends.

Run as a program with the names of modules, this file is the process that forks. It must not have
threads, as a fork would have their locks but not the threads. Hence no rclpy among the modules: its
tracing library starts two. Importing rclpy in each fork costs little.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LARGEST_REQUEST = 1 << 17  # bytes: arguments and environment
STARTING = 120.0  # [s] for the imports, on a machine that is busy with something else


class Forks:
    """Starts processes; a context manager. modules: what each of them finds imported."""

    def __init__(self, *modules: str) -> None:
        self._connection, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.settimeout(STARTING)
        single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # numpy's would be started
        with other:
            self._original = subprocess.Popen(
                [sys.executable, __file__, str(other.fileno()), *modules],
                pass_fds=[other.fileno()],
                env={**os.environ, **single},
            )
        self._ready = False

    def start(
        self, words: Sequence[object], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Process:
        """words: what follows `python` on a command line. env: the environment, by default ours."""
        if not self._ready:
            assert self._connection.recv(16) == b"ready", "the process that forks did not start"
            self._ready = True
        request = [[str(word) for word in words], dict(env or os.environ), str(cwd or Path.cwd())]
        out, err = (open(os.memfd_create(name), "w+") for name in ("out", "err"))  # noqa: SIM115
        status, theirs = os.pipe()
        files = [out.fileno(), err.fileno(), theirs]
        socket.send_fds(self._connection, [json.dumps(request).encode()], files)
        os.close(theirs)
        return Process(int(self._connection.recv(16)), status, out, err)

    def run(self, words: Sequence[object], timeout: float, **options: Any) -> Any:
        """As `subprocess.run` does with capture_output and text."""
        with self.start(words, **options) as process:
            out, err = process.communicate(timeout)
            return subprocess.CompletedProcess(words, process.returncode, out, err)

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._original.wait()


class Process:
    """As `subprocess.Popen`, as far as tests need it."""

    def __init__(self, pid: int, status: int, out: Any, err: Any) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status
        self._out, self._err = out, err

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self.returncode = os.waitstatus_to_exitcode(int(os.read(self._status, 16)))
        return self.returncode

    def wait(self, timeout: float) -> int:
        select.select([self._status], [], [], timeout)
        if self.poll() is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return self.returncode or 0

    def said(self) -> str:
        """Its errors so far."""
        return Path(f"/proc/self/fd/{self._err.fileno()}").read_text()

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Output and errors, once it has ended."""
        self.wait(timeout)
        for file in (self._out, self._err):
            file.seek(0)
        return self._out.read(), self._err.read()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait(STARTING)
        os.close(self._status)
        self._out.close()
        self._err.close()


# From here on, the process that forks.


def serve(connection: socket.socket) -> list[str]:
    """Fork whenever it is asked for. Returns only in the forks: the words of the command line."""
    running: dict[int, tuple[int, int]] = {}  # by pidfd: pid, where to report its status
    with selectors.DefaultSelector() as waiting:
        waiting.register(connection, selectors.EVENT_READ)
        connection.send(b"ready")
        while True:
            for key, _ in waiting.select():
                if key.fileobj is not connection:
                    waiting.unregister(key.fd)
                    _end(key.fd, *running.pop(key.fd))
                    continue
                request, files, _, _ = socket.recv_fds(connection, LARGEST_REQUEST, 3)
                if not request:
                    raise SystemExit
                out, err, status = files
                assert len(os.listdir("/proc/self/task")) == 1, "it has threads"
                pid = os.fork()
                if not pid:
                    for own in (connection.fileno(), status, *running):
                        os.close(own)
                    for _, other in running.values():
                        os.close(other)
                    connection.detach()
                    return _become(json.loads(request), out, err)
                os.close(out)
                os.close(err)
                process = os.pidfd_open(pid)
                running[process] = pid, status
                waiting.register(process, selectors.EVENT_READ)
                connection.send(str(pid).encode())


def _end(process: int, pid: int, status: int) -> None:
    os.write(status, str(os.waitpid(pid, 0)[1]).encode())
    os.close(status)
    os.close(process)


def _become(request: Any, out: int, err: int) -> list[str]:
    words, environment, folder = request
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    for file, place in ((out, 1), (err, 2)):
        os.dup2(file, place)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    return words


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    for module in sys.argv[2:]:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # else each fork would copy all of it to find garbage, at the latest when it ends
    words = serve(connection)
    if words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = words
        sys.path[0] = str(Path(words[0]).resolve().parent)
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    main()
