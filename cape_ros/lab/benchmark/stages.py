"""Where the time of a frame goes: a compressed image in, a message out."""

from __future__ import annotations

from typing import Any

import torch

from cape_ros.core.errors import CapeError
from cape_ros.lab.benchmark import subjects
from cape_ros.lab.benchmark.clock import BenchmarkRow, Group
from cape_ros.model import KeypointTokens

SIZE = subjects.SIZES[-1]
QUALITY = 90  # of the JPEG


def stages(device: str, precision: str) -> Group:
    """Each stage by itself, one object; decode and message only where the node could run."""
    estimator, wanted = subjects.estimator("resnet50", device, precision), subjects.category()
    pixels = subjects.image(*SIZE)
    requests = subjects.requests(wanted, 1, SIZE)
    (found,) = estimator.estimate(pixels, requests)
    tokens = estimator.encode(wanted)
    with torch.inference_mode():
        crops = estimator.crops.cut(pixels, [found.box]).clone()
        points, scores = _find(estimator, crops, tokens)

    def wait() -> None:
        if estimator.device.type == "cuda":
            torch.cuda.synchronize(estimator.device)

    @torch.inference_mode()
    def crop() -> None:
        estimator.crops.cut(pixels, [found.box])
        wait()

    @torch.inference_mode()
    def network() -> None:
        _find(estimator, crops, tokens)
        wait()

    shape = "x".join(map(str, SIZE))
    rows = [
        BenchmarkRow("crop", f"{shape} on the host -> a normalised crop on the device", crop),
        BenchmarkRow("network", "a normalised crop -> points and scores on the device", network),
        BenchmarkRow(
            "readback",
            "points and scores from the device to the host",
            lambda: torch.cat((points, scores[..., None]), dim=-1).cpu().numpy(),
        ),
        BenchmarkRow(
            "frame", "crop, network and readback", lambda: estimator.estimate(pixels, requests)
        ),
    ]
    try:
        from cape_ros.ros import conversions
    except (CapeError, ImportError):  # without rclpy there are no messages to time
        return Group("Stages, resnet50", rows, ("frame",))
    from std_msgs.msg import Header

    jpeg = conversions.to_compressed(pixels, Header(), QUALITY)
    raw = conversions.to_image(pixels, Header())
    decoding = [
        BenchmarkRow(
            "decode, raw", f"a message of {shape} rgb8 -> pixels", lambda: _read(conversions, raw)
        ),
        BenchmarkRow(
            "decode, JPEG", f"the same as JPEG {QUALITY}", lambda: _read(conversions, jpeg)
        ),
    ]
    message = BenchmarkRow(
        "message",
        "keypoints -> a KeypointArray, not yet serialised",
        lambda: conversions.to_keypoint_array([found], Header(), pixels.shape[:2], 0.3),
    )
    return Group("Stages, resnet50", [*decoding, *rows, message], ("frame",))


def _read(conversions: Any, message: Any) -> Any:
    return conversions.read_image(message, fast=True)


def _find(
    estimator: Any, crops: torch.Tensor, tokens: KeypointTokens
) -> tuple[torch.Tensor, torch.Tensor]:
    points, scores = estimator.network.find(estimator.network.extract(crops), tokens)
    return points, scores
