"""The methods that the paper compares with."""

from __future__ import annotations

import pytest
import torch

from cape_ros.lab.baselines.interface import output_of
from cape_ros.lab.baselines.pomnet import POMNet, best_points
from cape_ros.lab.baselines.protonet import ProtoNet
from cape_ros.lab.datasets.mp100 import Dataset
from cape_ros.lab.evaluation.evaluate import compare
from cape_ros.lab.evaluation.methods import WEIGHTS
from cape_ros.model import CapeFormer, CapeFormerConfig, KeypointTokens

pytestmark = pytest.mark.numeric

SMALL = CapeFormerConfig("resnet18", 32, (64, 64), width=32, heads=4, feedforward=32, dropout=0.0)


def parameters(net: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def test_pomnet_has_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        net = POMNet()
    assert round(parameters(net) / 1e6, 2) == 61.07


def test_protonet_is_a_backbone_and_a_projection() -> None:
    with torch.device("meta"):
        net = ProtoNet()
    assert parameters(net) == 23_508_032 + 2048 * 256 + 256


@pytest.mark.parametrize("kind", [ProtoNet, POMNet, CapeFormer])
def test_each_can_be_measured_as_the_weights_are(
    dataset: Dataset, kind: type[ProtoNet | POMNet | CapeFormer]
) -> None:
    torch.manual_seed(0)
    net = kind(CapeFormerConfig(**SMALL.to_dict() | {"decoder_layers": 0})).eval()
    found = compare(dataset, net, {}, shots=(2,), most_pairs=3)
    (part,) = found.parts[2]
    assert [points.shape for points in part.points[WEIGHTS]] == [(2, 2)] * 3
    assert all(((scores >= 0) & (scores <= 1)).all() for scores in part.scores)


def test_protonet_finds_the_place_whose_feature_the_prototype_is() -> None:
    torch.manual_seed(0)
    net = ProtoNet(SMALL).eval()
    features = torch.randn(1, net.backbone.channels, 8, 8)
    heatmaps = torch.zeros(1, 1, 8, 8)
    heatmaps[0, 0, 2, 5] = 1
    tokens = net.pool([features], [heatmaps], [torch.ones(1, 1)])
    output = net.match(features, tokens)
    assert output.similarity[0, 0].flatten().argmax() == 2 * 8 + 5


def test_protonet_learns_where_the_keypoints_that_count_are() -> None:
    logits = torch.full((1, 2, 8, 8), -20.0)
    logits[0, :, 2, 5] = 0
    output = output_of(logits, torch.zeros(1, 2, 2), torch.zeros(1, 2, 2))
    here, elsewhere = [5.5 / 8, 2.5 / 8], [1.5 / 8, 6.5 / 8]

    def loss(first: list[float], second: list[float]) -> float:
        points = torch.tensor([[first, second]])
        counting = torch.tensor([[1.0, 0.0]])
        return float(ProtoNet(SMALL).losses(output, points, logits, counting)["loss"])

    assert loss(here, elsewhere) == pytest.approx(0, abs=1e-4)
    assert loss(elsewhere, here) == pytest.approx(20, abs=0.1)


@torch.no_grad()
def test_an_unknown_keypoint_of_pomnet_moves_no_other() -> None:
    torch.manual_seed(0)
    net = POMNet(SMALL).eval()
    features = net.extract(torch.randn(1, 3, 64, 64))
    tokens, mask = torch.randn(1, 3, 32), torch.tensor([[True, False, True]])
    first = net.match(features, KeypointTokens(tokens, mask))
    assert first.similarity.shape == (1, 3, 16, 16)
    tokens = tokens.clone()
    tokens[0, 1] = 5
    second = net.match(features, KeypointTokens(tokens, mask))
    for index in (0, 2):
        assert torch.allclose(first.similarity[0, index], second.similarity[0, index], atol=1e-5)
    nothing = net.match(features, KeypointTokens(tokens, torch.zeros_like(mask)))
    assert torch.isfinite(nothing.similarity).all()


def test_the_best_cell_moves_towards_its_higher_neighbour() -> None:
    heatmap = torch.zeros(1, 1, 4, 8)
    heatmap[0, 0, 1, 3], heatmap[0, 0, 1, 4] = 1.0, 0.5
    assert torch.allclose(best_points(heatmap), torch.tensor([[[3.75 / 8, 1.5 / 4]]]))


def test_pomnet_learns_from_the_keypoints_that_count() -> None:
    torch.manual_seed(0)
    net = POMNet(SMALL)
    output = net(
        torch.randn(2, 3, 64, 64), KeypointTokens(torch.randn(2, 2, 32), torch.ones(2, 2).bool())
    )
    target, counting = torch.rand(2, 2, 64, 64), torch.tensor([[1.0, 0], [0, 0]])
    points = torch.rand(2, 2, 2)
    one = net.losses(output, points, target, counting)["loss"]
    target[:, 1] = 7
    assert net.losses(output, points, target, counting)["loss"] == one
    one.backward()
    assert net.head[-1].weight.grad.abs().sum() > 0
