"""The residual networks against torchvision's."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torchvision.models import resnet18, resnet50

from cape_ros.model.resnet import BasicBlock, Bottleneck, ResNet


@pytest.mark.parametrize(
    ("block", "layers", "reference"),
    [(BasicBlock, [2, 2, 2, 2], resnet18), (Bottleneck, [3, 4, 6, 3], resnet50)],
    ids=["resnet18", "resnet50"],
)
def test_names_initial_values_and_results_are_torchvisions(
    block: type, layers: list[int], reference: type
) -> None:
    torch.manual_seed(5)
    expected = reference()
    torch.manual_seed(5)
    net = ResNet(block, layers)
    values = expected.state_dict()
    assert net.state_dict().keys() == values.keys()
    assert all(torch.equal(value, values[name]) for name, value in net.state_dict().items())
    images = torch.randn(2, 3, 64, 96)
    for mode in (True, False):  # training; evaluation with its statistics
        x = net.train(mode).maxpool(net.relu(net.bn1(net.conv1(images))))
        y = expected.train(mode).maxpool(expected.relu(expected.bn1(expected.conv1(images))))
        for number in range(1, 5):
            x = getattr(net, f"layer{number}")(x)
            y = getattr(expected, f"layer{number}")(y)
            assert torch.equal(x, y)


@pytest.mark.slow
def test_the_shipped_network_does_not_import_torchvision() -> None:
    program = (
        "import sys; from cape_ros.perception.estimator import Estimator; "
        "Estimator.load(device='cpu'); "
        "print(*(name for name in ('torchvision', 'torch._dynamo') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
