"""What a frame costs with the shipped weights: python benchmarks/frame.py [--device cpu]

Times are of whole calls from a host image to host keypoints, ratios are to the backbone alone in
the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from cape_ros.model import checkpoints, weights
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.follow import search_windows
from cape_ros.perception.objects import ObjectRequest

WARM_UP = 5
KEYPOINTS = 17


def milliseconds(call: Callable[[], object], repeats: int) -> np.ndarray:
    """Durations [repeats] of a call, after some that do not count."""
    durations = []
    for _ in range(WARM_UP + repeats):
        began = time.perf_counter()
        call()
        durations.append(1e3 * (time.perf_counter() - began))
    return np.array(durations[WARM_UP:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=50)
    options = parser.parse_args()
    estimator = Estimator.load(device=options.device)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    shot = SupportShot(image, rng.uniform((200, 150), (400, 350), (KEYPOINTS, 2)))
    category = Category("thing", [f"k{n}" for n in range(KEYPOINTS)], shots=[shot])
    other = Category("other", category.keypoint_names, shots=[shot])
    one = [ObjectRequest(category, (180, 130, 240, 240))]
    four = [ObjectRequest(category, (20 * n, 20 * n, 200, 200)) for n in range(4)]
    windows = [ObjectRequest(category, window) for window in search_windows(640, 480)]
    estimator.estimate(image, one)
    net = checkpoints.load(weights.SHIPPED)[0].to(estimator.device)
    net = net.to(memory_format=torch.channels_last)
    crops = torch.zeros(1, 3, *estimator.crop_size, device=estimator.device)
    crops = crops.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def backbone() -> None:
        net.extract(crops).sum().item()

    def registration() -> None:
        estimator.encode(Category(other.name, other.keypoint_names, shots=[shot]))

    rows = {
        "backbone alone, one crop": milliseconds(backbone, options.repeats),
        "frame, one object": milliseconds(lambda: estimator.estimate(image, one), options.repeats),
        "frame, four objects": milliseconds(
            lambda: estimator.estimate(image, four), options.repeats
        ),
        "search, 14 windows": milliseconds(
            lambda: estimator.estimate(image, windows), max(5, options.repeats // 5)
        ),
        "support tokens of one shot": milliseconds(registration, options.repeats),
    }
    floor = np.median(rows["backbone alone, one crop"])
    title = f"640x480, {KEYPOINTS} keypoints, {estimator.device}, {torch.get_num_threads()} threads"
    table = Table("what", "median ms", "p95 ms", "ratio", title=title)
    for what, durations in rows.items():
        median, p95 = np.median(durations), np.percentile(durations, 95)
        table.add_row(what, f"{median:.1f}", f"{p95:.1f}", f"{median / floor:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
