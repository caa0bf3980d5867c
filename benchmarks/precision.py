"""How far low precision moves keypoints, in pixels of the 256 x 256 crop.

python benchmarks/precision.py [--golden FOLDER] [--device cuda] [--json FILE]

Against float32 op by op: the shipped weights on photographs (four that scikit-image ships, rotated
over, four windows each), and the released architecture on the golden inputs in FOLDER, where all
numbers are the release's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from golden import Golden
from rich.console import Console
from rich.table import Table

from cape_ros.core.errors import DeviceError
from cape_ros.lab.benchmark.machine import machine
from cape_ros.media.photographs import photographs
from cape_ros.model import CapeFormer, KeypointTokens, checkpoints, weights
from cape_ros.model.scores import Calibration
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.inference.device import PRECISIONS, find_device
from cape_ros.perception.inference.engine import build_network
from cape_ros.perception.inference.network import Network
from cape_ros.perception.objects import ObjectRequest

CASES = ("s1", "s3")
MEDIAN, P99 = 0.5, 2.0  # the aim


def on_photographs(estimator: Estimator) -> np.ndarray:
    """Keypoints of all windows, in pixels of their crops [N, 2]."""
    places = []
    for category in photographs():
        image = np.ascontiguousarray(category.shots[0].image[::-1, ::-1])
        height, width = image.shape[:2]
        for x, y in ((0, 0), (0, 0.3), (0.3, 0), (0.3, 0.3)):
            box = (width * x, height * y, width * 0.7, height * 0.7)
            (found,) = estimator.estimate(image, [ObjectRequest(category, box)])
            places.append(found.keypoints * (256 / (1.25 * max(found.box[2:]))))
    return np.concatenate(places)


def plain(device: torch.device) -> Estimator:
    """Float32, op by op."""
    net, facts = checkpoints.load(weights.SHIPPED)
    estimator = Estimator.load(device=str(device))
    estimator.network = Network(net, Calibration.from_facts(facts), device)
    return estimator


@torch.inference_mode()
def on_golden(golden: Golden, device: torch.device, precision: str) -> np.ndarray:
    """How far the answers of all cases lie from the release's, in pixels [N]."""
    net = CapeFormer.from_released(golden.state_dict())
    away = []
    for case in CASES:
        tokens, _ = golden.run(net, case)
        tried = build_network(net, Calibration(), str(device), precision)
        tried.prepare(tokens.mask.shape[1], shots=1)
        given = KeypointTokens(tokens.tokens.to(device), tokens.mask.to(device))
        points, _ = tried.find(tried.extract(golden.images("q", (0, 1)).to(device)), given)
        expected = torch.from_numpy(golden.expected[f"{case}_output"][-1])
        away.append((points.cpu() - expected)[tokens.mask].norm(dim=-1).numpy() * 256)
    return np.concatenate(away)


def measure(device: torch.device, golden: Golden | None) -> Iterator[dict[str, Any]]:
    expected = on_photographs(plain(device))
    for precision in PRECISIONS:
        try:
            tried = Estimator.load(device=str(device), precision=precision)
        except DeviceError:  # the device lacks it
            continue
        tried.prepare(keypoints=20)
        moved = np.linalg.norm(on_photographs(tried) - expected, axis=1)
        yield row("photographs", precision, moved)
        if golden:
            yield row("golden inputs", precision, on_golden(golden, device, precision))


def row(what: str, precision: str, away: np.ndarray) -> dict[str, Any]:
    median, p99 = np.percentile(away, (50, 99)).tolist()
    met = median <= MEDIAN and p99 <= P99
    points = len(away)
    return {
        "inputs": what,
        "precision": precision,
        "points": points,
        "median": median,
        "p99": p99,
        "met": met,
    }


def main(
    golden: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Numbers of the release.")
    ] = None,
    device: str = "auto",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all of it there, too.")
    ] = None,
) -> None:
    """How far low precision moves keypoints, in pixels of the 256 x 256 crop."""
    found = find_device(device)
    rows = list(measure(found, Golden(golden) if golden else None))
    table = Table("inputs", "precision", "points", "median px", "99 of 100", "aim")
    for one in rows:
        met = "met" if one["met"] else "missed"
        numbers = f"{one['points']}", f"{one['median']:.3f}", f"{one['p99']:.3f}"
        table.add_row(one["inputs"], one["precision"], *numbers, met)
    Console().print(table)
    print(f"aim: at most {MEDIAN} px for half of the points, {P99} px for 99 of 100")
    if json_file:
        about = {"machine": machine(found), "aim": {"median": MEDIAN, "p99": P99}}
        json_file.write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
