"""Forward passes compiled by OpenVINO for a CPU.

One object at a time: with all cores at one the next is no later, and the time is the same for each.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cape_ros.core.errors import DeviceError
from cape_ros.perception.inference.recorded import Pass, Replay

PRECISIONS = {torch.float32: "f32", torch.bfloat16: "bf16"}


class Openvino:
    """The recorder of the CPU.

    dtype: in which it computes; what it is given is float32. Raises `DeviceError` if it cannot be
    loaded.
    """

    batches = (1,)
    layouts = False  # gathering at places that are computed is not among its operations

    def __init__(self, dtype: torch.dtype) -> None:
        try:
            import openvino
        except ImportError as error:  # it is there, but not whole
            raise DeviceError(f"device openvino: {error}; install it again, or use cpu") from error
        self._precision = PRECISIONS[dtype]
        self._openvino = openvino
        self._core = openvino.Core()

    def record(self, run: Pass, inputs: Sequence[Tensor]) -> tuple[Sequence[Tensor], Replay]:
        """Compiles the pass for the CPU; as `Recorder.record`."""
        run(*inputs)  # what is made once and kept must not be made while it is traced
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that shapes become constants is what is wanted
            traced = torch.jit.trace(_Module(run), tuple(inputs), check_trace=False)
            shapes = [tuple(each.shape) for each in inputs]
            try:
                model = self._openvino.convert_model(
                    traced, example_input=tuple(inputs), input=shapes
                )
            except Exception as error:  # its own kinds are no RuntimeErrors
                raise RuntimeError(f"OpenVINO: {error}") from error
        request = self._core.compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": self._precision,
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "ENABLE_CPU_PINNING": False,  # the node's other threads want the cores as well
            },
        ).create_infer_request()
        shared = self._openvino.Tensor
        for at, each in enumerate(inputs):
            request.set_input_tensor(at, shared(each.numpy(), shared_memory=True))
        request.infer()
        outputs = [torch.from_numpy(each.data.copy()) for each in request.output_tensors]
        for at, each in enumerate(outputs):
            request.set_output_tensor(at, shared(each.numpy(), shared_memory=True))
        return outputs, request.infer


class _Module(nn.Module):
    def __init__(self, run: Pass) -> None:
        super().__init__()
        self._run = run

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return self._run(*inputs)
