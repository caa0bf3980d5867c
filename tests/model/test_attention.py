from __future__ import annotations

import pytest
import torch

from cape_ros.model.attention import FusedAttention

pytestmark = pytest.mark.numeric

WIDTH, HEADS = 64, 4


@pytest.mark.parametrize("value_width", [None, 32])
@pytest.mark.parametrize("count", [1, 5, 15, 16, 40])
@torch.no_grad()
def test_few_queries_find_what_many_do(count: int, value_width: int | None) -> None:
    """Those that are asked for weights, too, always take the way of many."""
    torch.manual_seed(0)
    attention = FusedAttention(WIDTH, HEADS, 0.0, value_width).eval()
    torch.nn.init.normal_(attention.in_proj_bias)
    queries, keys = torch.randn(2, count, WIDTH), torch.randn(2, 50, WIDTH)
    values = torch.randn(2, 50, value_width or WIDTH)
    found, _ = attention(queries, keys, values)
    expected, _ = attention(queries, keys, values, weights=True)
    assert (found - expected).abs().max() < 1e-5
