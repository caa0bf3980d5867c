"""`cape`, from its first moment: a Ctrl-C ends it without a traceback also while it is imported."""

from __future__ import annotations

import os
import signal


def main() -> int:
    """Exit status 0, 1 for what a person can put right, 2 for a wrong command line, 130 for a
    Ctrl-C."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from cape_ros.cli import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    return run()
