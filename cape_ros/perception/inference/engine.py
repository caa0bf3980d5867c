"""Chooses the inference engine of a device: PyTorch, CUDA graphs or OpenVINO."""

from __future__ import annotations

import torch

from cape_ros.model import CapeFormer
from cape_ros.model.scores import Calibration
from cape_ros.perception.inference.cuda_graphs import CudaGraphs
from cape_ros.perception.inference.device import OPENVINO, find_device, find_precision
from cape_ros.perception.inference.network import Network
from cape_ros.perception.inference.openvino_cpu import Openvino
from cape_ros.perception.inference.recorded import RecordedNetwork


def build_network(
    net: CapeFormer, calibration: Calibration, device: str, precision: str
) -> Network:
    """CUDA graphs on a GPU, OpenVINO if it is named, else PyTorch op by op.

    Raises `DeviceError` if the device or the precision is not available.
    """
    place = find_device(device)
    dtype = find_precision(precision, place)
    if place.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # float32 is float32, not 10 bits of it
        return RecordedNetwork(net, calibration, place, dtype, CudaGraphs(place))
    if device != OPENVINO:
        return Network(net, calibration, place, dtype)
    return RecordedNetwork(net, calibration, place, torch.float32, Openvino(dtype))
