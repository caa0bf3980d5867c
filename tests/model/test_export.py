"""The ONNX file answers as PyTorch does; `differences` runs it with onnxruntime."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cape_ros.core.errors import CapeError
from cape_ros.model import CapeFormer, CapeFormerConfig
from cape_ros.model.export import FramePass, differences, write
from cape_ros.model.scores import Calibration

pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install onnxruntime")
pytest.importorskip("onnxscript", reason="needs onnxscript: pip install onnxscript")


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "layout"])
def frame(request: pytest.FixtureRequest) -> FramePass:
    torch.manual_seed(0)
    config = CapeFormerConfig(
        backbone="resnet18",
        stride=16,
        image_size=(128, 128),
        width=32,
        heads=4,
        feedforward=48,
        encoder_layers=1,
        decoder_layers=1,
        layout=request.param,
    )
    net = CapeFormer(config)
    for head in net.decoder.offset_heads:
        torch.nn.init.normal_(head[-1].weight, std=0.1)
    calibration = Calibration((0.5, -1.0, 0.1, 0.2, 0.1), 0.3)
    return FramePass(net.eval(), calibration)


def test_the_file_answers_as_pytorch_does(frame: FramePass, tmp_path: Path) -> None:
    """In batches of another size than it was made with, and with keypoints that are not known."""
    path = tmp_path / "frame.onnx"
    write(frame, path, keypoints=6, shots=2)
    worst = differences(frame, path, keypoints=6, shots=2)
    assert worst["points"] < 0.5
    assert worst["scores"] < 0.02


def test_a_file_that_cannot_be_written(frame: FramePass, tmp_path: Path) -> None:
    with pytest.raises(CapeError, match="no-such-folder"):
        write(frame, tmp_path / "no-such-folder" / "frame.onnx", keypoints=3, shots=1)
