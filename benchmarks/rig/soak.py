"""C: half an hour of frames and registrations: what becomes of the memory, and of each of them.

The shipped network follows a photograph under a moving camera. Every five seconds a category that
is nowhere is created, replaced, given further shots or removed, in turn. A command is *answered* if
the service says that it was done, and *shown* if the latched topic then has its version to who
listens and, at the end, to who comes later.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.table import Table

from cape_ros.server.server import RegisterMode
from rig.processes import Processor, resident, threads
from rig.robot import Robot
from rig.setting import CALL, Setting, Stand, noise, stand

PERIOD = 5.0  # [s] between two commands
SAMPLED = 5.0  # [s] between two readings of the memory
FIRST = 60.0  # [s] before the first reading of the memory
NAME, KEYPOINTS = "visitor", 5
MODES = (
    RegisterMode.CREATE,
    RegisterMode.REPLACE,
    RegisterMode.ADD_SHOTS,
    RegisterMode.ADD_SHOTS,
    None,  # remove
)
SHOWN = 10.0  # [s] for the latched topic to show a change


@dataclass
class Commands:
    """What was asked of the node."""

    asked: int = 0
    answered: int = 0
    shown: int = 0
    version: int = 0  # of the category now; 0 = removed
    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def give(self, robot: Robot) -> None:
        """The next one."""
        mode = MODES[self.asked % len(MODES)]
        self.asked += 1
        began = time.monotonic()
        if mode is None:
            answer = robot.remove(NAME, CALL)
        else:
            answer = robot.register(noise(NAME, KEYPOINTS), mode, CALL)
        what = f"command {self.asked} ({mode.name if mode is not None else 'REMOVE'})"
        if answer is None or not answer.success:
            self.faults.append(f"{what}: {answer.message if answer else 'no answer'}")
            return
        self.seconds.append(time.monotonic() - began)
        self.answered += 1
        self.version = answer.version if mode is not None else 0
        if robot.wait(lambda: robot.shows(NAME, self.version), SHOWN):
            self.shown += 1
        else:
            self.faults.append(f"{what}: not on ~/categories")


def measure(seconds: float, reliability: str) -> dict[str, Any]:
    # A depth of ten keeps each image until the executor comes for it.
    depth = ("image_depth:=10",)
    setting = Setting("shipped", "photograph", 640, 480, reliability=reliability, parameters=depth)
    commands, memory = Commands(), []
    with stand(setting) as bench:
        bench.show()
        assert bench.camera is not None
        processor = Processor(bench.node.pid, bench.camera.pid)
        began = command_due = sample_due = time.monotonic()
        while (now := time.monotonic()) < began + seconds:
            bench.check()
            if now >= sample_due:
                memory.append(sample(bench.node.pid, began))
                sample_due += SAMPLED
            if now >= command_due:
                command_due += PERIOD
                commands.give(bench.robot)
            bench.run(max(0.0, min(command_due, sample_due) - time.monotonic()))
        memory.append(sample(bench.node.pid, began))
        strangers = processor.strangers()
        sent = bench.end()
        late = same_for_a_late_subscriber(bench)
        counts = count(bench, int(sent["sent"]))
    return {
        "setting": vars(setting) | {"seconds": seconds},
        "camera": sent,
        "frames": counts,
        "memory": summary(np.array(memory)),
        "memory_samples": memory,
        "commands": vars(commands),
        "late_listener_told_the_same": late,
        "processors_busy_with_other_things": strangers,
    }


def sample(pid: int, began: float) -> tuple[float, ...]:
    """Seconds, megabytes, anonymous megabytes, threads."""
    return time.monotonic() - began, *resident(pid), threads(pid)


def count(bench: Stand, sent: int) -> dict[str, int]:
    """Where each frame went by the node's diagnostics; the rest is unexplained."""
    image, model = bench.robot.diagnostics["image"], bench.robot.diagnostics["model"]
    outcomes = (
        "answered",
        "dropped",
        "paused",
        "failed",
        "lost on the way",
        "superseded on the way",
    )
    outcome = {name: int(image[name]) for name in outcomes}
    outcome["rejected"] = sum(
        int(value) for name, value in model.items() if name.startswith("rejected: image")
    )
    # A rejected one is refused before the server has received it.
    on_the_way = outcome["lost on the way"] + outcome["superseded on the way"]
    received = int(image["received"]) + outcome["rejected"] + on_the_way
    return {
        "sent": sent,
        **outcome,
        "unexplained": sent - sum(outcome.values()),
        "unexplained, never reached the node": sent - received,
        "results heard": len(bench.robot.heard),
        "results with an object": bench.robot.found,
    }


