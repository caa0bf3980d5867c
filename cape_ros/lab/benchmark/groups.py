"""Groups of benchmarks that are timed interleaved. Times end when the result is on the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from cape_ros.core.errors import DeviceError
from cape_ros.lab.benchmark import stages, subjects
from cape_ros.lab.benchmark.as_released import KEYPOINTS, AsReleased
from cape_ros.lab.benchmark.clock import BenchmarkRow, Group
from cape_ros.model import KeypointTokens
from cape_ros.perception.category import Category
from cape_ros.perception.estimator import Estimator
from cape_ros.perception.geometry import Crop, clean_box, support_heatmaps
from cape_ros.perception.inference.device import OPENVINO, PRECISIONS, find_device

AS_RELEASED, BACKBONE, NETWORK, FRAME = "as released", "backbone alone", "network", "frame"
COUNTS = (1, 2, 4, 8, 16, 32)
MANY = 200  # categories in a library


def groups(device: str, precision: str = "float32") -> Iterator[tuple[str, Callable[[], Group]]]:
    """Names, and what makes the group of that name; each is made when it is reached."""
    for name in subjects.NETWORKS:
        yield f"one object, {name}", partial(one_object, name, device, precision)
    for name in subjects.NETWORKS:
        yield f"keypoints, {name}", partial(keypoints, name, device, precision)
    for name in subjects.NETWORKS:
        yield f"objects, {name}", partial(objects, name, device, precision)
    for name in subjects.NETWORKS:
        yield f"precision, {name}", partial(precisions, name, device)
    for name in ("resnet50", "shipped"):
        yield f"registration, {name}", partial(registration, name, device, precision)
    yield "library, resnet50", partial(library, "resnet50", device, precision)
    yield "stages, resnet50", partial(stages.stages, device, precision)


def one_object(name: str, device: str, precision: str) -> Group:
    estimator = subjects.estimator(name, device, precision)
    wanted = subjects.category()
    rows = [as_released(device), *floor(estimator, name), network(estimator, wanted)]
    rows += [frame(estimator, wanted, 1, size) for size in subjects.SIZES]
    if estimator.device.type == "cpu" and precision == "float32":
        rows += by_openvino(name, wanted)
    return Group(f"One object, {name}", rows, (AS_RELEASED, BACKBONE))


def by_openvino(name: str, wanted: Category) -> list[BenchmarkRow]:
    """The same once more, where OpenVINO is installed and can."""
    try:
        estimator = subjects.estimator(name, OPENVINO)
    except DeviceError:
        return []
    once = (backbone(estimator), network(estimator, wanted), frame(estimator, wanted))
    return [replace(row, name=f"{row.name}, OpenVINO") for row in once]


def keypoints(name: str, device: str, precision: str) -> Group:
    estimator, rows = subjects.estimator(name, device, precision), []
    for count in (2, 17, 68, KEYPOINTS):
        wanted = subjects.category(count, name=f"of{count}")
        estimator.register(wanted)
        rows.append(frame(estimator, wanted, label=f"{count} keypoints"))
    return Group(f"Keypoints, {name}", rows, (rows[0].name,))


def objects(name: str, device: str, precision: str) -> Group:
    estimator, wanted = subjects.estimator(name, device, precision), subjects.category()
    rows = [frame(estimator, wanted, n, label=f"{n} object{'s' * (n > 1)}") for n in COUNTS]
    return Group(f"Objects, {name}", [as_released(device), *rows], (AS_RELEASED, rows[0].name))


def precisions(name: str, device: str) -> Group:
    wanted, rows = subjects.category(), []
    for precision in PRECISIONS:
        try:
            estimator = subjects.estimator(name, device, precision)
        except DeviceError:  # the device lacks it
            continue
        rows.append(frame(estimator, wanted, label=precision))
    return Group(f"Precision, {name}", rows, (rows[0].name,))


def registration(name: str, device: str, precision: str) -> Group:
    """The time until a registration is answered, and of the rotated supports after it."""
    estimator = subjects.estimator(name, device, precision)
    left: Iterator[KeypointTokens] = iter(())

    def row(shots: int) -> BenchmarkRow:
        shown = subjects.category(shots=shots)

        def encode() -> None:
            nonlocal left
            tokens, left = estimator.encode_upright(shown)
            tokens.tokens.cpu()

        includes = (
            "shots of 640x480 and 17 keypoints -> upright tokens and the shots' cross-check, "
            "all that is waited for; nothing is written to disk"
        )
        return BenchmarkRow(f"{shots} shot{'s' * (shots > 1)}", includes, encode)

    def encode_rotated() -> None:
        for tokens in left:
            tokens.rotated[-1].tokens.cpu()

    rows = [row(1), row(5)]
    if estimator.network.config.layout:
        includes = "what the row above left: its shots rotated, all passes; frames go in between"
        rows.append(
            BenchmarkRow("rotated supports of 5 shots, afterwards", includes, encode_rotated)
        )
    return Group(f"Registration, {name}", rows)


def library(name: str, device: str, precision: str) -> Group:
    few, many = (
        subjects.estimator(name, device, precision),
        subjects.estimator(name, device, precision),
    )
    wanted = subjects.category()
    few.register(wanted)
    many.register(wanted, few.encode(wanted))
    for index in range(MANY):
        idle = subjects.category(name=f"idle{index}")
        many.register(idle, few.encode(wanted))
    rows = [
        frame(few, wanted, label="1 category known"),
        frame(many, wanted, label=f"{MANY + 1} categories known, 1 active"),
    ]
    return Group(f"Library, {name}", rows, (rows[0].name,))


@torch.inference_mode()
def as_released(device: str) -> BenchmarkRow:
    """The same pair for every network: it is what the release offers."""
    place = find_device(device)
    released = AsReleased(subjects.network("resnet50")[0]).to(place)
    shot = subjects.category().shots[0]
    crop = Crop.of_box(clean_box(shot.box, *subjects.SIZE))
    heatmaps, weight = support_heatmaps(crop.to_crop(shot.keypoints), shot.visible)
    padding = KEYPOINTS - len(weight)
    maps = torch.from_numpy(np.pad(heatmaps, ((0, padding), (0, 0), (0, 0))))[None].to(place)
    mask = torch.from_numpy(np.pad(weight, (0, padding)))[None].to(place)
    images = torch.randn(2, 1, 3, 256, 256, generator=torch.Generator().manual_seed(0)).to(place)

    @torch.inference_mode()
    def call() -> Tensor:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=True):  # as PyTorch begins
            answer: Tensor = released(images[0], [images[1]], [maps], [mask]).cpu()
            return answer

    includes = "normalised crops of a support and a query -> points; no cropping"
    return BenchmarkRow(AS_RELEASED, includes, call)


def floor(estimator: Estimator, name: str) -> list[BenchmarkRow]:
    """The backbone as this package runs it, and as torchvision brings it."""
    plain = subjects.network(name)[0].backbone.to(estimator.device)
    crop = torch.zeros(1, 3, *estimator.crop_size, device=estimator.device)

    @torch.inference_mode()
    def call() -> float:
        return float(plain(crop).flatten()[0])

    return [
        backbone(estimator),
        BenchmarkRow("backbone, plain", "the same, as torchvision brings it", call),
    ]


def backbone(estimator: Estimator) -> BenchmarkRow:
    crop = torch.zeros(1, 3, *estimator.crop_size, device=estimator.device)
    crop = crop.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def call() -> float:
        return estimator.network.extract(crop).flatten()[0].item()

    return BenchmarkRow(BACKBONE, "one normalised crop -> features, as this package runs it", call)


def network(estimator: Estimator, wanted: Category) -> BenchmarkRow:
    tokens = estimator.encode(wanted)
    crop = estimator.crops.cut(subjects.image(*subjects.SIZE), subjects.boxes(1, *subjects.SIZE))
    crop = crop.clone(memory_format=torch.preserve_format)  # its memory is that of every frame

    @torch.inference_mode()
    def call() -> Tensor:
        features = estimator.network.extract(crop)
        return torch.cat(
            [part.flatten() for part in estimator.network.find(features, tokens)]
        ).cpu()

    includes = f"one normalised crop, {len(wanted.keypoint_names)} keypoints -> points and scores"
    return BenchmarkRow(NETWORK, includes, call)


def frame(
    estimator: Estimator,
    wanted: Category,
    count: int = 1,
    size: tuple[int, int] = subjects.SIZE,
    label: str = "",
) -> BenchmarkRow:
    """The whole of `Estimator.estimate`."""
    pixels = subjects.image(*size)
    requests = subjects.requests(wanted, count, size)
    shape = "x".join(map(str, size))
    includes = f"{shape} image on the host, {count} box(es) -> keypoints on the host"
    name = label or f"{FRAME}, {shape}"
    return BenchmarkRow(name, includes, lambda: estimator.estimate(pixels, requests))
