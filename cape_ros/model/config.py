"""The architecture of a CapeFormer; the defaults are the released model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from cape_ros.core.errors import Fault, InvalidInput

BACKBONES = ("resnet50", "resnet18", "mobilenet_v2")
STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class CapeFormerConfig:
    """Architecture of a network. Raises `InvalidInput` that names every field that cannot be.

    With `decoder_layers=0` the proposals are the answer (the one-stage CapeFormer of the paper).
    """

    backbone: str = "resnet50"  # a torchvision network
    stride: int = 32  # image pixels per feature cell: where the backbone is cut; 8: see backbone.py
    image_size: tuple[int, int] = (256, 256)  # height, width of the network's input
    pooling: int = 1  # n x n feature cells are one token to the encoder and the decoder
    mask_sigma: float = 2.0  # of the support's soft masks, in cells of 64 x 64
    round_masks: bool = True  # their centres lie on whole cells, as the release has it
    layout: bool = False  # the support's layout votes on the proposals: see layout.py
    width: int = 256  # d: channels of every token
    heads: int = 8
    encoder_layers: int = 3
    decoder_layers: int = 3
    feedforward: int = 2048  # hidden channels of the transformer's feed-forward blocks
    dropout: float = 0.1
    shared_backbone: bool = True  # supplementary, Table A2
    shared_offset_head: bool = False  # supplementary, Table A2
    order_length: int = 100  # length over which the order of the keypoints is encoded

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_size", tuple(self.image_size))
        faults = []
        if self.backbone not in BACKBONES:
            faults.append(Fault("backbone", f"{self.backbone!r} is not one of {BACKBONES}"))
        if self.stride not in STRIDES:
            faults.append(Fault("stride", f"{self.stride} is not one of {STRIDES}"))
        elif self.stride == 8 and self.backbone == "mobilenet_v2":
            faults.append(Fault("stride", "8 is there for ResNets only"))
        elif self.pooling < 1:
            faults.append(Fault("pooling", "must be at least 1"))
        elif len(self.image_size) != 2 or any(n <= 0 or n % self._cell for n in self.image_size):
            faults.append(
                Fault("image_size", f"{self.image_size} must be two multiples of {self._cell}")
            )
        if not self.mask_sigma > 0:
            faults.append(Fault("mask_sigma", f"{self.mask_sigma} must be above 0"))
        if self.heads < 1 or self.width < 4 or self.width % (4 * self.heads):
            faults.append(Fault("width", f"{self.width} must be a multiple of 4 x heads"))
        if not 0 <= self.dropout < 1:
            faults.append(Fault("dropout", f"{self.dropout} must lie in [0, 1)"))
        for name in ("feedforward", "order_length"):
            if getattr(self, name) < 1:
                faults.append(Fault(name, "must be at least 1"))
        for name in ("encoder_layers", "decoder_layers"):
            if getattr(self, name) < 0:
                faults.append(Fault(name, "must not be negative"))
        if faults:
            raise InvalidInput(faults)

    @property
    def _cell(self) -> int:
        """Image pixels per token of the encoder."""
        return self.stride * self.pooling

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the feature grid, on which the similarity is computed."""
        return self.image_size[0] // self.stride, self.image_size[1] // self.stride

    @property
    def token_grid(self) -> tuple[int, int]:
        """Height and width of the grid of image tokens in encoder and decoder."""
        return self.image_size[0] // self._cell, self.image_size[1] // self._cell

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, as `from_dict` reads them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> CapeFormerConfig:
        """Raises `InvalidInput` for a key that no field has."""
        unknown = values.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise InvalidInput(Fault(name, "is not a field of the network") for name in unknown)
        return cls(**values)
