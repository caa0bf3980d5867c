"""A: what a frame costs the node itself, with a network that takes no time.

Three views that are not added up. *Own work*: the four things that are done with a frame, by the
clock. *Whole way*: from the moment that the executor asks for the message until the result is
published, without the network; what goes beyond the work is waiting between threads and for the
interpreter's lock, and following the object. *Processor*: what the process used on all its threads,
divided by its frames; it includes the threads of the DDS library, which put packets together.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from rich.table import Table

from rig.probes import COLUMNS
from rig.processes import Processor
from rig.setting import Setting, disturbances, references, stand

MOST = 4.0  # [ms] that the issue allows
WORK, WHOLE = "own work", "whole way through the node"
SETTLING = 3.0  # [s] of the camera that do not count
IDLE = 3.0  # [s] without a camera
STAGES = ("receive", "wait", "preprocess", "publish")


def measure(seconds: float) -> dict[str, Any]:
    setting = Setting("0", record=True)
    with stand(setting) as bench:
        idle = Processor(bench.node.pid)
        bench.run(IDLE)
        resting = idle.used().all / IDLE
        bench.show()
        bench.run(SETTLING)
        assert bench.camera is not None
        processor, began = Processor(bench.node.pid, bench.camera.pid), time.monotonic()
        bench.run(seconds)
        used, strangers, ended = processor.used(), processor.strangers(), time.monotonic()
        reference = references()
        status = {**bench.robot.diagnostics["model"], **bench.robot.diagnostics["image"]}
        sent = bench.end()
        lost = bench.lost(int(sent["sent"]))
        rows = bench.frames()
    counted = rows[
        (rows[:, COLUMNS.index("take_begins")] >= began)
        & (rows[:, COLUMNS.index("publish_ends")] <= ended)
    ]
    milliseconds = {name: 1e3 * values for name, values in ways(counted).items()}
    frames = len(counted)
    return {
        "setting": vars(setting) | {"seconds": seconds},
        "frames": frames,
        "camera": sent,
        "lost_before_the_node": lost,
        "way_ms": {name: spread(values) for name, values in milliseconds.items()},
        "diagnostics_ms": {stage: status[f"{stage} [ms] median, p95"] for stage in STAGES},
        "processor_ms_per_frame": {
            "all": 1e3 * used.all / frames,
            "DDS threads": 1e3 * used.dds / frames,
            "other threads": 1e3 * used.others / frames,
        },
        "idle_processor_ms_per_s": 1e3 * resting,
        "references_ms": reference,
        "processors_busy_with_other_things": strangers,
    }


def ways(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Seconds of each frame by part, [frames]."""
    at = dict(zip(COLUMNS, rows.T, strict=True))
    work = {
        "receive: take and deserialise": at["take_ends"] - at["take_begins"],
        "convert: the node's callback": at["callback_ends"] - at["callback"],
        "crop: cut and upload": at["preprocess"],
        "publish": at["publish_ends"] - at["publish_begins"],
    }
    return {
        WORK: sum(work.values(), np.zeros(len(rows))),
        **work,
        WHOLE: at["publish_ends"] - at["take_begins"] - at["network"],
    }


def spread(values: np.ndarray) -> dict[str, float]:
    median, p95 = np.percentile(values, (50, 95))
    return {"median": float(median), "p95": float(p95), "max": float(values.max())}


def table(found: dict[str, Any]) -> Table:
    setting = found["setting"]
    made = Table(
        "a frame in the node, without the network",
        "median ms",
        "p95 ms",
        title=f"A. Own cost: {setting['width']}x{setting['height']} at {setting['rate']:g} Hz, "
        f"{found['frames']} frames",
        caption=disturbances(found),
    )
    for part, values in found["way_ms"].items():
        name = {WORK: f"[bold]{part}[/] (at most {MOST:g})", WHOLE: part}.get(part, f"  {part}")
        made.add_row(name, f"{values['median']:.2f}", f"{values['p95']:.2f}")
    made.add_section()
    for stage, values in found["diagnostics_ms"].items():
        made.add_row(f"/diagnostics: {stage}", *values.split(", "))
    made.add_section()
    for threads, spent in found["processor_ms_per_frame"].items():
        made.add_row(f"processor per frame, {threads} (mean)", f"{spent:.2f}", "")
    made.add_row(
        "processor per second without images", f"{found['idle_processor_ms_per_s']:.1f}", ""
    )
    return made
