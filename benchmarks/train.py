"""What a training step costs: python benchmarks/train.py [--device cpu]

Pairs of a support and a query per second on this machine, whole steps (drawn ahead by workers,
forward, backward, optimiser) against the backbone's forward and backward alone on the same images.
The two are interleaved, so that both see the same load. The data are drawn for the purpose.
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

from cape_ros.lab.training.batches import Material
from cape_ros.lab.training.config import TrainingConfig
from cape_ros.lab.training.config_file import read_config
from cape_ros.lab.training.data.episodes import Step
from cape_ros.lab.training.distributed import gather
from cape_ros.lab.training.objective import AnyStep
from cape_ros.lab.training.start import build
from cape_ros.lab.training.trainer import Trainer
from cape_ros.perception.inference.device import find_precision

CONFIG = Path(__file__).parents[1] / "config" / "training" / "cape_r18.yaml"
CATEGORIES, OBJECTS, KEYPOINTS = 4, 12, 17
WARM_UP = 2
PROFILED = 5


def drawn_data(folder: Path) -> None:
    """Noisy images of 640 x 480 with one annotated object each, in MP-100's format."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    (folder / "annotations").mkdir()
    images, annotations = [], []
    for key in range(CATEGORIES * OBJECTS):
        coarse = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / "images" / f"{key}.jpg"), cv2.resize(coarse, (640, 480)))
        images.append({"id": key, "file_name": f"{key}.jpg", "width": 640, "height": 480})
        places = rng.uniform((150, 100), (450, 380), (KEYPOINTS, 2))
        annotations.append(
            {
                "id": key,
                "image_id": key,
                "category_id": key % CATEGORIES,
                "bbox": [140, 90, 320, 300],
                "keypoints": [v for x, y in places.tolist() for v in (x, y, 2)],
            }
        )
    categories = [{"id": n, "name": f"category {n}"} for n in range(CATEGORIES)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations" / "train.json").write_text(json.dumps(content))


def measure(config: TrainingConfig, device: str, steps: int) -> dict[str, Any]:
    """Median seconds of a step and of the backbone alone, and what follows from them."""
    with gather(device) as (team, found):
        material = Material.of(config, team)
        trainer = Trainer(config, material, build(config, material), team, found)
        net = trainer.state.net
        precision = find_precision(config.precision, found)
        waiting, learning, floor = [], [], []
        source = material.from_step(0, config.workers, found)
        for _ in range(WARM_UP + steps):
            began = time.perf_counter()
            step = next(source)
            waiting.append(time.perf_counter() - began)
            began = time.perf_counter()
            trainer.step(step)
            learning.append(time.perf_counter() - began)
            images = image_batches(step)
            began = time.perf_counter()
            for batch in images:
                with torch.autocast(found.type, precision, enabled=precision != torch.float32):
                    features = net.extract(batch)
                features.sum().backward()
            if found.type == "cuda":
                torch.cuda.synchronize()
            floor.append(time.perf_counter() - began)
            net.zero_grad(set_to_none=True)
        idle = idle_share(trainer, source) if found.type == "cuda" else None
    pairs = len(step.support) if isinstance(step, Step) else len(step.query.images)
    compute, backbone = (float(np.median(times[WARM_UP:])) for times in (learning, floor))
    whole = float(np.mean(np.add(waiting, learning)[WARM_UP:]))
    return {
        "config": config.name,
        "device": str(found),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "pairs": pairs,
        "images": sum(len(batch) for batch in images),
        "step_seconds": compute,
        "step_and_waiting_seconds": whole,
        "backbone_seconds": backbone,
        "pairs_per_second": pairs / whole,
        "pairs_per_second_computed": pairs / compute,
        "pairs_per_second_backbone": pairs / backbone,
        "ratio": compute / backbone,
        "precision": config.precision,
        "workers": config.workers,
        "gpu": torch.cuda.get_device_name(found) if idle is not None else None,
        "gpu_idle_share": idle,
    }


def idle_share(trainer: Trainer, source: Iterator[AnyStep]) -> float:
    """Part of the time of some whole steps, with waiting for data, in which the GPU computes
    nothing."""
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        began = time.perf_counter()
        for _ in range(PROFILED):
            trainer.step(next(source))
        torch.cuda.synchronize()
        whole = time.perf_counter() - began
    busy = sum(event.self_device_time_total for event in seen.key_averages()) / 1e6
    return max(0.0, 1 - busy / whole)


def image_batches(step: AnyStep) -> list[torch.Tensor]:
    """The images of a step, in the batches that the backbone sees."""
    if isinstance(step, Step):
        return [step.batch.images]
    return [batch.images for batch in (*step.shots, step.query)]


def main(
    config: Path = CONFIG,
    device: str = "auto",
    steps: int = 10,
    precision: str = "float32",
    workers: Annotated[int, typer.Option(help="That prepare steps.")] = 1,
    more: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all of it there, too.")
    ] = None,
) -> None:
    """What a training step costs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn_data(folder)
        settings = [
            f"data={{root: '{folder}', annotations: annotations/train.json, held_out: [], "
            f"photographs: '{folder / 'images'}'}}",
            "start.imagenet=null",
            "start.matcher=false",
            "optimiser.early_layers_from=0",
            f"precision={precision}",
            f"workers={workers}",
            *(more or []),
        ]
        found = measure(read_config(config, settings), device, steps)
    title = f"{found['config']}, {found['pairs']} pairs of {found['images']} images a step, "
    title += f"{found['device']}, {found['threads']} threads"
    table = Table("what", "seconds", "pairs per second", title=title)
    for what, seconds in (
        ("steps, with waiting for data", found["step_and_waiting_seconds"]),
        ("steps alone", found["step_seconds"]),
        ("backbone alone, forward and backward", found["backbone_seconds"]),
    ):
        table.add_row(what, f"{seconds:.3f}", f"{found['pairs'] / seconds:.1f}")
    Console().print(table)
    print(f"a step costs {found['ratio']:.2f} times the backbone alone")
    if found["gpu"]:
        print(f"{found['gpu']}: idle for {found['gpu_idle_share']:.0%} of a step")
    if json_file:
        json_file.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    typer.run(main)
