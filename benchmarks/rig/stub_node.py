"""The node `/cape` with another network, in a process of its own, until its input ends:

python -m rig.stub_node NETWORK RECORD --ros-args ...

NETWORK: as in `networks.estimator`. RECORD: where to write what became of each frame, or "-".
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from cape_ros.perception.estimator import Estimator
from cape_ros.ros.node import main
from rig import networks
from rig.probes import Probes


def stop_at_end_of_input() -> None:
    """The benchmark closes it, or is gone."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGINT)


def run(network: str, record: str, arguments: list[str]) -> int:
    made = networks.estimator(network)
    Estimator.load = lambda *options: made  # type: ignore[method-assign, assignment]
    probes = None if record == "-" else Probes()
    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    status = main([sys.argv[0], *arguments])
    if probes is not None:
        probes.write(Path(record))
    return status


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2], sys.argv[3:]))
