"""What runs the network fastest on a device."""

from __future__ import annotations

import torch

from cape_ros.model import CapeFormer
from cape_ros.model.scores import Calibration
from cape_ros.perception import openvino_cpu
from cape_ros.perception.cuda_graphs import CudaGraphs
from cape_ros.perception.network import Network
from cape_ros.perception.recorded import RecordedNetwork


def build_network(
    net: CapeFormer,
    calibration: Calibration,
    device: torch.device,
    dtype: torch.dtype,
    recorded: bool = True,
) -> Network:
    """CUDA graphs on a GPU; on a CPU OpenVINO, if it is installed and can; otherwise op by op."""
    if recorded and device.type == "cuda":
        return RecordedNetwork(net, calibration, device, dtype, CudaGraphs(device))
    if recorded and openvino_cpu.can_run(net.config, device, dtype):
        recorder = openvino_cpu.Openvino(dtype)
        return RecordedNetwork(net, calibration, device, torch.float32, recorder)
    return Network(net, calibration, device, dtype)
