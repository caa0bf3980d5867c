"""Converts parameter names between the authors' release and this package.

A released state dict has the shared backbone twice, as `encoder_sample.*` and `encoder_query.*`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from cape_ros.core.errors import CheckpointError

if TYPE_CHECKING:
    from cape_ros.model.capeformer import CapeFormer

SUPPORT, QUERY = "encoder_sample.", "encoder_query."
HEAD = "keypoint_head."
OURS_TO_RELEASED = (
    (r"^support_backbone\.", SUPPORT),
    (r"^backbone\.", QUERY),
    (r"^input_proj\.", HEAD + "input_proj."),
    (r"^token_proj\.", HEAD + "query_proj."),
    (r"^proposals\.", HEAD + "transformer.proposal_generator."),
    (r"^decoder\.offset_heads\.(\d+)\.", HEAD + r"kpt_branch.\1.mlp."),
    (r"^decoder\.ref_point_head\.0\.", HEAD + "transformer.decoder.ref_point_head.layers.0."),
    (r"^decoder\.ref_point_head\.2\.", HEAD + "transformer.decoder.ref_point_head.layers.1."),
    (r"^(encoder|decoder)\.", HEAD + r"transformer.\1."),
)


def released_names(ours: str, net: CapeFormer) -> list[str]:
    """Every released name of one of our parameters; a shared one has several."""
    for pattern, replacement in OURS_TO_RELEASED:
        name, count = re.subn(pattern, replacement, ours)
        if count:
            break
    if name.startswith(QUERY) and net.config.shared_backbone:
        return [SUPPORT + name[len(QUERY) :], name]
    if ".kpt_branch.0." in name and net.config.shared_offset_head:
        layers = range(net.config.decoder_layers)
        return [name.replace(".kpt_branch.0.", f".kpt_branch.{layer}.") for layer in layers]
    return [name]


def from_ours(net: CapeFormer) -> dict[str, Tensor]:
    """The network's parameters and buffers under the released names."""
    return {
        name: tensor
        for ours, tensor in net.state_dict().items()
        for name in released_names(ours, net)
    }


def to_ours(state_dict: Mapping[str, Tensor], net: CapeFormer) -> dict[str, Tensor]:
    """A released state dict under our names, for `net.load_state_dict`.

    Raises `CheckpointError` that names every missing, unexpected and misshapen key, and every
    pair of keys that the network shares but the checkpoint does not.
    """
    faults: list[str] = []
    result: dict[str, Tensor] = {}
    known: set[str] = set()
    for ours, tensor in net.state_dict().items():
        names = released_names(ours, net)
        known.update(names)
        for name in names:
            if name not in state_dict:
                faults.append(f"missing {name}")
            elif state_dict[name].shape != tensor.shape:
                shape, expected = tuple(state_dict[name].shape), tuple(tensor.shape)
                faults.append(f"misshapen {name}: {shape}, expected {expected}")
            elif ours in result and not result[ours].equal(state_dict[name]):
                faults.append(f"{name} differs from {names[0]}, with which it is shared")
            else:
                result[ours] = state_dict[name]
    faults += [f"unexpected {name}" for name in state_dict if name not in known]
    if faults:
        raise CheckpointError(
            "not a released CapeFormer of this architecture: " + "; ".join(faults)
        )
    return result
