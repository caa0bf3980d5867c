"""What a person types, in this process."""

from __future__ import annotations

import sys

from cape_ros import cli


def cape(*words: object) -> int:
    """The exit status of `cape WORDS`."""
    sys.argv = ["cape", *map(str, words)]
    try:
        return cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
