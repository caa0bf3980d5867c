"""Entry points of the executables; a missing dependency is one sentence and exit status 1.

Imports nothing that an installation may lack.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from importlib import import_module
from typing import NoReturn

from cape_ros.core.errors import CapeError
from cape_ros.core.extras import missing_requirement
from cape_ros.core.processes import leave


def run(name: str, module: str, interrupted: int) -> int:
    """The exit status of `main` in that module.

    name: what the executable is called. interrupted: the exit status of a Ctrl-C during the
    imports, which take seconds; later ones are the module's own business.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(interrupted))
    for stream in (sys.stdout, sys.stderr):  # None where they are closed
        if isinstance(stream, io.TextIOWrapper):  # names of people's objects hold any letter
            stream.reconfigure(errors="backslashreplace")
    try:
        _check_folder()
        main = import_module(module).main
        if interrupted:  # the node's main has a handler of its own, and no moment without one
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return int(main())
    except ImportError as error:
        reason = missing_requirement(error)
        if reason is None:
            raise
    except CapeError as error:
        reason = error
    print(f"{name}: {reason}", file=sys.stderr)
    return 1


def _check_folder() -> None:
    """Raises `CapeError` where libraries would end the process with another reason."""
    try:
        os.getcwd()
    except FileNotFoundError:
        reason = "the folder in which it is started was deleted; change into another one"
        raise CapeError(reason) from None


def cape() -> int:
    """The executable `cape`; returns its exit status."""
    return run("cape", "cape_ros.cli", 130)


def cape_node() -> NoReturn:
    """The executable `cape_node`: runs the node, then leaves the process with its exit status."""
    leave(run("cape_node", "cape_ros.ros.node", 0))


def register() -> int:
    """The executable `register`; returns its exit status."""
    return run("register", "cape_ros.ros.register", 130)
