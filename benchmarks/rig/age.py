"""B: how old a frame is when its result arrives, with a network of 120 ms and a camera of 30 Hz."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from rich.table import Table

from rig.cost import WHOLE, spread, ways
from rig.probes import COLUMNS
from rig.processes import Processor
from rig.setting import Setting, disturbances, references, stand

NETWORK = 0.12  # [s]
MOST = 145.0  # [ms] that the issue allows: the network and 25 ms
SETTLING = 5.0  # [s] of the camera that do not count


def measure(seconds: float) -> dict[str, Any]:
    setting = Setting(str(NETWORK), record=True)
    with stand(setting) as bench:
        bench.show()
        bench.run(SETTLING)
        assert bench.camera is not None
        processor, first = Processor(bench.node.pid, bench.camera.pid), len(bench.robot.heard)
        began = time.monotonic()
        bench.run(seconds)
        ended, heard = time.monotonic(), np.array(bench.robot.heard[first:], float) / 1e9
        strangers, reference = processor.strangers(), references()
        status = bench.robot.diagnostics["image"]
        sent = bench.end()
        lost = bench.lost(int(sent["sent"]))
        rows = bench.frames()
    at = {name: rows[:, COLUMNS.index(name)] for name in COLUMNS}
    inside = (at["take_begins"] >= began) & (at["publish_ends"] <= ended)
    at = {name: values[inside] for name, values in at.items()}
    # By the clock of the day, as the stamps are.
    offset = time.time() - time.monotonic()
    parts = {
        "from the stamp until the executor takes it": at["take_begins"] + offset - at["stamp"],
        "until the model begins with it": at["callback"] + at["wait"] - at["take_begins"],
        "the network": at["network"],
        "what the node adds to it": ways(rows[inside])[WHOLE]
        - (at["callback"] + at["wait"] - at["take_begins"]),
    }
    return {
        "setting": vars(setting) | {"seconds": seconds},
        "results": len(heard),
        "results_per_second": len(heard) / (ended - began),
        "camera": sent,
        "lost_before_the_node": lost,
        "age_at_arrival_ms": spread(1e3 * (heard[:, 1] - heard[:, 0])),
        "age_at_publish_ms": spread(1e3 * (at["publish_ends"] + offset - at["stamp"])),
        "parts_ms": {name: spread(1e3 * values) for name, values in parts.items()},
        "diagnostics_age_ms": status["age at publish [ms] median, p95"],
        "references_ms": reference,
        "processors_busy_with_other_things": strangers,
    }


def table(found: dict[str, Any]) -> Table:
    setting = found["setting"]
    made = Table(
        "",
        "median ms",
        "p95 ms",
        "max ms",
        title=f"B. Age of a frame: {setting['width']}x{setting['height']} at "
        f"{setting['rate']:g} Hz, network {1e3 * NETWORK:g} ms, {found['results']} results, "
        f"{found['results_per_second']:.2f} a second",
        caption=disturbances(found),
    )

    def add(name: str, values: dict[str, float]) -> None:
        made.add_row(name, *(f"{values[which]:.1f}" for which in ("median", "p95", "max")))

    add(f"[bold]age when its result is published[/] (at most {MOST:g})", found["age_at_publish_ms"])
    for part, values in found["parts_ms"].items():
        add(f"  {part}", values)
    add("age when its result arrives at a subscriber", found["age_at_arrival_ms"])
    made.add_row("/diagnostics: age at publish", *found["diagnostics_age_ms"].split(", "), "")
    return made
