"""How often a simulated arm lifts what the node finds: python benchmarks/grasp.py

One image registers an object, or several from other sides; it then stands in random places, turned,
under another light, seen from elsewhere, among other objects. `cape demo --grasp` is the same,
short, with a film.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rig.libero import objects

import cape_ros.ros  # noqa: F401  before the messages that it finds
from cape_ros.demo.grasp.run import Setting, run_grasps


def main(
    out: Annotated[Path, typer.Option(help="Folder for grasps.json and the node's log.")] = Path(
        "grasp_out"
    ),
    grasps: Annotated[int, typer.Option(help="Of each object.")] = 25,
    widest: Annotated[float, typer.Option(help="Degrees around the vertical.")] = 30.0,
    others: Annotated[int, typer.Option(help="Objects beside it.", max=3)] = 3,
    images: Annotated[int, typer.Option(help="That register an object, from other sides.")] = 1,
    seed: int = 1,
    film: Annotated[bool, typer.Option("--film", help="It takes several times as long.")] = False,
    libero: Annotated[
        bool, typer.Option("--libero", help="Eight household objects instead of the mug.")
    ] = False,
    weights: str = "shipped",
    device: str = "cpu",
) -> None:
    setting = Setting(grasps, widest, others, images, seed)
    chosen = objects() if libero else None
    run_grasps(
        out=out, setting=setting, objects=chosen, filmed=film, weights=weights, device=device
    )


if __name__ == "__main__":
    typer.run(main)
