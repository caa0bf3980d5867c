"""Runs it: the node in its process, the simulated world here, one grasp after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import rclpy
from rich.console import Console

from cape_ros.core.errors import CapeError, InvalidInput
from cape_ros.core.plurals import counted
from cape_ros.demo import film
from cape_ros.demo.folder import LIBRARY, check_folder, clear
from cape_ros.demo.grasp import results
from cape_ros.demo.grasp.clutter import clutter
from cape_ros.demo.grasp.laboratory import ANSWER, RATE, Laboratory
from cape_ros.demo.grasp.mug import mug
from cape_ros.demo.grasp.objects import SimulatedObject
from cape_ros.demo.grasp.robot_node import DEPTH_TOPIC
from cape_ros.demo.grasp.scene import BASE
from cape_ros.demo.grasp.simulator import mujoco
from cape_ros.demo.grasp.situations import drawn, sides
from cape_ros.demo.grasp.trial import Outcome
from cape_ros.demo.node_process import NodeProcess
from cape_ros.demo.registrar import Registrar
from cape_ros.demo.ros_context import begin, spinning

START = 120.0  # [s] the node may take to start
DISCOVERY = 20.0  # [s] until it hears the camera


@dataclass(frozen=True)
class Setting:
    """grasps: of each object. widest: [degrees] around the vertical, between the side that the
    camera sees and the front of the object, which the first registered image shows. others: objects
    that stand on the table too. images: that register an object, spread over these sides."""

    grasps: int = 4
    widest: float = 20.0
    others: int = 0
    images: int = 1
    seed: int = 1


DEFAULT = Setting()


def run_grasps(
    *,
    out: Path,
    setting: Setting = DEFAULT,
    objects: Sequence[SimulatedObject] | None = None,
    filmed: bool = True,
    weights: str = "shipped",
    device: str = "auto",
    console: Console | None = None,
) -> list[Outcome]:
    """Register each object by its images, then grasp it in random places; show what happened.

    objects: None = the mug. Raises `CapeError` in one sentence if something hinders it.
    """
    console = console or Console()
    for name, number in (("grasps", setting.grasps), ("images", setting.images)):
        if number < 1:
            raise InvalidInput.of(name, f"{number} is not a number of {name}; give 1 or more")
    mujoco()  # what is missing is said before anything starts
    check_folder(out)
    clear(out, (LIBRARY, results.FILE, film.FILE, "overlay"))
    recorded = film.Film(out, RATE) if filmed else None
    outcomes: list[Outcome] = []
    stage = Stage(list(objects or [mug()]), setting, recorded, console)
    parameters: dict[str, str | float | bool] = {
        "library": str((out / LIBRARY).resolve()),
        "target_frame": BASE,
        "depth_wait": 1.0,  # a busy machine is no fault of the node
        "studio.enable": False,
        "weights": weights,
        "device": device,
    }
    try:
        for outcome in stage.play(NodeProcess(out, parameters, {"/cape/depth": DEPTH_TOPIC})):
            outcomes.append(outcome)
    except KeyboardInterrupt:
        raise CapeError("stopped before the end") from None
    finally:
        stage.close()
        if recorded is not None:
            with console.status("The film is written ..."):
                recorded.close()
        if outcomes:
            results.write(out / results.FILE, outcomes, asdict(setting))
            results.show(console, outcomes)
    if recorded is not None:
        console.print(f"{recorded.path}: what the node saw, and the arm", highlight=False)
    console.print(f"{out / results.FILE}: every grasp", highlight=False)
    return outcomes


class Stage:
    """The simulated world with its robot, and what grasps are tried in it."""

    def __init__(
        self,
        objects: Sequence[SimulatedObject],
        setting: Setting,
        recorded: film.Film | None,
        console: Console,
    ) -> None:
        self._objects = objects
        self._others = clutter()[: setting.others]
        self._setting = setting
        self._console = console
        generator = np.random.default_rng(setting.seed)
        begin(console)
        self._laboratory = Laboratory([*objects, *self._others], recorded, generator)

    def play(self, node: NodeProcess) -> Iterator[Outcome]:
        """Every grasp, once it is over. Raises `CapeError`."""
        laboratory, registrar = self._laboratory, Registrar(node.check)
        laboratory.connect(registrar)
        with spinning(laboratory.node, registrar):
            registrar.expect_no_other_node()
            with node:
                with self._console.status("The node starts ..."):
                    registrar.wait_until(registrar.ready, START, "the node did not offer services")
                    registrar.wait_until(
                        laboratory.node.heard, DISCOVERY, "the node did not hear the camera"
                    )
                for one in self._objects:
                    yield from self._grasps_of(one)
                    registrar.remove(one.name, ANSWER)

    def close(self) -> None:
        self._laboratory.close()
        rclpy.try_shutdown()

    def _grasps_of(self, one: SimulatedObject) -> Iterator[Outcome]:
        setting, laboratory = self._setting, self._laboratory
        # The same places for an object whatever else is tried.
        generator = np.random.default_rng((setting.seed, *one.name.encode()))
        laboratory.caption = f"{one.name} is registered by {counted(setting.images, 'image')}"
        self._say(laboratory.register(one, sides(setting.images, np.radians(setting.widest))))
        for number in range(1, setting.grasps + 1):
            laboratory.caption = f"{one.name}, grasp {number} of {setting.grasps}"
            situation = drawn(one, self._others, np.radians(setting.widest), generator)
            outcome = laboratory.attempt(one, situation)
            end = "lifted" if outcome.lifted else f"{outcome.cause}: {outcome.reason}"
            view = f"seen {outcome.view:.0f} degrees from an image of it"
            self._say(f"{laboratory.caption}, {view}: {end}")
            laboratory.conclude(f"{laboratory.caption}: {end}")
            yield outcome

    def _say(self, words: str) -> None:
        self._console.print(words, highlight=False, markup=False)
