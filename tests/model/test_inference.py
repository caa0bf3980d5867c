"""Networks that are made ready to answer, against the plain ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from golden import POINTS, SIMILARITY, Golden
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cape_ros.model import CapeFormer, CapeFormerConfig, KeypointTokens, checkpoints, weights
from cape_ros.model.inference import ready
from cape_ros.model.layout.layout import LANDMARKS, Layouts
from cape_ros.model.layout.rotations import judge
from cape_ros.model.layout.votes import bell, spread_evenly, transforms
from cape_ros.model.scores import Calibration

pytestmark = pytest.mark.numeric

CPU = torch.device("cpu")


def randomised(net: CapeFormer) -> CapeFormer:
    """Batch norms as after training: none of them does nothing."""
    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
            nn.init.uniform_(module.weight, 0.8, 1.2, generator=generator)
            nn.init.normal_(module.bias, 0, 0.1, generator=generator)
    return net


@pytest.mark.parametrize("backbone", ["resnet50", "resnet18", "mobilenet_v2"])
@pytest.mark.parametrize("shared", [True, False])
def test_no_batch_norm_is_left_and_the_features_are_the_same(backbone: str, shared: bool) -> None:
    torch.manual_seed(0)
    config = CapeFormerConfig(backbone=backbone, image_size=(64, 64), shared_backbone=shared)
    net = randomised(CapeFormer(config).eval())
    fast = ready(net, CPU)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        for support in (False, True):
            plain, found = net.extract(images, support), fast.extract(images, support)
            assert torch.allclose(found, plain, rtol=1e-3, atol=1e-4 * plain.abs().max())


@pytest.fixture(scope="module")
def golden(shared: Path) -> Golden:
    return Golden(shared / "golden")


@pytest.fixture(scope="module")
def fast(golden: Golden) -> CapeFormer:
    return ready(CapeFormer.from_released(golden.state_dict()), CPU)


@pytest.mark.parametrize("case", ["s1", "s3", "u0", "u1", "am"])
def test_numbers_of_the_release(golden: Golden, fast: CapeFormer, case: str) -> None:
    with torch.inference_mode():
        tokens, output = golden.run(fast, case)
    for value, name, tolerance in (
        (output.points, "output", POINTS),
        (output.proposals[None], "proposals", POINTS),
        (output.similarity[None], "similarity_map", SIMILARITY),
    ):
        expected = torch.from_numpy(golden.expected[f"{case}_{name}"])
        difference = (value - expected).abs()[:, tokens.mask]
        assert difference.numel() == 0 or difference.max() <= tolerance


class NoCopies(TorchDispatchMode):
    """Raises where something that lies on the host is handed to the device, or the other way."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        devices = {
            tensor.device.type
            for tensor in tree_leaves((args, kwargs, out))
            if isinstance(tensor, torch.Tensor) and tensor.dim() > 0
        }
        assert len(devices) <= 1, f"{func} between {devices}"
        return out


@pytest.mark.parametrize("name", ["released", "shipped"])
def test_nothing_waits_for_the_host(name: str) -> None:
    """What a CUDA graph demands of a pass; shown with tensors that pretend to lie on a GPU."""
    if name == "shipped":
        net, facts = checkpoints.load(weights.SHIPPED)
        calibration = Calibration.from_facts(facts)
    else:
        net, calibration = CapeFormer().eval(), Calibration()
    with FakeTensorMode(allow_non_fake_inputs=True), torch.inference_mode():
        for module in net.modules():
            for name_, parameter in module._parameters.items():
                if parameter is not None:
                    moved = torch.empty_like(parameter, device="cuda")
                    module._parameters[name_] = nn.Parameter(moved, requires_grad=False)
            for name_, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name_] = torch.empty_like(buffer, device="cuda")
        points = torch.empty(2, 1, 20, 2, device="cuda")
        known = torch.empty(2, 20, dtype=torch.bool, device="cuda")
        places = torch.empty(2, 1, LANDMARKS, 2, device="cuda")
        landmarks = torch.empty(2, 1, LANDMARKS, net.config.width, device="cuda")
        voters = Layouts(points, known[:, None], places, landmarks)
        layouts = voters if net.config.layout else None
        tokens = KeypointTokens(torch.empty(2, 20, net.config.width, device="cuda"), known, layouts)
        images = torch.empty(2, 3, 256, 256, device="cuda")
        try:
            transforms(torch.device("cuda", 0))  # made once, before anything is recorded
            with NoCopies():
                output = net(images, tokens)
                assert calibration(output.evidence, known).device.type == "cuda"
                hypothesis = judge((), output.evidence, output.points[-1], tokens)
                assert hypothesis.eighth.device.type == "cuda"
        finally:
            for made_once in (transforms, bell, spread_evenly):
                made_once.cache_clear()
