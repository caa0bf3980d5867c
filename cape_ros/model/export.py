"""The network as an ONNX file, for machines that run it without PyTorch.

One graph does the work of a frame. A category's tokens are its input: they are made once, by
`Estimator.encode` on any machine. Fewer keypoints than the graph is made for are padded and masked.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from cape_ros.core.errors import CapeError
from cape_ros.core.extras import how_to_install
from cape_ros.model.capeformer import CapeFormer
from cape_ros.model.inference import ready
from cape_ros.model.layout.layout import LANDMARKS, Layouts
from cape_ros.model.scores import Calibration
from cape_ros.model.tokens import KeypointTokens

if TYPE_CHECKING:
    from collections.abc import Iterator

OPSET = 18
OUTPUTS = ("points", "scores")


class FramePass(nn.Module):
    """The inference of a frame with tensors only, as ONNX wants it.

    images [B, 3, H, W] normalised; tokens [B, K, d]; mask [B, K] bool; and where layouts vote
    layout_points [B, S, K, 2], layout_known [B, S, K] bool, landmark_points [B, S, L, 2], landmarks
    [B, S, L, d] -> points [B, K, 2] in [0, 1] of the crop, scores [B, K].
    """

    def __init__(self, net: CapeFormer, calibration: Calibration) -> None:
        super().__init__()
        self.net = ready(net, torch.device("cpu"))
        self._calibration = calibration

    def forward(
        self,
        images: Tensor,
        tokens: Tensor,
        mask: Tensor,
        layout_points: Tensor | None = None,
        layout_known: Tensor | None = None,
        landmark_points: Tensor | None = None,
        landmarks: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Points [B, K, 2] and scores [B, K] of inputs as of the class."""
        layouts = None
        if (
            layout_points is not None
            and layout_known is not None
            and landmark_points is not None
            and landmarks is not None
        ):
            layouts = Layouts(layout_points, layout_known, landmark_points, landmarks)
        features = self.net.extract(images)
        points, evidence = self.net.answer(features, KeypointTokens(tokens, mask, layouts))
        return points, self._calibration(evidence, mask)

    def example(self, batch: int, keypoints: int, shots: int, seed: int = 0) -> dict[str, Tensor]:
        """Inputs by name: noise, with some keypoints that are not known."""
        generator = torch.Generator().manual_seed(seed)
        config = self.net.config
        known = torch.rand(batch, keypoints, generator=generator) > 0.2
        inputs = {
            "images": torch.randn(batch, 3, *config.image_size, generator=generator),
            "tokens": torch.randn(batch, keypoints, config.width, generator=generator),
            "mask": known,
        }
        if config.layout:
            points = torch.rand(batch, shots, keypoints, 2, generator=generator)
            inputs["layout_points"] = points
            inputs["layout_known"] = known[:, None].expand(-1, shots, -1).contiguous()
            landmarks = (batch, shots, LANDMARKS)
            inputs["landmark_points"] = torch.rand(*landmarks, 2, generator=generator)
            inputs["landmarks"] = torch.randn(*landmarks, config.width, generator=generator)
        return inputs


def write(frame: FramePass, path: Path, keypoints: int, shots: int) -> None:
    """Write the ONNX file; batches of any size, categories of up to so many keypoints and shots.

    Raises `CapeError` if a package is missing or the file cannot be written.
    """
    try:
        import onnxruntime  # noqa: F401  # checks
        import onnxscript  # noqa: F401  # what torch.onnx stands on
    except ImportError as error:
        raise CapeError(
            f"{error}; install what `cape lab export-onnx` needs: {how_to_install('export')}"
        ) from error
    if not path.parent.is_dir():
        raise CapeError(f"{path}: {path.parent} is no folder")
    frame.eval()
    example = frame.example(2, keypoints, shots)
    with torch.inference_mode():
        frame(**example)  # what is made once and kept must not be made of the exporter's tensors
    batch = torch.export.Dim("batch", min=1)
    with _quiet():
        program = torch.onnx.export(
            frame,
            kwargs=example,
            input_names=list(example),
            output_names=OUTPUTS,
            dynamic_shapes={name: {0: batch} for name in example},
            opset_version=OPSET,
            dynamo=True,
            optimize=False,  # its clip fusion leaves a graph that is not valid
            verbose=False,
        )
    assert program is not None
    try:
        program.save(path)
    except OSError as error:
        raise CapeError(f"{path}: cannot be written: {error}") from error


def differences(frame: FramePass, path: Path, keypoints: int, shots: int) -> dict[str, float]:
    """The largest difference between the file, run by onnxruntime, and PyTorch: of points in pixels
    of the crop, and of scores. On noise, in batches of 1 and 3."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    worst = dict.fromkeys(OUTPUTS, 0.0)
    scale = {"points": float(max(frame.net.config.image_size)), "scores": 1.0}
    for batch in (1, 3):
        inputs = frame.example(batch, keypoints, shots, seed=batch)
        with torch.inference_mode():
            expected = frame(**inputs)
        known = inputs["mask"].numpy()
        actual = session.run(OUTPUTS, {name: value.numpy() for name, value in inputs.items()})
        for name, one, other in zip(OUTPUTS, actual, expected, strict=True):
            difference = np.abs(one - other.numpy())[known]
            worst[name] = max(worst[name], scale[name] * float(difference.max()))
    return worst


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the ONNX exporter's debug output and its remark that inputs share an axis."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="# The axis name", category=UserWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