def same_for_a_late_subscriber(bench: Stand) -> bool:
    """Whether who subscribes only now hears the same categories at once."""
    heard: list[Any] = []
    bench.robot.listen(heard.append)
    if not bench.robot.wait(lambda: heard, SHOWN):
        return False
    return bool(heard[-1].categories == bench.robot.categories.categories)


def summary(samples: np.ndarray) -> dict[str, float]:
    """samples: [N, 4] of `sample`."""
    seconds, megabytes, anonymous, running = samples.T
    first = int(np.argmax(seconds >= min(FIRST, seconds[-1] / 4)))
    hours = seconds[first:] / 3600
    slope = float(np.polyfit(hours, megabytes[first:], 1)[0]) if len(hours) > 2 else float("nan")
    return {
        "first_at_s": float(seconds[first]),
        "first_MB": float(megabytes[first]),
        "last_at_s": float(seconds[-1]),
        "last_MB": float(megabytes[-1]),
        "most_MB": float(megabytes[first:].max()),
        "anonymous_first_MB": float(anonymous[first]),
        "anonymous_last_MB": float(anonymous[-1]),
        "MB_per_hour": slope,
        "threads_first": int(running[first]),
        "threads_last": int(running[-1]),
    }


def table(found: dict[str, Any]) -> Table:
    setting, memory, asked = found["setting"], found["memory"], found["commands"]
    made = Table(
        "",
        "",
        title=f"C. Soak: {memory['last_at_s'] / 60:.1f} minutes, {setting['width']}x"
        f"{setting['height']} at {found['camera']['rate']:.1f} Hz, {setting['reliability']}",
        caption=f"others kept {found['processors_busy_with_other_things']:.2f} processors busy",
    )
    made.add_row(f"memory after {memory['first_at_s']:.0f} s", f"{memory['first_MB']:.1f} MB")
    made.add_row("memory at the end", f"{memory['last_MB']:.1f} MB")
    made.add_row(
        "  of these no pages of files",
        f"{memory['anonymous_first_MB']:.1f}, then {memory['anonymous_last_MB']:.1f} MB",
    )
    made.add_row("memory at most", f"{memory['most_MB']:.1f} MB")
    made.add_row("trend (least squares)", f"{memory['MB_per_hour']:+.1f} MB an hour")
    made.add_row("threads", f"{memory['threads_first']}, then {memory['threads_last']}")
    made.add_section()
    made.add_row("commands given", str(asked["asked"]))
    made.add_row("  answered: done", str(asked["answered"]))
    made.add_row("  shown on the latched topic", str(asked["shown"]))
    made.add_row("  a late subscriber receives the same", str(found["late_listener_told_the_same"]))
    if asked["seconds"]:
        median, most = np.median(asked["seconds"]), np.max(asked["seconds"])
        made.add_row("  answer after", f"{1e3 * median:.0f} ms median, {1e3 * most:.0f} ms max")
    for fault in asked["faults"][:10]:
        made.add_row("  [red]fault[/]", fault)
    made.add_section()
    for name, number in found["frames"].items():
        made.add_row(f"frames: {name}", str(number))
    return made
