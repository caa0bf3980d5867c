"""Forward passes as CUDA graphs: a frame costs the host a few calls, not hundreds."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cape_ros.perception.inference.recorded import Pass, Replay

WARM_UP = 3  # passes before the recording: libraries choose their algorithms


class CudaGraphs:
    """The recorder of one GPU; all graphs share one pool of memory."""

    batches = (1, 2, 4, 8, 16, 32)
    layouts = True

    def __init__(self, device: torch.device):
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, run: Pass, inputs: Sequence[Tensor]) -> tuple[Sequence[Tensor], Replay]:
        """Captures a CUDA graph of the pass; as `Recorder.record`."""
        # cuDNN selects its fastest convolutions here, once.
        choosing = torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False)
        with torch.cuda.device(self._device), choosing:
            aside, now = torch.cuda.Stream(), torch.cuda.current_stream()
            aside.wait_stream(now)
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    run(*inputs)
            now.wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool):
                outputs = run(*inputs)
        return outputs, graph.replay
