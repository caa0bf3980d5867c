from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from cape_ros.core.errors import CheckpointError, InvalidInput
from cape_ros.model import CapeFormer, CapeFormerConfig, KeypointTokens
from cape_ros.model.pooling import pool_keypoints
from cape_ros.model.proposals import local_argmax, soft_argmax

pytestmark = pytest.mark.numeric

SMALL = {"width": 32, "heads": 4, "feedforward": 48, "image_size": (64, 64)}


def small(**fields: object) -> CapeFormer:
    torch.manual_seed(0)
    values = {"backbone": "resnet18", "stride": 16, **SMALL, **fields}
    return CapeFormer(CapeFormerConfig.from_dict(values)).eval()


def support(net: CapeFormer, batch: int, keypoints: int, shots: int = 1) -> KeypointTokens:
    height, width = net.config.image_size
    return net.encode_support(
        [torch.randn(batch, 3, height, width) for _ in range(shots)],
        [torch.rand(batch, keypoints, 64, 64) for _ in range(shots)],
        [torch.ones(batch, keypoints) for _ in range(shots)],
    )


@pytest.mark.parametrize("backbone", ["resnet50", "resnet18", "mobilenet_v2"])
@pytest.mark.parametrize("stride", [16, 32])
@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
def test_every_backbone_stride_and_shape(backbone: str, stride: int, size: tuple[int, int]) -> None:
    net = small(backbone=backbone, stride=stride, image_size=size)
    with torch.inference_mode():
        out = net(torch.randn(2, 3, *size), support(net, 2, 5), attention=True)
    grid = (size[0] // stride, size[1] // stride)
    assert out.points.shape == (3, 2, 5, 2)
    assert out.proposals.shape == out.soft_proposals.shape == (2, 5, 2)
    assert out.similarity.shape == (2, 5, *grid)
    assert out.attention is not None
    assert out.attention.encoder.shape == out.attention.decoder.shape == (3, 2, 5, *grid)
    assert ((out.points >= 0) & (out.points <= 1)).all()


@pytest.mark.parametrize("size", [(64, 64), (64, 96)])
def test_fine_similarity_over_pooled_tokens(size: tuple[int, int]) -> None:
    net = small(stride=8, pooling=2, image_size=size)
    with torch.inference_mode():
        out = net(torch.randn(2, 3, *size), support(net, 2, 5), attention=True)
    assert out.similarity.shape == (2, 5, size[0] // 8, size[1] // 8)
    assert out.attention is not None
    assert out.attention.encoder.shape == (3, 2, 5, size[0] // 16, size[1] // 16)
    assert ((out.points >= 0) & (out.points <= 1)).all()


@pytest.mark.parametrize("layers", [0, 3])
@pytest.mark.parametrize("layout", [False, True])
def test_the_answer_is_the_last_of_all_that_is_computed(layers: int, layout: bool) -> None:
    net = small(stride=8, layout=layout, decoder_layers=layers)
    for parameter in net.decoder.offset_heads.parameters() if net.decoder else ():
        torch.nn.init.normal_(parameter, std=0.1)  # a new head moves nothing
    with torch.inference_mode():
        tokens, features = support(net, 2, 5), net.extract(torch.randn(2, 3, 64, 64))
        output = net.match(features, tokens)
        points, evidence = net.answer(features, tokens)
    torch.testing.assert_close(points, output.points[-1])
    torch.testing.assert_close(evidence, output.evidence)


def test_features_at_stride_8_know_what_and_where() -> None:
    """Layer3 beside layer2, each of one length, on layer2's grid."""
    net = small(stride=8)
    with torch.inference_mode():
        features = net.extract(torch.randn(1, 3, 64, 64))
    assert features.shape == (1, 384, 8, 8)
    deep, fine = features.norm(dim=1).square(), features[:, 256:].norm(dim=1)
    assert torch.allclose(fine, torch.full_like(fine, 0.5), atol=1e-4)
    assert (deep <= 1.25 + 1e-4).all()  # layer3's is shorter where it was interpolated


@pytest.mark.parametrize("shared_backbone", [True, False])
@pytest.mark.parametrize("shared_offset_head", [True, False])
def test_released_names_round_trip(shared_backbone: bool, shared_offset_head: bool) -> None:
    fields = {
        **SMALL,
        "backbone": "resnet18",
        "shared_backbone": shared_backbone,
        "shared_offset_head": shared_offset_head,
    }
    net = small(**fields, stride=32)
    state = net.released_state_dict()
    again = CapeFormer.from_released(state, **fields).released_state_dict()
    assert state.keys() == again.keys()
    assert all(torch.equal(state[key], again[key]) for key in state)


def test_released_model_has_its_780_keys_and_parameters() -> None:
    net = CapeFormer()
    assert len(net.released_state_dict()) == 780
    assert sum(p.numel() for p in net.parameters()) == 36_524_998


def test_a_wrong_state_dict_names_every_key() -> None:
    fields = {**SMALL, "backbone": "resnet18"}
    state = small(stride=32).released_state_dict()
    del state["keypoint_head.input_proj.bias"]
    state["keypoint_head.query_proj.bias"] = torch.zeros(3)
    state["left_over"] = torch.zeros(1)
    state["encoder_query.conv1.weight"] = state["encoder_query.conv1.weight"] + 1
    with pytest.raises(CheckpointError) as error:
        CapeFormer.from_released(state, **fields)
    for part in (
        "missing keypoint_head.input_proj.bias",
        "misshapen keypoint_head.query_proj.bias",
        "unexpected left_over",
        "encoder_query.conv1.weight differs",
    ):
        assert part in str(error.value)


def test_more_keypoints_than_the_order_length_are_refused() -> None:
    net = small()
    tokens = support(net, 1, 9)
    query = torch.randn(1, 3, 64, 64)
    with pytest.raises(InvalidInput, match="9 are more than the 8"):
        net(query, tokens, order_length=8)
    assert net(query, tokens, order_length=9).points.shape[2] == 9


def test_one_stage_answers_with_the_proposals() -> None:
    net = small(decoder_layers=0)
    out = net(torch.randn(1, 3, 64, 64), support(net, 1, 4))
    assert torch.equal(out.points[-1], out.proposals)


def test_unknown_keypoints_do_not_change_the_others() -> None:
    net = small()
    tokens = support(net, 1, 6)
    query = torch.randn(1, 3, 64, 64)
    mask = torch.tensor([[True, True, False, True, True, False]])
    with torch.inference_mode():
        one = net(query, KeypointTokens(tokens.tokens, mask))
        noise = torch.where(mask[..., None], tokens.tokens, torch.randn_like(tokens.tokens))
        two = net(query, KeypointTokens(noise, mask))
    assert torch.allclose(one.points[:, mask], two.points[:, mask], atol=1e-6)


def test_batch_and_single_agree() -> None:
    net = small()
    tokens = support(net, 3, 5)
    query = torch.randn(3, 3, 64, 64)
    with torch.inference_mode():
        together = net(query, tokens)
        alone = net(query[1:2], KeypointTokens(tokens.tokens[1:2], tokens.mask[1:2]))
    assert torch.allclose(together.points[:, 1:2], alone.points, atol=1e-5)


@pytest.mark.parametrize("grid", [(8, 8), (16, 16), (6, 9)])
def test_adjoint_pooling_equals_pooling_the_upsampled_features(grid: tuple[int, int]) -> None:
    torch.manual_seed(1)
    features, heatmaps = torch.randn(2, 7, *grid), torch.rand(2, 5, 64, 48)
    up = F.interpolate(features, size=(64, 48), mode="bilinear", align_corners=False)
    weights = heatmaps / (heatmaps.sum(dim=(-2, -1), keepdim=True) + 1e-8)
    plain = (weights[:, :, None] * up[:, None]).sum(dim=(-2, -1))
    assert torch.allclose(pool_keypoints(features, heatmaps), plain, atol=1e-6)


def test_soft_argmax_on_a_rectangular_grid() -> None:
    similarity = torch.full((1, 1, 6, 9), -20.0)
    similarity[0, 0, 4, 7] = 20
    soft, local = soft_argmax(similarity), local_argmax(similarity)
    centre = torch.tensor([[[7.5 / 9, 4.5 / 6]]])
    assert torch.allclose(soft, centre, atol=1e-5)
    assert torch.allclose(local, centre, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"backbone": "vgg", "stride": 4}, ["backbone", "stride"]),
        ({"image_size": (250, 256), "width": 30}, ["image_size", "width"]),
        ({"feedforward": 0, "dropout": 1.0, "decoder_layers": -1}, ["feedforward", "dropout"]),
        ({"layers": 3}, ["layers"]),
        ({"backbone": "mobilenet_v2", "stride": 8, "mask_sigma": 0}, ["stride", "mask_sigma"]),
        ({"pooling": 0}, ["pooling"]),
        ({"backbone": "resnet18", "stride": 16, "pooling": 3}, ["image_size"]),
    ],
)
def test_an_impossible_config_names_its_fields(fields: dict, names: list[str]) -> None:
    with pytest.raises(InvalidInput) as error:
        CapeFormerConfig.from_dict(fields)
    assert all(name in str(error.value) for name in names)
