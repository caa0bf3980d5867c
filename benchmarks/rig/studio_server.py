"""Studio over the shipped network and a moving photograph that is registered, in a process of its
own, until its input ends:

python -m rig.studio_server RATE

RATE: of the camera, in frames/s. Says its address; then for each line that comes, as JSON, how many
frames were answered by then, when that was, and what Studio's threads spent, in seconds.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from pathlib import Path

from cape_ros.demo.photographs import photographs
from cape_ros.demo.sources import MovingPhotograph
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.library import CategoryLibrary
from cape_ros.server import Result, Server
from cape_ros.studio.local import CAMERA, PERIOD, SEED, play
from cape_ros.studio.studio import Studio


def spent_by_studio() -> float:
    """Processor seconds."""
    ids = [thread.native_id for thread in threading.enumerate() if "studio" in thread.name]
    files = [Path(f"/proc/self/task/{number}/schedstat") for number in ids]
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


def serve(rate: float, library: Path) -> None:
    studio: Studio | None = None

    def offer(result: Result) -> None:
        if studio is not None:
            studio.offer(result)

    server = Server(Estimator.load(), CategoryLibrary(library), on_result=offer)
    coffee = photographs()[0]
    server.register(coffee)
    source = MovingPhotograph(coffee, PERIOD, SEED)
    source.rate = rate
    ended = threading.Event()
    playing = threading.Thread(target=play, args=(source, server, ended))
    playing.start()
    studio = Studio(server, port=0, cameras=lambda: [CAMERA])
    print(studio.address, flush=True)
    for _ in sys.stdin:
        answered = server.statistics.answered
        said = {"answered": answered, "at": time.monotonic(), "spent": spent_by_studio()}
        print(json.dumps(said), flush=True)
    ended.set()
    playing.join()
    studio.close()
    server.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        serve(float(sys.argv[1]), Path(folder))
