"""Studio over the shipped network and a moving photograph that is registered, in a process of its
own, until its input ends:

python -m rig.studio_server RATE

RATE: of the camera, in frames/s. Says its address; then for each line that comes, as JSON, how many
frames were answered by then, when that was, and what Studio's threads and all others but the camera
spent, in seconds.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from pathlib import Path

from cape_ros.media.photographs import photographs
from cape_ros.media.sources import MovingPhotograph
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.library.library import CategoryLibrary
from cape_ros.server.server import Result, Server
from cape_ros.studio.local import CAMERA, PERIOD, SEED, play
from cape_ros.studio.studio import Studio


def spent_by(name: str) -> float:
    """Processor seconds of the threads whose names begin so."""
    ids = [each.native_id for each in threading.enumerate() if each.name.startswith(name)]
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
    playing = threading.Thread(target=play, args=(source, server, ended), name="camera")
    playing.start()
    studio = Studio(server, port=0, cameras=lambda: [CAMERA])
    print(studio.address, flush=True)
    for _ in sys.stdin:
        answered = server.statistics.answered
        of_studio = spent_by("studio")
        others = time.process_time() - of_studio - spent_by("camera")
        counted = {
            "answered": answered,
            "at": time.monotonic(),
            "studio": of_studio,
            "others": others,
        }
        print(json.dumps(counted), flush=True)
    ended.set()
    playing.join()
    studio.close()
    server.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        serve(float(sys.argv[1]), Path(folder))
