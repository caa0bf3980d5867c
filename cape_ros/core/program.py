"""The executables: one sentence and exit status 1 where something to start with is missing.

Imports nothing that an installation may lack.
"""

from __future__ import annotations

import sys
from importlib import import_module

from cape_ros.core.extras import missing_requirement
from cape_ros.errors import CapeError


def run(name: str, module: str) -> int:
    """The exit status of `main` in that module. name: what the executable is called."""
    try:
        return int(import_module(module).main())
    except ImportError as error:
        reason = missing_requirement(error)
        if reason is None:
            raise
    except CapeError as error:
        reason = error
    print(f"{name}: {reason}", file=sys.stderr)
    return 1


def cape() -> int:
    return run("cape", "cape_ros.cli")


def cape_node() -> int:
    return run("cape_node", "cape_ros.ros.node")


def register() -> int:
    return run("register", "cape_ros.ros.register")
