"""CapeFormer in PyTorch: tensors in, tensors out."""

from cape_ros.model.capeformer import CapeFormer
from cape_ros.model.config import CapeFormerConfig
from cape_ros.model.output import Attention, CapeOutput
from cape_ros.model.tokens import KeypointTokens

__all__ = ["Attention", "CapeFormer", "CapeFormerConfig", "CapeOutput", "KeypointTokens"]
